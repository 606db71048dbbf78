"""Archives of a hub's log, judged by a program that was written from replay/ARCHIVE.md alone."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import chp
from archive_judge import Wrong, judge
from hub import BIN, HubTest

REPLAY = os.path.join(BIN, "casehub-replay")


def replay(*arguments, code=0):
    """What casehub-replay --json says."""
    done = subprocess.run([REPLAY, *arguments, "--json"], capture_output=True, text=True, timeout=chp.WAIT, check=False)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: {done.returncode}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


class Archive(HubTest):
    @classmethod
    def prepare(cls):
        client = cls.hub.client()
        for number in range(40):
            answer = client.publish_one("case.opened", "hotline/1", f"{number}", {"kind": "matter", "text": f"lamp {number}"},
                                        ref=f"r{number}", private={"name": "Nobody", "phone": "000-0000000"})
            assert answer["code"] is None, answer
        cls.store = cls.hub.path(cls.hub.settings["data_dir"])

    def export(self, *arguments):
        path = self.hub.path(f"{self.word}.archive")
        replay("--store", self.store, "export", "--output", path, *arguments)
        return path

    def test_every_flipped_byte_is_found(self):
        path = self.export("--to", "12", "--sealed")
        with open(path, "rb") as file:
            whole = bytearray(file.read())
        for at in range(0, len(whole), 97):
            whole[at] ^= 1
            with open(path, "wb") as file:
                file.write(whole)
            with self.assertRaises((Wrong, ValueError, IndexError), msg=f"byte {at}"):
                judge(path)
            whole[at] ^= 1

    def test_with_its_sealed_parts_and_without_it_has_the_chain_of_the_log(self):
        of_log = replay("--store", self.store, "verify")
        for more in ((), ("--sealed",)):
            first, last, chains = judge(self.export(*more))
            self.assertEqual((first, last, chains[last].hex()), (1, of_log["last"], of_log["chain"]))

    def test_a_part_continues_the_chain_of_the_part_before(self):
        _, middle, before = judge(self.export("--to", "20"))
        first, _, behind = judge(self.export("--from", "21"))
        self.assertEqual((first, behind[20]), (middle + 1, before[20]))

    def test_nothing_personal_is_in_it(self):
        path = self.export()
        text = subprocess.run([REPLAY, "--file", path, "cat"], capture_output=True, text=True, timeout=chp.WAIT, check=True).stdout
        self.assertIn("case.opened", text)
        self.assertNotIn("lamp", text)
        self.assertNotIn("Nobody", text)


if __name__ == "__main__":
    unittest.main()
