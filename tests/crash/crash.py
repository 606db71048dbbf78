"""What the crash tests share: a hub that comes back on the same port, the load that works it, and the programs that look
at what it leaves behind.

CASEHUB_BIN is the folder of casehubd, casehub, casehub-replay and crash_load. CASEHUB_SEED repeats a run (what the machine
does in between is its own), CASEHUB_LONG=1 makes it long.
"""
import json
import os
import random
import socket
import subprocess
import sys
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests/integration"))
from chp import event  # noqa: E402, F401 (for the tests)
from hub import BIN, Hub, wait_until  # noqa: E402

LONG = os.environ.get("CASEHUB_LONG", "") not in ("", "0")
# The short series does the same each time; the long one looks for what nobody has seen yet.
SEED = int(os.environ.get("CASEHUB_SEED", "0")) or (random.SystemRandom().randrange(1, 2**31) if LONG else 20261124)
PATIENCE = 120.0  # seconds for what takes long on a busy machine; never reached when all is well

EX_DATAERR, EX_NOINPUT, EX_UNAVAILABLE, EX_IOERR, EX_TEMPFAIL, EX_CONFIG = 65, 66, 69, 74, 75, 78


def seeded(name):
    """A source of chance of its own for each test, so that one alone repeats what it did among the others."""
    print(f"{name}: CASEHUB_SEED={SEED}", file=sys.stderr)
    return random.Random(f"{SEED}/{name}")


def free_port(chance):
    """Below those that the system gives to outgoing connections, so that it is free again after each kill."""
    while True:
        port = chance.randrange(20000, 30000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class CrashHub(Hub):
    """One store that lives through many daemons."""

    def __init__(self, chance, **settings):
        super().__init__(**settings)
        self.settings["tcp"] = f"tcp://127.0.0.1:{free_port(chance)}"
        self.settings["ipc"] = f"ipc://{self.path('hub.ipc')}"
        self.write_config()
        self.recoveries = []  # seconds from the start of a process to its ready line

    @property
    def store(self):
        return self.path("data")

    def spawn(self, *under):
        """A daemon that nobody waits for; under: the words of a program that runs it."""
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([*under, os.path.join(BIN, "casehubd"), "--config", self.config],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        return self.process

    def start(self, *under):
        begun = time.monotonic()
        line = self.spawn(*under).stdout.readline()
        if not line:
            raise AssertionError(f"casehubd ends with {self.process.wait()}: {self.log()[-5000:]}")
        self.recoveries.append(time.monotonic() - begun)
        self.take_ready(line)
        return self

    def take_ready(self, line):
        self.ready = json.loads(line)

    def kill(self):
        """Whatever ran it: it is gone when this returns."""
        self.process.kill()
        self.process.stdout.read()
        code = self.wait()
        wait_until(lambda: not self.lives(), "the daemon is gone")
        return code

    def lives(self):
        try:
            with open(f"/proc/{self.ready['pid']}/stat", encoding="ascii") as file:
                return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return False

    def replay(self, verb, *arguments, store=None):
        """Exit code, and what casehub-replay --json says; {} when it says nothing."""
        done = subprocess.run([os.path.join(BIN, "casehub-replay"), "--store", store or self.store, verb, "--json", *arguments],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        lines = done.stdout.splitlines()
        return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr

    def tail(self, count):
        """The first events of the log as the hub serves them."""
        command = [os.path.join(BIN, "casehub"), "--json", "--hub", self.ready["tcp"], "--key", self.path("operator"),
                   "event", "tail", ">", "--from", "all", "--count", str(count)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                yield json.loads(line)
        if process.returncode != 0:
            raise AssertionError(f"casehub event tail ends with {process.returncode}")


class Load:
    """crash_load and its journals. actors: words ROLE:NAME:TRANSPORT."""

    def __init__(self, hub, actors):
        self.hub, self.actors, self.process = hub, actors, None
        os.makedirs(hub.path("journals"), exist_ok=True)

    def start(self):
        command = [os.path.join(BIN, "crash_load"), self.hub.folder, self.hub.ready["tcp"], self.hub.ready["ipc"], *self.actors]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def names(self, *roles):
        return [name for role, name, _ in (word.split(":") for word in self.actors) if role in roles]

    def lines(self, name):
        """A journal's whole lines, as lists of fields."""
        path = self.hub.path(f"journals/{name}")
        if not os.path.exists(path):
            return
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):
                    yield line[:-1].split("\t")

    def size(self):
        """Grows with every answer."""
        self.check()
        return sum(os.path.getsize(self.hub.path(f"journals/{name}")) for name in self.names("publisher", "connector")
                   if os.path.exists(self.hub.path(f"journals/{name}")))

    def check(self):
        if self.process.poll() is not None:
            raise AssertionError(f"crash_load ends with {self.process.returncode}")

    def wait_for_answers(self, seen):
        wait_until(lambda: self.size() > seen, "an answer is written down", PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop_publishing(self):
        """All that was published is answered when this returns."""
        self.process.send_signal(2)
        line = self.process.stdout.readline()
        if line != b"published\n":
            raise AssertionError(f"crash_load ends with {self.process.wait()}")

    def stop(self):
        self.process.terminate()
        if self.process.wait(PATIENCE) != 0:
            raise AssertionError(f"crash_load ends with {self.process.returncode}")
        self.process.stdout.close()

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
