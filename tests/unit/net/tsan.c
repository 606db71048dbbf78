/* What the thread sanitizer may not judge: libzmq is not built with it, so it sees memory change hands there without
 * seeing the atomic operations that order it; libsodium writes what libzmq deciphers. Our own threads stay watched. */
const char *__tsan_default_suppressions(void);

__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libzmq.so\n"
           "called_from_lib:libsodium.so\n"
           "race:libzmq.so\n";
}
