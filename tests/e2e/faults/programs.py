#!/usr/bin/env python3
"""Plants faults in generated programs and asks heap-analyzer what is wrong with their dumps.

    programs.py --prefix PREFIX --seeds 1-50 [--work DIR] [--jobs 2] [--require 95]
    programs.py --build BUILD --seeds 1,2,3,4      installs BUILD into a prefix of its own first
    programs.py --judge DUMPS --analyzer HEAP-ANALYZER --seeds 1-50     dumps that an earlier run left in its --work

PREFIX is an installed OpenClaw; the programs know nothing else. Prints a line for each dump that was judged wrong, the
confusion table in Markdown, and the seconds of each step. Exit 1: fewer than `--require` percent are right, or a program
did not build or run.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import generate
import judge

HERE = pathlib.Path(__file__).resolve().parent


def seeds_of(text: str) -> list[int]:
    seeds = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


def run(command: list, **more) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


class Clock:
    def __init__(self):
        self._start = time.monotonic()

    def step(self, what: str):
        now = time.monotonic()
        print(f"  {what:<40} {now - self._start:6.1f} s", flush=True)
        self._start = now


def findings_of(analyzer: pathlib.Path, dump: pathlib.Path) -> list:
    return json.loads(run([analyzer, "summary", "--json", dump], timeout=300))["findings"]["found"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--prefix", type=pathlib.Path)
    where.add_argument("--build", type=pathlib.Path)
    where.add_argument("--judge", type=pathlib.Path)
    parser.add_argument("--analyzer", type=pathlib.Path)
    parser.add_argument("--seeds", type=seeds_of, default=seeds_of("1-50"))
    parser.add_argument("--work", type=pathlib.Path, help="kept afterwards: sources, programs, dumps, truths")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--require", type=float, default=95)
    args = parser.parse_args()
    if args.judge:
        truths = [json.loads((args.judge / f"{seed}.json").read_text()) for seed in args.seeds]
        return report([(t, judge.judge(t, findings_of(args.analyzer, args.judge / f"{t['seed']}.bin"))) for t in truths], args.require)
    with tempfile.TemporaryDirectory() as temporary:
        work = args.work or pathlib.Path(temporary)
        return judge_all(args, work.resolve())


def judge_all(args, work: pathlib.Path) -> int:
    clock = Clock()
    sources, build, dumps = work / "sources", work / "build", work / "dumps"
    for folder in (sources, build, dumps):
        folder.mkdir(parents=True, exist_ok=True)
    prefix = args.prefix
    if args.build:
        prefix = work / "prefix"
        run(["cmake", "--install", args.build, "--prefix", prefix])
        clock.step("install")
    for old in sources.glob("program_*.cc"):
        old.unlink()
    for seed in args.seeds:
        (sources / f"program_{seed}.cc").write_text(generate.Program(seed).text().replace("  // UNIT", ""), encoding="utf-8")
    run(["cmake", "-S", HERE / "project", "-B", build, "-G", "Ninja", f"-DSOURCES={sources}", f"-DCMAKE_PREFIX_PATH={prefix.resolve()}",
         "-DCMAKE_BUILD_TYPE=", "-DCMAKE_CXX_FLAGS=-O1"])
    run(["cmake", "--build", build, "-j", args.jobs])
    clock.step(f"build of {len(args.seeds)} programs")
    results = []
    for seed in args.seeds:
        dump = dumps / f"{seed}.bin"
        truth = json.loads(run([build / f"program_{seed}", dump], timeout=120))
        (dumps / f"{seed}.json").write_text(json.dumps(truth, indent=1), encoding="utf-8")
        results.append((truth, judge.judge(truth, findings_of(prefix / "bin/heap-analyzer", dump))))
        if not args.work:
            dump.unlink()
    clock.step("runs and analyses")
    return report(results, args.require)


def report(results: list, require: float) -> int:
    for truth, verdict in results:
        if not verdict["right"]:
            print(f"  {truth.get('seed', '')} {truth['fault']} {truth.get('shape', '')} {truth['share']:.0f} %: planted {truth.get('type', 'nothing')} "
                  f"at {truth.get('file', '')}:{truth.get('line', '')} in {truth.get('owners', '')}; found {verdict['what']}")
    print(judge.table(results))
    right = sum(verdict["right"] for _, verdict in results)
    return 0 if right * 100 >= require * len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
