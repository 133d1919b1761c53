#!/usr/bin/env python3
"""Plants each fault in the reference service at several shares, loads it, and asks heap-analyzer what is wrong.

    service.py --bin BUILD/bin --source SOURCE_DIR [--shares 5,10,20,40] [--kinds listeners,...] [--sessions 400] [--require 100]
               [--work DIR]    keeps DIR/KIND-SHARE.bin and .json; dumps that stand there are judged again, not taken anew

Prints the confusion table in Markdown and, for each dump, the share that was measured in it. Exit 1: fewer than `--require`
percent of the first findings are right.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import judge
from programs import findings_of, report, run

# type, owner, and the file whose line makes the object
PLANTED = {
    "listeners": ("DeliveryListener", "DeliveryEvents", "listeners.cc"),
    "unbounded-cache": ("Suggestion", "SuggestionDesk", "unbounded_cache.cc"),
    "deep-list": ("AuditEntry", "AuditTrail", "deep_list.cc"),
    "large-between-small": ("ParseToken", "TokenHistory", "large_between_small.cc"),
    "none": (None, None, None),
}
SPACE = "openclaw::service::"


def truth_of(kind: str, share: int, source: pathlib.Path) -> dict:
    type_, owner, file = PLANTED[kind]
    if type_ is None:
        return {"fault": kind, "share": 0}
    text = (source / "samples/service/faults" / file).read_text()
    line = next(i for i, line in enumerate(text.split("\n"), 1) if f"make<{type_}>(heap_)" in line)
    return {"fault": kind, "share": share, "type": SPACE + type_, "file": file, "line": line, "owners": [SPACE + owner], "wantedShare": share}


def measured(analyzer: pathlib.Path, dump: pathlib.Path, truth: dict) -> str:
    """What the fault and the cache hold in the dump, in percent of the reachable bytes."""
    live = json.loads(run([analyzer, "summary", "--json", dump]))["heap"]["reachableBytes"]
    rows = {r["type"]: r for r in json.loads(run([analyzer, "histogram", "--json", "--top", "1000", dump]))["rows"]}
    percent = lambda bytes_: f"{100 * bytes_ / live:.2f} %"
    # Not only the owner: a stale word on a worker's stack may point to the table inside, and then the table keeps it all.
    most = lambda *types: max(r["retainedBytes"] for name, r in rows.items() if any(t in name for t in types))
    cache = percent(most(SPACE + "ContextDocument"))
    if truth["fault"] == "none":
        return f"live {live / 2**20:.0f} MiB, cache {cache}"
    if truth["fault"] == "large-between-small":  # 33 tokens stand around 32 holes of 224 bytes
        fault = percent(rows[truth["type"]]["objects"] * 32 / 33 * 224)
    else:
        fault = percent(most(truth["owners"][0], truth["type"]))
    return f"live {live / 2**20:.0f} MiB, fault {fault}, cache {cache}"


class Service:
    """A running service in a folder of its own; ended by its own process id."""

    def __init__(self, folder: pathlib.Path, bin_: pathlib.Path, arguments: list):
        self._port_file = folder / "port"
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
        self.process = subprocess.Popen([bin_ / "openclaw", "--port", "0", "--port-file", self._port_file, *arguments],
                                        env=self.environment, stdout=subprocess.DEVNULL)

    def __enter__(self):
        deadline = time.monotonic() + 30
        while not self._port_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the service did not start")
            time.sleep(0.02)
        self.port = int(self._port_file.read_text())
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--source", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[3])
    parser.add_argument("--kinds", type=lambda t: t.split(","), default=list(PLANTED))
    parser.add_argument("--shares", type=lambda t: [int(x) for x in t.split(",")], default=[5, 10, 20, 40])
    parser.add_argument("--sessions", type=int, default=400)
    parser.add_argument("--require", type=float, default=100)
    parser.add_argument("--work", type=pathlib.Path)
    args = parser.parse_args()
    results = []
    for kind in args.kinds:
        for share in args.shares:
            truth = truth_of(kind, share, args.source)
            with tempfile.TemporaryDirectory() as temporary:
                folder = pathlib.Path(temporary)
                dump = (args.work or folder) / f"{kind}-{share}.bin"
                if dump.exists():
                    verdict = judge.judge(truth, findings_of(args.bin / "heap-analyzer", dump))
                    results.append((truth, verdict))
                    continue
                if args.work:
                    args.work.mkdir(parents=True, exist_ok=True)
                    dump.with_suffix(".json").write_text(json.dumps(truth, indent=1), encoding="utf-8")
                with Service(folder, args.bin, ["--fault", kind, "--fault-share", str(share)]) as service:
                    run([args.bin / "openclaw-load", "--port", service.port, "--sessions", args.sessions, "--seed", share], timeout=300)
                    pid = str(service.process.pid)
                    run([args.bin / "occtl", "--pid", pid, "memory", "dump", "--collect", "--output", dump], env=service.environment)
                    log = run([args.bin / "occtl", "--pid", pid, "gc", "log"], env=service.environment)
                collections = len(re.findall(r"allocation|arena size", log))
                verdict = judge.judge(truth, findings_of(args.bin / "heap-analyzer", dump))
                results.append((truth, verdict))
                print(f"  {kind} {share}: {measured(args.bin / 'heap-analyzer', dump, truth)}, {collections} collections; "
                      f"{'right' if verdict['right'] else 'WRONG'}: {verdict['what']}", flush=True)
    return report(results, args.require)


if __name__ == "__main__":
    sys.exit(main())
