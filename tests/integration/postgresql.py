"""A PostgreSQL server of a test's own: in a temporary folder, on a free port of loopback, ended with it."""
import glob
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

USER, PASSWORD = "casehub", "p}a;ss w"


class Postgresql:
    def __init__(self):
        places = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if not places:
            raise AssertionError("the package postgresql is needed (deploy/packages)")
        self.bin = places[-1]
        # As root it runs as another user, who may not enter a TMPDIR that is root's alone.
        self.folder = tempfile.mkdtemp(prefix="casehub-pg-", dir="/tmp" if os.getuid() == 0 else None)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.password_file = os.path.join(self.folder, "password")
        pathlib.Path(self.password_file).write_text(PASSWORD + "\n", encoding="utf-8")
        os.chmod(self.password_file, 0o600)
        if os.getuid() == 0:  # it does not run as root
            for name in (self.folder, self.password_file):
                shutil.chown(name, "postgres")
        try:
            self.run("initdb", "-D", self.data, "-U", USER, "--pwfile", self.password_file, "-A", "scram-sha-256", "-E",
                     "UTF8", "--locale=C.UTF-8", "--no-sync")
            shutil.chown(self.password_file, os.getuid())  # from now on it is the connector's, who takes nobody else's
            self.start()
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    @property
    def data(self):
        return os.path.join(self.folder, "data")

    @property
    def connection(self):
        return (f"Driver=PostgreSQL ANSI;Server=127.0.0.1;Port={self.port};Database=postgres;UID={USER};"
                "UseDeclareFetch=1;Fetch=100")

    def run(self, program, *words):
        user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        done = subprocess.run([*user, os.path.join(self.bin, program), *words], cwd="/", stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{program}: {done.stderr}")

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-l", os.path.join(self.folder, "log"), "-o",
                 f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off", "start")

    def stop(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")

    def sql(self, text):
        done = subprocess.run([os.path.join(self.bin, "psql"), "-qAtX", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
                               str(self.port), "-U", USER, "postgres"], input=text, capture_output=True, text=True,
                              env={**os.environ, "PGPASSWORD": PASSWORD}, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout.strip()

    def close(self):
        try:
            if os.path.exists(os.path.join(self.data, "postmaster.pid")):
                self.stop()
        finally:
            shutil.rmtree(self.folder)
