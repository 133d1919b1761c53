"""The judge must not let a wrong answer pass, and a seed must always give the same program."""

import copy
import unittest

import generate
import judge

TRUTH = {"fault": "deep-list", "type": "a::Node", "file": "p.cc", "line": 7, "owners": ["a::Trail", "a::App"]}
FINDING = {"id": "leak.growing", "severity": "warning", "verdict": "", "sites": [{"file": "/x/p.cc", "line": 7}, {"file": "/x/p.cc", "line": 9}],
           "objects": [{"role": "accumulating", "object": {"type": "a::Node"}}, {"role": "owner", "object": {"type": "a::Trail"}}]}


class Judge(unittest.TestCase):
    def test_a_right_first_finding_is_right(self):
        self.assertTrue(judge.judge(TRUTH, [FINDING])["right"])

    def test_each_wrong_part_is_wrong(self):
        changes = {
            "id": lambda f: f.update(id="fragmentation.pinned"),
            "type": lambda f: f["objects"][0]["object"].update(type="a::Other"),
            "site": lambda f: f["sites"].reverse(),
            "owner": lambda f: f["objects"][1]["object"].update(type="a::Nobody"),
        }
        for part, change in changes.items():
            finding = copy.deepcopy(FINDING)
            change(finding)
            verdict = judge.judge(TRUTH, [finding])
            self.assertFalse(verdict["right"], part)
            self.assertFalse(verdict[part], part)

    def test_a_note_or_a_second_place_is_not_enough(self):
        self.assertFalse(judge.judge(TRUTH, [{**FINDING, "severity": "note"}])["right"])
        self.assertFalse(judge.judge(TRUTH, [{**FINDING, "id": "owner.large", "severity": "note"}, FINDING])["right"])
        self.assertFalse(judge.judge(TRUTH, [])["right"])

    def test_without_a_fault_only_notes_are_right(self):
        self.assertTrue(judge.judge({"fault": "none"}, [])["right"])
        self.assertTrue(judge.judge({"fault": "none"}, [{**FINDING, "severity": "note"}])["right"])
        self.assertFalse(judge.judge({"fault": "none"}, [{**FINDING, "severity": "note"}, FINDING])["right"])


class Programs(unittest.TestCase):
    def test_a_seed_gives_the_same_program_and_seeds_differ(self):
        for seed in (1, 7, 1003):
            self.assertEqual(generate.Program(seed).text(), generate.Program(seed).text())
        self.assertNotEqual(generate.Program(1).text(), generate.Program(2).text())

    def test_the_line_of_the_truth_makes_the_named_type(self):
        for seed in range(1, 40):
            program = generate.Program(seed)
            lines = program.text().split("\n")
            units = [number for number, line in enumerate(lines, 1) if line.endswith("// UNIT")]
            self.assertEqual(len(units), 0 if program.kind == "none" else 1, seed)
            for number in units:
                self.assertIn(f"\\\"line\\\": {number},", program.text(), seed)
                self.assertRegex(lines[number - 1], "make<" + program.fault.unit + ">|String::make", seed)

    def test_a_cache_is_larger_than_the_fault(self):
        for seed in [*range(1, 60), *range(1000, 1040)]:
            program = generate.Program(seed)
            fault = program.base * program.share / max(100 - program.share, 1)
            self.assertGreater(max(program.budgets.values()), fault, seed)

    def test_fifty_seeds_hold_every_kind_several_times_and_all_shares(self):
        programs = [generate.Program(seed) for seed in range(1, 51)]
        for kind in generate.ALL_KINDS:
            self.assertGreaterEqual(sum(p.kind == kind for p in programs), 7, kind)
        shares = [p.share for p in programs if p.fault]
        self.assertLess(min(shares), 8)
        self.assertGreater(max(shares), 35)


if __name__ == "__main__":
    unittest.main()
