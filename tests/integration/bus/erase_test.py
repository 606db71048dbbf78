"""A case is erased: nothing that the hub keeps yields what it said, everything still verifies, and a hold prevents it."""
import json
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import chp
from chp import event
from hub import BIN, SOURCE, OwnHubTest, wait_until

# What is looked for everywhere afterwards.
CANARIES = ["Canary Nowhere", "138-0000-1234", "the canary sings", "a later canary", "a canary in a dead letter",
            "a canary of the twin", "the canary's raw row"]
PERSON = {"name": CANARIES[0], "phone": "+86 138-0000-1234", "id_number": "33090219700101123x"}
SPELLINGS = ["13800001234", "138 0000 1234", "0086-13800001234"]


class Erasing(OwnHubTest):
    """One case with all that can be said, its merged twin, a dead letter about it, and a neighbour who stays."""

    def setUp(self):
        self.hub = self.new_hub(data_dir="store")
        self.hub.start()
        self.open_clients()
        self.case = self.publish("case.opened", "1", {"kind": "request", "text": CANARIES[2]}, ref="CALL-0001",
                                 private=PERSON, raw=CANARIES[6].encode())
        self.publish("case.noted", "2", {"text": CANARIES[3]}, ref="CALL-0001")
        self.twin = self.publish("case.opened", "3", {"kind": "request", "text": CANARIES[5]}, ref="CALL-0002",
                                 private=PERSON)
        self.other = self.publish("case.opened", "4", {"kind": "request", "text": "a lamp"}, ref="CALL-0003",
                                  private={"phone": "13800001234"})
        self.hub.casehub("case", "merge", self.twin, self.case)
        # No such case: with a checkpoint it becomes a dead letter, which tells of the case all the same.
        lost = event("case.noted", "hotline/1", "5", {"text": f"{CANARIES[4]}, see CALL-0001"}, subject="ZJ-20260101-999")
        answer, = self.connector.publish(
            lost, checkpoint={"connector": "hotline-in", "from": "", "to": "1"})
        self.assertEqual(answer["code"], "not-found", answer)

    def open_clients(self):
        self.operator = self.hub.client()
        self.connector = self.hub.granted("hotline-in", "connector", sources=["hotline"], private="own") \
            if not os.path.exists(self.hub.path("hotline-in")) else self.hub.client("hotline-in")

    def publish(self, type_, id_, data, **attributes):
        answer, = self.connector.publish(event(type_, "hotline/1", id_, data, **attributes))
        self.assertIsNone(answer["code"], answer)
        return answer["case"]

    def found(self, *options):
        return {row["case"] for row in self.hub.casehub("case", "list", *options)}

    def erase(self, case=None, *options):
        row, = self.hub.casehub("case", "erase", case or self.case, "--reason", "asked for", *options)
        return row

    def replay(self, *arguments, check=True):
        done = subprocess.run([os.path.join(BIN, "casehub-replay"), *arguments], capture_output=True, text=True,
                              timeout=chp.WAIT, check=False)
        if check:
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def everything(self, store="store"):
        """All that can be asked of the hub and of its log, as one text."""
        texts = [json.dumps(self.hub.casehub("case", "show", case)) for case in (self.case, self.twin)]
        texts += [json.dumps(self.hub.casehub("case", "timeline", case)) for case in (self.case, self.twin)]
        texts += [json.dumps(self.operator.read(), default=repr)]
        texts += [json.dumps(self.hub.casehub("deadletter", "show", str(row["deadletter"])))
                  for row in self.hub.casehub("deadletter", "list", "--all")]
        return "\n".join(texts) + self.from_log(self.hub.path(store))

    def from_log(self, folder, *options):
        return self.replay("--store", folder, "cat", "--key", self.hub.path("hub.key"), "--personal", *options)

    def assert_gone(self, text):
        for canary in CANARIES:
            self.assertFalse(canary in text, canary)  # the text is too long to be shown

    def assert_no_file_holds_it(self):
        for folder, _, names in os.walk(self.hub.folder):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.islink(path) or not os.path.isfile(path):
                    continue
                with open(path, "rb") as file:
                    content = file.read()
                for canary in CANARIES:
                    self.assertFalse(canary.encode() in content, (canary, path))

    def test_before_it_everything_can_be_found(self):
        """Else the other tests would prove nothing."""
        text = self.everything()
        for canary in set(CANARIES) - {CANARIES[4], CANARIES[6]}:  # these are shown in base64
            self.assertTrue(canary in text, canary)
        for spelling in SPELLINGS:
            self.assertEqual(self.found("--phone", spelling), {self.case, self.twin, self.other})
        self.assertEqual(self.found("--id-number", "33090219700101123X"), {self.case, self.twin})
        self.assertEqual(self.found("--phone", "13800001235"), set())

    def test_a_number_that_is_none_is_refused(self):
        for option, number in (("--phone", "12"), ("--phone", "call me"), ("--id-number", "9" * 60)):
            done = self.hub.casehub("case", "list", option, number, check=False)
            self.assertEqual(done.returncode, 65, done.stderr)

    def test_who_may_not_see_persons_finds_nobody_by_one(self):
        for name, private in (("blind", "none"), ("seeing", "all")):
            self.hub.grant(name, "supervisor", private=private)
            rows = self.hub.casehub("case", "list", "--phone", SPELLINGS[0], key=name)
            self.assertEqual(len(rows), 3 if private == "all" else 0, name)

    def test_afterwards_nothing_yields_it(self):
        backup, export = self.hub.path("backup"), self.hub.path("export.jsonl")
        self.hub.casehub("backup", backup)
        self.replay("--store", self.hub.path("store"), "export", "--output", export)
        certificate = self.erase(None, "--certificate", self.hub.path("certificate.json"))
        self.assertEqual(set(certificate["cases"]), {self.case, self.twin})
        self.assertEqual([(copy["copy"], copy["erased"]) for copy in certificate["copies"]], [(f"{backup}.keys", True)])
        self.assertEqual((certificate["actor"], certificate["reason"], certificate["dead_letters"]),
                         ("operator", "asked for", 1))
        with open(self.hub.path("certificate.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), certificate)
        for restart in (False, True):
            with self.subTest(restart=restart):
                self.assert_gone(self.everything())
                self.assert_gone(self.from_log(backup, "--keys", f"{backup}.keys"))
                self.assertEqual(self.found("--phone", SPELLINGS[0]), {self.other})
                self.assertEqual(self.found("--id-number", PERSON["id_number"]), set())
                shown, = self.hub.casehub("case", "show", self.case)
                self.assertTrue(shown["erased"])
                self.assertEqual(shown["state"], "cancelled")
            self.hub.kill()
            self.assert_no_file_holds_it()
            for place in (["--store", self.hub.path("store")], ["--store", backup], ["--file", export]):
                self.replay(*place, "verify")
            self.hub.start()
            self.open_clients()

    def test_what_comes_later_is_kept_without_what_it_says(self):
        self.erase()
        self.assertEqual(self.publish("case.opened", "1", {"kind": "request", "text": CANARIES[2]}, ref="CALL-0001",
                                      private=PERSON, raw=CANARIES[6].encode()), self.case)
        self.publish("case.noted", "6", {"text": CANARIES[3]}, ref="CALL-0001")
        self.publish("case.opened", "7", {"kind": "request", "text": CANARIES[2]}, ref="CALL-0001", private=PERSON)
        self.assertEqual(self.found("--phone", SPELLINGS[0]), {self.other})
        self.assert_gone(self.everything())

    def test_dead_letters_about_what_was_merged_into_it_go_along(self):
        lost = event("case.noted", "hotline/1", "6", {"text": "see CALL-0002"}, subject="ZJ-20260101-999")
        self.connector.publish(lost, checkpoint={"connector": "hotline-in", "from": "1", "to": "2"})
        other = event("case.noted", "hotline/1", "7", {"text": "see CALL-0003"}, subject="ZJ-20260101-999")
        self.connector.publish(other, checkpoint={"connector": "hotline-in", "from": "2", "to": "3"})
        self.assertEqual(len(self.hub.casehub("deadletter", "list")), 3)
        self.assertEqual(self.erase()["dead_letters"], 2)
        self.assertEqual(len(self.hub.casehub("deadletter", "list")), 1)

    def test_nothing_is_erased_when_its_certificate_cannot_be_made(self):
        with open(self.hub.path("there.json"), "x", encoding="utf-8"):
            pass
        for name in ("there.json", "no-folder/certificate.json"):
            done = self.hub.casehub("case", "erase", self.case, "--reason", "asked for", "--certificate",
                                    self.hub.path(name), check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("nothing was erased", done.stderr)
        self.assertTrue(CANARIES[2] in self.everything())
        self.assertNotEqual(self.hub.casehub("case", "show", self.case)[0]["state"], "cancelled")

    def test_a_second_time_is_a_conflict(self):
        self.erase()
        done = self.hub.casehub("case", "erase", self.case, "--reason", "again", "--certificate",
                                self.hub.path("again.json"), check=False)
        self.assertIn("erased already", done.stderr + done.stdout)
        self.assertNotEqual(done.returncode, 0)
        self.assertFalse(os.path.exists(self.hub.path("again.json")))

    def test_a_case_that_is_held_stays_until_the_hold_is_lifted(self):
        self.hub.casehub("case", "hold", self.twin, "--reason", "court")
        for case in (self.twin, self.case):  # the one that it was merged into takes it along
            done = self.hub.casehub("case", "erase", case, "--reason", "asked for", check=False)
            self.assertEqual(done.returncode, 65, done.stderr)
            self.assertIn("hold", done.stderr)
        self.assertNotEqual(self.hub.casehub("case", "show", self.case)[0]["state"], "cancelled")
        self.assertEqual(len(self.hub.casehub("deadletter", "list")), 1)
        self.assertTrue(CANARIES[2] in self.everything())
        again = self.hub.casehub("case", "hold", self.twin, "--reason", "court", check=False)
        self.assertNotEqual(again.returncode, 0)
        self.hub.casehub("case", "hold", self.twin, "--lift", "--reason", "judged")
        self.erase()
        self.assert_gone(self.everything())

    def restore(self, backup):
        with open(os.path.join(SOURCE, "replay/README.md"), encoding="utf-8") as file:
            chapter = file.read().split("## Restore a backup\n")[1].split("\n## ")[0]
        put_in_place = re.findall(r"(?:^ {7}\S.*\n)+", chapter, re.M)[0]
        self.assertEqual(self.hub.stop(), 0)
        environment = {**os.environ, "DIR": self.hub.folder, "BACKUP": backup, "PATH": f"{BIN}:{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", put_in_place], env=environment, capture_output=True,
                              text=True, timeout=chp.WAIT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.hub.start()
        self.open_clients()

    def said(self):
        return [e["data"] for e in self.operator.read() if e["type"] == "hub.erased"]

    def test_after_a_restore_the_copies_are_still_known(self):
        first, second = self.hub.path("first"), self.hub.path("second")
        self.hub.casehub("backup", first)
        self.hub.casehub("backup", second)
        self.restore(first)
        self.assertEqual([(copy["copy"], copy["erased"]) for copy in self.erase()["copies"]],
                         [(f"{first}.keys", True), (f"{second}.keys", True)])

    def test_a_restored_backup_knows_its_own_copy_when_all_else_is_lost(self):
        backup = self.hub.path("backup")
        self.hub.casehub("backup", backup)
        os.remove(self.hub.path("store/keys/copies"))
        self.restore(backup)
        copy, = self.erase()["copies"]
        self.assertEqual((copy["copy"], copy["erased"]), (f"{backup}.keys", True))

    def test_a_backup_in_which_it_was_held_comes_back_without_it(self):
        backup = self.hub.path("backup")
        self.hub.casehub("case", "hold", self.twin, "--reason", "court")
        self.hub.casehub("backup", backup)
        self.hub.casehub("case", "hold", self.twin, "--lift", "--reason", "judged")
        self.erase()
        self.restore(backup)
        self.assertEqual([set(data["cases"]) for data in self.said()], [{self.case, self.twin}])
        self.assertEqual([self.hub.casehub("case", "show", case)[0]["erased"] for case in (self.case, self.twin)],
                         [True, True])
        self.assertEqual(self.found("--phone", SPELLINGS[0]), {self.other})

    def test_an_operator_erases_nothing_outside_of_the_grants_areas(self):
        here = self.publish("case.opened", "8", {"kind": "request"}, ref="CALL-0008", area="330203")
        there = self.publish("case.opened", "9", {"kind": "request", "text": "stays"}, ref="CALL-0009", area="330902")
        self.hub.casehub("case", "merge", there, here)
        local = self.hub.granted("local-operator", "operator", areas=["330203"])
        answer, = local.publish(event("hub.erased", "desk/local", "1", {"case": here, "reason": "asked for"}))
        self.assertEqual((answer["code"], answer["where"]), ("denied", "data.case"), answer)
        self.assertTrue("stays" in json.dumps(self.hub.casehub("case", "timeline", there)))

    def test_an_older_backup_comes_back_without_it(self):
        backup = self.hub.path("backup")
        self.hub.casehub("backup", backup)
        os.rename(f"{backup}.keys", self.hub.path("away.keys"))  # a disk that is not there
        certificate = self.erase()
        self.assertEqual([copy["erased"] for copy in certificate["copies"]], [False])
        os.rename(self.hub.path("away.keys"), f"{backup}.keys")
        self.restore(backup)
        self.assertEqual(self.found("--phone", SPELLINGS[0]), {self.other})
        self.assert_gone(json.dumps(self.hub.casehub("case", "show", self.case)))
        self.assert_gone(self.from_log(self.hub.path("store")))
        self.assertTrue(self.hub.casehub("case", "show", self.case)[0]["erased"])
        said = self.said()
        self.assertEqual([set(data["cases"]) for data in said], [{self.case, self.twin}])
        self.assertIn("before the restore", said[0]["reason"])
        self.hub.kill()
        self.hub.start()
        self.open_clients()
        self.assertEqual(len(self.said()), 1)  # once

    def test_copies_that_cannot_be_looked_through_are_not_passed_over(self):
        os.mkdir(self.hub.path("store/keys/copies"))  # no list can be read from a folder
        copy, = self.erase()["copies"]
        self.assertEqual((copy["copy"], copy["erased"]), ("all", False))
        self.assertTrue(copy["text"])

    def test_a_backup_has_all_copies_looked_at_again(self):
        """Of a case that is erased while it is made, its copy may have got the key."""
        first, away = self.hub.path("first"), self.hub.path("away.keys")
        self.hub.casehub("backup", first)
        os.rename(f"{first}.keys", away)
        self.assertEqual([copy["erased"] for copy in self.erase()["copies"]], [False])
        os.rename(away, f"{first}.keys")
        self.hub.casehub("backup", self.hub.path("second"))
        wait_until(lambda: [copy["erased"] for row in self.operator.query("erasure", case=self.case)
                            for copy in row.get("copies", [])] == [True, True], "both copies are without the key")

    def test_a_state_that_was_made_without_keys_finds_persons_again(self):
        self.assertEqual(self.hub.stop(), 0)
        self.replay("--store", self.hub.path("store"), "rebuild", "--swap")
        self.hub.start()
        self.open_clients()
        self.assertEqual(self.found("--phone", SPELLINGS[0]), {self.case, self.twin, self.other})


if __name__ == "__main__":
    unittest.main()
