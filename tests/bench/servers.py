"""The servers that are measured: how each is started, in a folder of its own and with free ports on 127.0.0.1 only, and
ended by its process id."""
import contextlib
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

START_SECONDS = 60
RUN_SECONDS = 1800


class BenchError(Exception):
    """What the user is told instead of figures."""


class Bench:
    """One call of tests/bench/run."""

    def __init__(self, source, programs, folder, scale):
        self.source, self.programs, self.folder, self.scale = source, programs, folder, scale

    def program(self, name):
        return os.path.join(self.programs, name)

    @contextlib.contextmanager
    def running(self, kind, **options):
        """A server with an empty store, answering; ended and forgotten afterwards."""
        folder = os.path.join(self.folder, kind.name)
        os.mkdir(folder)
        server = kind(self, folder, **options)
        try:
            server.create()
            server.start()
            server.drive("await")
            server.drive("prepare")
            yield server
        finally:
            server.end(signal.SIGKILL)
            server.close()
            shutil.rmtree(folder)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_alive(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    return False


class Server:
    """Each kind says how. `name` is the column, `peer` the name and `mode` the way of use that bench_drive knows."""

    name, peer, mode, packages, programs = "", "", "", (), ()
    stop_signal = signal.SIGTERM
    skips = ()        # rows that it takes no part in
    consumes = False  # whether reading takes events away
    starts_slowly = False

    def __init__(self, bench, folder, subscribers=1):
        self.bench, self.folder, self.subscribers = bench, folder, subscribers
        self.process, self.endpoint = None, ""

    @classmethod
    def missing(cls):
        """Programs that are not installed."""
        return [program for program in cls.programs if shutil.which(program) is None]

    # ---- what kinds change

    def create(self):
        """Before the first start: settings, an empty store."""

    def command(self):
        raise NotImplementedError

    def close(self):
        """After its end."""

    def environment(self):
        return None

    def store(self):
        """The folder whose growth is the cost of an event on disk."""
        return self.folder

    # ---- its process

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        """The moment just before, in nanoseconds of CLOCK_MONOTONIC. Its messages go to the file `log`."""
        with open(self.path("log"), "ab") as log:
            moment = time.monotonic_ns()
            self.process = subprocess.Popen(self.command(), cwd=self.folder, env=self.environment(),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        return moment

    def end(self, number=None):
        if self.process is None:
            return
        pids = self.pids()
        for pid in pids if number == signal.SIGKILL else pids[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number or self.stop_signal)
        try:
            self.process.wait(START_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"{self.name} does not end") from error
        until = time.monotonic() + START_SECONDS
        while any(is_alive(pid) for pid in pids):
            if time.monotonic() > until:
                raise BenchError(f"{self.name} does not end")
            time.sleep(0.01)
        self.process = None

    def pids(self):
        """The process and all below it."""
        found, at = [self.process.pid], 0
        while at < len(found):
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{found[at]}/task"):
                    with open(f"/proc/{found[at]}/task/{task}/children", encoding="ascii") as file:
                        found += [int(pid) for pid in file.read().split()]
            at += 1
        return found

    def memory(self):
        """Anonymous bytes; what several processes share counts once."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += int(re.search(r"^Pss_Anon:\s+(\d+) kB", file.read(), re.M)[1]) * 1024
        return total

    def disk(self):
        """Bytes that the store takes on disk."""
        os.sync()
        done = subprocess.run(["du", "-sx", "--block-size=1", self.store()], capture_output=True, text=True, check=True)
        return int(done.stdout.split()[0])

    def last_words(self):
        with contextlib.suppress(OSError), open(self.path("log"), encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-8:])
        return ""

    # ---- its load

    def drive_command(self, workload, options):
        command = [self.bench.program("bench_drive"), workload, "--peer", self.peer, "--endpoint", self.endpoint]
        command += ["--mode", self.mode] if self.mode else []
        command += ["--subscribers", str(self.subscribers)]
        for name, value in options.items():
            command += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        return command

    def drive(self, workload, **options):
        """What bench_drive measures."""
        return self.driven(self.begin_drive(workload, **options))

    def begin_drive(self, workload, **options):
        return subprocess.Popen(self.drive_command(workload, options), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)

    def driven(self, driver):
        try:
            out, said = driver.communicate(timeout=RUN_SECONDS)
        except BaseException:
            driver.kill()
            driver.wait()
            raise
        if driver.returncode != 0:
            raise BenchError(f"{self.name}: {said}{self.last_words()}")
        return json.loads(out)

    def time_to_first(self):
        """Milliseconds from the start of the process to its first acknowledgement. The driver waits already."""
        driver = self.begin_drive("first")
        moment = self.start()
        return (self.driven(driver)["moment"] - moment) / 1e6


class Casehub(Server):
    """The hub with its settings as they come. Over ipc its clients are operators; over tcp, which is always CURVE, one
    connector with a key."""

    name = peer = "casehub"

    def __init__(self, bench, folder, subscribers=1, curve=False):
        super().__init__(bench, folder, subscribers)
        self.curve = curve
        self.endpoint = f"tcp://127.0.0.1:{free_port()}" if curve else f"ipc://{self.path('hub.ipc')}"

    def settings(self):
        schemas = os.path.join(self.bench.source, "schemas")
        return {"data_dir": "store", "hub_key_file": "hub.key", "curve_key_file": "curve.key", "schemas_dir": schemas,
                "city_dir": os.path.join(schemas, "city"), "http_port": -1,
                "tcp" if self.curve else "ipc": self.endpoint}

    def write_settings(self, **more):
        with open(self.path("hub.cfg"), "w", encoding="utf-8") as file:
            for name, value in {**self.settings(), **more}.items():
                file.write(f"{name} = {json.dumps(value)};\n")

    def create(self):
        self.write_settings()
        if self.curve:
            public = self.call("casehubd", "--config", self.path("hub.cfg"), "--make-keys").strip()
            keys = {}
            for name in ("operator", "connector"):
                made = self.call("casehub", "--json", "key", "new", self.path(name), "--server", public)
                keys[name] = json.loads(made)["key"]
            self.write_settings(operator_keys=[keys["operator"]])

    def call(self, name, *arguments):
        done = subprocess.run([self.bench.program(name), *arguments], capture_output=True, text=True,
                              timeout=RUN_SECONDS, check=False)
        if done.returncode != 0:
            raise BenchError(f"{name} {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def command(self):
        return [self.bench.program("casehubd"), "--config", self.path("hub.cfg")]

    def store(self):
        return self.path("store")

    def drive_command(self, workload, options):
        key = ["--key", self.path("connector")] if self.curve else []
        return super().drive_command(workload, options) + key

    def grant(self):
        """The connector's right to publish; over tcp only, once the hub runs."""
        self.call("casehub", "--hub", self.endpoint, "--key", self.path("operator"), "key", "grant",
                  self.path("connector.pub"), "--name", "grid", "--role", "connector", "--source", "grid",
                  "--private", "own")

    def start(self):
        moment = super().start()
        if self.curve:
            self.drive("await")
            self.grant()
        return moment

    def rebuild_rate(self):
        """Records a second that casehub-replay folds; None without that program. The hub must not run."""
        if not os.access(self.bench.program("casehub-replay"), os.X_OK):
            return None
        told = json.loads(self.call("casehub-replay", "--store", self.store(), "rebuild", "--json"))
        if not told["ok"]:
            raise BenchError(f"the rebuilt state differs: {told['findings']}")
        return told["records"] / told["seconds"]


class Redis(Server):
    """Streams; an acknowledged event is on disk (appendfsync always). No snapshots: none runs during a figure."""

    name = peer = "redis"
    packages, programs = ("redis-server", "libhiredis-dev"), ("redis-server",)

    def create(self):
        self.endpoint = self.path("redis.sock")

    def command(self):
        return ["redis-server", "--port", "0", "--unixsocket", self.endpoint, "--dir", self.folder, "--save", "",
                "--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no"]


class Reference(Server):
    """The bare hub of reference/: ZeroMQ over ipc and LMDB, nothing else. A bound, no product."""

    name = peer = "reference"

    def create(self):
        self.endpoint = f"ipc://{self.path('hub.ipc')}"
        os.mkdir(self.store())

    def command(self):
        return [self.bench.program("reference_hub"), self.endpoint, self.store()]

    def store(self):
        return self.path("store")


class Postgresql(Server):
    """A table; the settings as they come, but for the number of connections. It refuses to run as root, and becomes the
    user postgres then."""

    name, peer, mode = "postgresql", "postgresql", "single"
    packages, programs = ("postgresql", "libpq-dev"), ("setpriv",)
    stop_signal = signal.SIGINT  # its fast shutdown
    skips = ("stored", "events")  # the table is that of postgresql-256, which fills it sooner

    @staticmethod
    def folder_of_programs():
        places = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        return places[-1] if places else None

    @classmethod
    def missing(cls):
        return [] if cls.folder_of_programs() else ["postgres"]

    def as_user(self, *command):
        user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] if os.getuid() == 0 else []
        return user + [os.path.join(self.folder_of_programs(), command[0]), *command[1:]]

    def create(self):
        """initdb takes seconds: it is done once, and copied."""
        template = os.path.join(self.bench.folder, "postgresql-template")
        if not os.path.exists(template):
            self.call(self.as_user("initdb", "-A", "trust", "-U", "bench", "-D", self.own_folder(template)))
        self.call(["cp", "-a", template, self.store()])
        self.own_folder(self.folder)
        os.sync()
        self.endpoint = f"host={self.folder} user=bench dbname=postgres connect_timeout=5"

    @staticmethod
    def own_folder(folder):
        """A folder of the user that the server runs as."""
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        return folder

    @staticmethod
    def call(command):
        done = subprocess.run(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        if done.returncode != 0:
            raise BenchError(f"{' '.join(command)}: {done.stdout}")

    def command(self):
        return self.as_user("postgres", "-D", self.store(), "-c", "listen_addresses=", "-c", "max_connections=600",
                            "-c", f"unix_socket_directories={self.folder}")

    def store(self):
        return self.path("store")


class PostgresqlBatches(Postgresql):
    """What a publisher has ready, 256 events at most, is one transaction."""

    name, mode, skips = "postgresql-256", "batch", ()


class Nats(Server):
    """JetStream with file storage as it comes: it syncs on a timer, an acknowledged event may be lost with the power.
    Before version 2.10 it has no setting to do better."""

    name = peer = "nats"
    packages, programs = ("nats-server", "libnats-dev"), ("nats-server",)

    def create(self):
        port = free_port()
        self.endpoint = f"nats://127.0.0.1:{port}"
        with open(self.path("nats.conf"), "w", encoding="utf-8") as file:
            file.write(f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: {json.dumps(self.store())} }}\n')

    def command(self):
        return ["nats-server", "-c", self.path("nats.conf")]

    def store(self):
        return self.path("store")


class Rabbitmq(Server):
    """A quorum queue for each subscriber: a confirmed event is in its write-ahead log, synced."""

    name, peer, mode = "rabbitmq", "rabbitmq", "quorum"
    packages, programs = ("rabbitmq-server", "librabbitmq-dev"), ("/usr/lib/rabbitmq/bin/rabbitmq-server", "epmd")
    consumes = True  # what is read is gone
    starts_slowly = True

    def __init__(self, bench, folder, subscribers=1):
        super().__init__(bench, folder, subscribers)
        self.names = None  # the name service of Erlang

    def create(self):
        port, self.names_port, self.own_port = free_port(), free_port(), free_port()
        self.endpoint = f"127.0.0.1:{port}"
        for name, text in (("rabbitmq.conf", f"listeners.tcp.1 = 127.0.0.1:{port}\n"), ("enabled_plugins", "[].\n"),
                           ("env.conf", "")):
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(text)
        self.names = subprocess.Popen(["epmd", "-address", "127.0.0.1", "-port", str(self.names_port)],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def command(self):
        return [self.programs[0]]

    def environment(self):
        return {**os.environ, "HOME": self.folder,
                "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(self.names_port),
                "RABBITMQ_NODENAME": "bench@localhost", "RABBITMQ_MNESIA_BASE": self.store(),
                "RABBITMQ_LOG_BASE": self.path("logs"), "RABBITMQ_CONFIG_FILE": self.path("rabbitmq.conf"),
                "RABBITMQ_CONF_ENV_FILE": self.path("env.conf"), "RABBITMQ_PID_FILE": self.path("pid"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": self.path("enabled_plugins"), "RABBITMQ_DIST_PORT": str(self.own_port),
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}"}

    def store(self):
        return self.path("store")

    def close(self):
        if self.names is not None:
            self.names.kill()
            self.names.wait()


class RabbitmqStream(Rabbitmq):
    """One stream, which everybody reads; a confirmed event is not synced."""

    name, mode, consumes = "rabbitmq-stream", "stream", False


PEERS = {peer.name: peer for peer in (Redis, Postgresql, PostgresqlBatches, Reference, Nats, Rabbitmq, RabbitmqStream)}


def peers_named(names, slow=True):
    """The peers of a comma-separated list; "all": those that are installed, with or without the slow ones."""
    if names == "all":
        return [peer for peer in PEERS.values() if not peer.missing() and (slow or not peer.starts_slowly)]
    found = []
    for name in filter(None, names.split(",")):
        if name not in PEERS:
            raise BenchError(f"there is no peer {name}; there are: {', '.join(PEERS)}")
        if PEERS[name].missing():
            raise BenchError(f"{name} needs {' '.join(PEERS[name].packages)}: tests/bench/run --install")
        found.append(PEERS[name])
    return found
