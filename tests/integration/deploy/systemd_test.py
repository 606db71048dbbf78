"""The commands of deploy/systemd/README.md for a connector, with this test's folders in the place of the system's."""
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import chp
from hub import BIN, SOURCE, OwnHubTest, wait_until


def commands():
    with open(os.path.join(SOURCE, "deploy/systemd/README.md"), encoding="utf-8") as file:
        block, = [block for block in re.findall(r"(?:^ {4}.*\n)+", file.read(), re.M) if "casehub key new" in block]
    return re.sub(r"^ {4}", "", block, flags=re.M)


class Connector(OwnHubTest):
    def test_its_key_its_grant_and_its_environment_let_it_run(self):
        hub = self.new_hub()
        hub.settings["ipc"] = f"ipc://{hub.path('hub.ipc')}"
        hub.write_config()
        hub.start()
        os.makedirs(hub.path("connectors"))
        text = commands()
        for pattern, here in ((r"^sudo systemctl .*\n", ""), (r"sudo (-u \S+ )?", ""), (r"-o \S+ -g \S+ ", ""),
                              ("/etc/casehub", hub.folder), ("/run/casehub", hub.folder),
                              ("/var/lib/casehub-connect", hub.path("state")), ("tcp://127.0.0.1:7700", hub.ready["tcp"])):
            text, count = re.subn(pattern, lambda _, here=here: here, text, flags=re.M)
            self.assertGreater(count, 0, pattern)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=SOURCE, capture_output=True, text=True,
                              env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}, timeout=chp.WAIT, check=False)
        self.assertEqual(done.returncode, 0, (text, done.stdout, done.stderr))
        self.assertEqual(os.stat(hub.path("state/grid/grid.key")).st_mode & 0o777, 0o600)
        with open(hub.path("connectors/grid/environment"), encoding="utf-8") as file:
            environment = dict(line.strip().split("=", 1) for line in file)
        with open(hub.log_file, "ab") as log:
            connector = subprocess.Popen([os.path.join(BIN, "casehub-connect"), "run", "grid", "--config",
                                          hub.path("connectors/grid/grid.cfg")], env={**os.environ, **environment},
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        self.addCleanup(lambda: (connector.kill(), connector.wait()))
        wait_until(lambda: [row["state"] for row in hub.casehub("connector", "list")] == ["running"], "the connector runs")


if __name__ == "__main__":
    unittest.main()
