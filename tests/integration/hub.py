"""A real hub for tests: casehubd in a folder of its own on free ports, its keys and grants made with `casehub`.

CASEHUB_BIN is the folder of both programs. Nothing outside of the temporary folder is touched, and only what was
started here is ended.
"""
import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chp

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("CASEHUB_BIN", os.path.join(SOURCE, ".build/dev/bin"))

# What the address sanitizer keeps of freed memory is not the hub's.
SANITIZER = ":".join([*filter(None, [os.environ.get("ASAN_OPTIONS")]), "quarantine_size_mb=8"])

# Long enough that nothing happens by the clock unless a test asks for it.
SETTINGS = {
    "data_dir": "data", "hub_key_file": "hub.key", "curve_key_file": "curve.key",
    "schemas_dir": os.path.join(SOURCE, "schemas"), "city_dir": "city",
    "tcp": "tcp://127.0.0.1:*", "heartbeat": "60s", "store.log_map": "2GiB", "store.state_map": "1GiB",
    "store.reserve": "1MiB", "subscription.ack_timeout": "10m", "subscription.backoff_first": "10m",
    "subscription.backoff_most": "10m",
}


def write_settings(path, settings):
    """A libconfig file; dotted names are groups."""
    groups = {}
    for name, value in settings.items():
        *group, last = name.split(".")
        groups.setdefault(".".join(group), []).append(f"{last} = {json.dumps(value)};")
    with open(path, "w", encoding="utf-8") as file:
        for group, lines in sorted(groups.items()):
            text = "\n".join(lines)
            file.write(f"{group} = {{\n{text}\n}};\n" if group else f"{text}\n")


def wait_until(condition, what, timeout=chp.WAIT):
    """Asks until the answer is true, and returns it."""
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        select.select([], [], [], 0.01)


class Hub:
    """One casehubd and the folder it lives in, with the city's tables in it. Their clocks are left out unless own_city says
    that the tables are to be as they are: what a test reports happened long ago, and every clock would have run out."""

    def __init__(self, own_city=False, **settings):
        self.folder = tempfile.mkdtemp(prefix="casehub-bus-")
        self.config = os.path.join(self.folder, "hub.cfg")
        self.log_file = os.path.join(self.folder, "hub.log")
        self.settings = {**SETTINGS, **{name.replace("__", "."): value for name, value in settings.items()}}
        self.process, self.ready, self.clients = None, None, []
        shutil.copytree(os.path.join(SOURCE, "schemas/city"), self.path("city"))
        if not own_city:
            with open(self.path("city/sla.cfg"), "w", encoding="utf-8") as file:
                file.write("clocks = ();\n")
        try:
            self.make_keys()
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def make_keys(self):
        """The hub's own, and the first operator's."""
        self.write_config()
        made = self.casehubd("--make-keys")
        if made.returncode != 0:
            raise AssertionError(f"no hub could start: {made.stderr}")
        self.public_key = made.stdout.strip()
        self.settings["operator_keys"] = [self.new_key("operator")]
        self.write_config()

    def write_config(self):
        settings = {name: value for name, value in self.settings.items() if name != "operator_keys"}
        write_settings(self.config, settings)
        if "operator_keys" in self.settings:
            with open(self.config, "a", encoding="utf-8") as file:
                file.write(f"operator_keys = {json.dumps(self.settings['operator_keys'])};\n")

    def path(self, name):
        return os.path.join(self.folder, name)

    # ---- programs

    def casehubd(self, *arguments, config=None):
        """Runs it to its end."""
        return subprocess.run([os.path.join(BIN, "casehubd"), "--config", config or self.config, *arguments],
                              capture_output=True, text=True, timeout=chp.WAIT, check=False)

    def casehub(self, *arguments, key="operator", check=True):
        """The command line's --json lines as a list. check: it must succeed."""
        command = [os.path.join(BIN, "casehub"), "--json"]
        if self.ready is not None:
            command += ["--hub", self.ready["tcp"], "--key", self.path(key)]
        done = subprocess.run(command + list(arguments), capture_output=True, text=True, timeout=chp.WAIT, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"casehub {' '.join(arguments)}: {done.returncode}: {done.stdout}{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()] if check else done

    def new_key(self, name):
        """Makes a pair in the file of that name; its public key."""
        made, = self.casehub("key", "new", self.path(name), "--server", self.public_key)
        return made["key"]

    # ---- the daemon

    def start(self):
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([os.path.join(BIN, "casehubd"), "--config", self.config],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                            env={**os.environ, "ASAN_OPTIONS": SANITIZER})
        if not select.select([self.process.stdout], [], [], chp.WAIT)[0]:
            raise AssertionError("casehubd does not say that it is ready")
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"casehubd ends with {self.process.wait()}: {self.log()}")
        self.ready = json.loads(line)
        return self

    def signal(self, number):
        self.process.send_signal(number)

    @contextlib.contextmanager
    def held(self):
        """Meanwhile the daemon does nothing at all. A thread of it may outlast kill(): this waits until all stand."""
        self.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def wait(self, timeout=chp.WAIT):
        """Its exit code."""
        code = self.process.wait(timeout)
        self.process.stdout.close()
        return code

    def stop(self, timeout=chp.WAIT):
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait()

    def close(self):
        for client in self.clients:
            client.close()
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder)

    def log(self):
        if not os.path.exists(self.log_file):
            return ""
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for_log(self, text):
        return wait_until(lambda: text in self.log(), f"the log says {text!r}")

    # ---- clients

    def connect(self, key="operator", endpoint=None, **more):
        """A connection without a session yet. key None: none, for ipc."""
        keys = None if key is None else chp.read_keys(self.path(key))
        client = chp.Client(endpoint or self.ready["tcp"], keys, **more)
        self.clients.append(client)
        return client

    def client(self, key="operator"):
        client = self.connect(key)
        client.hello()
        return client

    def grant(self, name, role, sources=(), parties=(), areas=(), private="none", key=None):
        """A grant for the key of that name, which is made when it is not there yet; the name."""
        key = key or name
        if not os.path.exists(self.path(key)):
            self.new_key(key)
        options = ["--name", name, "--role", role, "--private", private]
        for option, values in (("--source", sources), ("--party", parties), ("--area", areas)):
            options += [text for value in values for text in (option, value)]
        self.casehub("key", "grant", self.path(key) + ".pub", *options)
        return name

    def granted(self, name, role, **more):
        """A session of a new grant."""
        return self.client(self.grant(name, role, **more))

    # ---- figures

    def metrics(self):
        """Name, with labels if any, -> value."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ready['http_port']}/metrics", timeout=chp.WAIT) as page:
            text = page.read().decode()
        return {name: float(value) for name, value in re.findall(r"^([a-z_]+(?:\{.*\})?) (\S+)$", text, re.M)}

    def metric(self, name):
        return self.metrics()[name]

    def memory(self):
        """Anonymous bytes: what the hub holds itself, without the mapped data files."""
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as file:
            return int(re.search(r"^Anonymous:\s+(\d+) kB", file.read(), re.M)[1]) * 1024

    def is_sanitized(self):
        with open(f"/proc/{self.process.pid}/maps", encoding="ascii") as file:
            return "libasan" in file.read()

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            user, system = file.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class HubTest(unittest.TestCase):
    """Tests that share one hub a class (`settings`), or make hubs of their own with new_hub(). What one test publishes
    is no concern of the others: each uses sources or refs of its own. A test that fails shows the log of its hubs."""

    settings = {}
    hub = None

    @classmethod
    def setUpClass(cls):
        cls.hub = Hub(**cls.settings)
        cls.addClassCleanup(cls.hub.close)
        cls.hub.start()
        cls.prepare()

    @classmethod
    def prepare(cls):
        """What all tests of the class need."""

    def new_hub(self, **settings):
        """Not started yet."""
        hub = Hub(**settings)
        self.addCleanup(lambda: (self.logs.append(hub.log()), hub.close()))
        return hub

    def run(self, result=None):
        self.logs = []
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            for log in self.logs if self.hub is None or self.logs else [self.hub.log()]:
                print(f"---- {self.id()}: the hub's log\n{log}", file=sys.stderr)
        return result

    @property
    def word(self):
        """Of this test alone: for sources and names."""
        return self._testMethodName.removeprefix("test_").replace("_", "-")[:40].strip("-")

    @contextlib.contextmanager
    def refused(self, code, where=None):
        with self.assertRaises(chp.Refused) as caught:
            yield caught
        self.assertEqual(caught.exception.code, code, caught.exception)
        if where is not None:
            self.assertEqual(caught.exception.where, where, caught.exception)


class OwnHubTest(HubTest):
    """Tests that each have hubs of their own."""

    @classmethod
    def setUpClass(cls):
        pass
