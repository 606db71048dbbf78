/* What the thread sanitizer may not judge: libzmq and liblmdb are not built with it, so it sees memory change hands there
 * without seeing the atomic operations that order it; libsodium writes what libzmq deciphers. Nor does it see libzmq
 * close a descriptor, or the system make a timer's: where a timer is closed (stop_stranger), whoever had a descriptor of
 * that number before seems to race. Our own threads stay watched. */
const char *__tsan_default_suppressions(void);

__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libzmq.so\n"
           "called_from_lib:libsodium.so\n"
           "called_from_lib:liblmdb.so\n"
           "race:libzmq.so\n"
           "race:^stop_stranger$\n";
}
