"""Every system folder's samples: what connectors/SYSTEM/samples/NAME.jsonl says is what NAME.* becomes. A folder is tested by
being there: its samples are as written at NOW, and go through the configuration beside them, NAME.cfg, else through the one of the folder
that their name begins with, else through the folder's own. NAME.events are events, and what is kept is what goes out of them."""
import json
import os
import pathlib
import subprocess
import unittest

NOW = "2026-11-24T12:00:00Z"
TOP = pathlib.Path(__file__).resolve().parents[3]
FOLDERS = sorted(path.parent for path in (TOP / "connectors").glob("*/samples"))
CONNECT = os.path.join(os.environ["CASEHUB_BIN"], "casehub-connect")


def lines_of(text):
    """The version changes with every line of a table; what is compared is everything else."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        line.pop("mapping", None)
    return lines


def config_of(folder, sample):
    fitting = [config for config in [sample.with_suffix(".cfg"), *folder.glob("*.cfg")]
               if config.exists() and sample.name.startswith(config.stem)]
    return fitting[0] if fitting else folder / f"{folder.name}.cfg"


def check(folder, sample):
    words = ["--outward", sample] if sample.suffix == ".events" else [sample, "--time", NOW]
    return subprocess.run([CONNECT, "check", "--config", config_of(folder, sample), *words],
                          capture_output=True, text=True, timeout=60)


class Samples(unittest.TestCase):
    maxDiff = None

    def check(self, folder, golden):
        inputs = [path for path in golden.parent.glob(f"{golden.stem}.*") if path.suffix != ".cfg" and path != golden]
        self.assertEqual(len(inputs), 1, f"one input belongs to {golden}")
        wanted = lines_of(golden.read_text())
        done = check(folder, inputs[0])
        self.assertEqual(lines_of(done.stdout), wanted, done.stderr)
        self.assertEqual(done.returncode, 65 if any("error" in line for line in wanted) else 0, done.stderr)

    def test_each_sample_becomes_what_is_kept_beside_it(self):
        self.assertTrue(FOLDERS)
        for folder in FOLDERS:
            goldens = sorted(folder.glob("samples/*.jsonl"))
            self.assertTrue(goldens, f"{folder} has samples, but none says what it becomes")
            for golden in goldens:
                with self.subTest(f"{folder.name}/{golden.name}"):
                    self.check(folder, golden)

    def test_each_folder_shows_what_becomes_of_a_faulty_record(self):
        for folder in FOLDERS:
            with self.subTest(folder.name):
                said = "".join(path.read_text() for path in folder.glob("samples/*.jsonl"))
                self.assertIn('{"error":', said)


if __name__ == "__main__":
    unittest.main()
