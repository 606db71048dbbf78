"""Archives of a hub's log, judged by a program that was written from replay/ARCHIVE.md alone."""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import chp
from archive_judge import Wrong, judge, judge_head
from hub import BIN, SOURCE, HubTest, OwnHubTest

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

    def test_a_signed_head_fits_the_archive_and_no_shorter_one(self):
        key = self.hub.path("signing.key")
        subprocess.run([REPLAY, "key", "new", key], stdout=subprocess.DEVNULL, timeout=chp.WAIT, check=True)
        line = subprocess.run([REPLAY, "--store", self.store, "head", "--key", key], capture_output=True, text=True,
                              timeout=chp.WAIT, check=True).stdout
        with open(f"{key}.pub", encoding="ascii") as file:
            public = file.read().strip()
        head = judge_head(line, public, judge(self.export())[2])
        self.assertEqual(head["hub"], replay("--store", self.store, "verify")["hub"])
        with self.assertRaisesRegex(Wrong, "cut off"):
            judge_head(line, public, judge(self.export("--to", "12"))[2])
        with self.assertRaisesRegex(Wrong, "signature"):
            judge_head(line.replace(f'"sequence":{head["sequence"]}', '"sequence":12'), public, judge(self.export())[2])


def blocks(chapter):
    """The commands in a chapter of replay/README.md."""
    with open(os.path.join(SOURCE, "replay/README.md"), encoding="utf-8") as file:
        text = file.read().split(f"## {chapter}\n")[1].split("\n## ")[0]
    return re.findall(r"(?:^ {7}\S.*\n)+", text, re.M)


class Runbooks(OwnHubTest):
    def setUp(self):
        self.hub = self.new_hub(data_dir="store")
        self.hub.start()
        self.publish("a")
        self.environment = {"DIR": self.hub.folder, "ARCHIVE": self.hub.path("archive"), "KEY": self.hub.path("signing.key"),
                            "HEADS": self.hub.path("heads")}

    def publish(self, ref, client=None):
        opened = chp.event("case.opened", "hotline/1", ref, {"kind": "matter", "text": f"of {ref}"}, ref=ref, time=1795400820000)
        answer, = (client or self.hub.client()).publish(opened)
        self.assertIsNone(answer["code"], answer)
        return answer

    def run_block(self, block):
        environment = {**os.environ, **self.environment, "PATH": f"{BIN}:{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], env=environment, capture_output=True, text=True,
                              timeout=chp.WAIT, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_that_nothing_was_changed_is_proven(self):
        make, sign, check = blocks("Prove that nothing was changed")
        self.assertEqual(self.run_block(make)[0], 0)
        for ref in ("b", "c"):
            self.publish(ref)
            self.assertEqual(self.run_block(sign)[0], 0)
        code, said = self.run_block(check)
        self.assertEqual((code, "heads_checked     2" in said), (0, True), said)
        code, said = self.run_block(check.replace("export", "export --to 1"))
        self.assertEqual((code, "the end is cut off" in said), (65, True), said)

    def test_a_hub_moves_to_a_new_machine(self):
        there, here = blocks("Move a hub to a new machine")
        before = self.publish("b")
        self.assertEqual(self.hub.stop(), 0)
        self.assertEqual(self.run_block(there)[0], 0)
        other = self.new_hub(data_dir="store")
        keys = other.path("keys-copy")
        shutil.copytree(self.hub.path("store/keys"), keys)
        shutil.copy(self.hub.path("hub.key"), other.path("hub.key"))
        self.environment.update(NEW=other.folder, HUB_KEY=other.path("hub.key"), KEYS=keys)
        code, said = self.run_block(here)
        self.assertEqual(code, 0, said)
        other.start()
        client = other.client()
        event, = client.read(before["sequence"], before["sequence"])
        self.assertEqual((event["id"], event["data"]["text"]), ("b", "of b"))
        self.assertEqual(client.query("status")[0]["epoch"], 2)
        again = self.publish("b", client)
        self.assertEqual((again["sequence"], again["duplicate"]), (before["sequence"], True))


if __name__ == "__main__":
    unittest.main()
