#!/usr/bin/env python3
"""A Java heap dump of 20 M objects in heap-analyzer, and one of 5 M objects in VisualVM's heap library beside it, in one run.

    java_dumps.py BUILD [--dumps FOLDER] [--objects N] [--peer-objects N] [--jar LIBRARY.jar] [--rounds N]

Makes the dumps with JavaHeap.java where FOLDER does not have them (default: a temporary one; 1.7 GB). Prints a line for each
figure that the goals name; peak memory is VmHWM, file pages do not count. VisualVM's library is left out without --jar
(tests/e2e/java/fetch_visualvm.sh prints where it is).
"""
import argparse
import os
import random
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def run(command, **options):
    """Seconds on the clock, seconds of processor time, peak bytes, standard output."""
    begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, **options)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, output.decode(errors="replace")


def best(rounds, command):
    runs = [run(command) for _ in range(rounds)]
    runs.sort(key=lambda r: r[0])
    return runs[len(runs) // 2]


def make(folder, objects):
    path = os.path.join(folder, f"java-{objects}.hprof")
    if not os.path.exists(path):
        _, _, _, said = run(["java", "-Xmx3g", os.path.join(HERE, "JavaHeap.java"), str(objects), path])
        print(f"made {os.path.basename(path)}: {os.path.getsize(path) / 1e6:.0f} MB; {said.strip()}", flush=True)
    return path


def interrupted(command, seconds):
    """How long after Ctrl-C, sent at some time in the run, the program was gone; None: it was done before."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    if process.poll() is not None:
        return None
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait()
    return time.monotonic() - begin if process.returncode == 130 else None


def main():
    options = argparse.ArgumentParser()
    options.add_argument("build")
    options.add_argument("--dumps")
    options.add_argument("--objects", type=int, default=20_000_000)
    options.add_argument("--peer-objects", type=int, default=5_000_000)
    options.add_argument("--jar")
    options.add_argument("--rounds", type=int, default=3)
    options = options.parse_args()
    analyzer = os.path.join(options.build, "bin", "heap-analyzer")
    with tempfile.TemporaryDirectory() as work:
        folder = options.dumps or work
        path = make(folder, options.objects)
        size = os.path.getsize(path)
        print(f"load average {os.getloadavg()[0]:.1f}")

        stages = run([os.path.join(options.build, "bench", "load_bench"), "--load", path, "--no-referrers"])[3]
        objects = int(re.search(r"^([\d,]+) objects", stages, re.MULTILINE).group(1).replace(",", ""))
        references = float(re.search(r"([\d.]+) references an object", stages).group(1))
        print(f"{objects:,} objects, {references:.2f} references each, {size / 1e6:.0f} MB, {size / objects:.1f} B an object")
        print(stages.rstrip())

        def told(what, answer):
            seconds, processor, peak, _ = answer
            print(f"{what}: {seconds:.2f} s ({processor:.2f} of processor time), {objects / seconds / 1e6:.2f} M objects/s, {size / seconds / 1e6:.0f} MB/s, "
                  f"{size / processor / 1e6:.0f} MB/s a core; peak {peak / 1e6:.0f} MB = {peak / objects:.1f} B an object = {peak / size:.2f} x the dump", flush=True)
            return seconds

        plain = ["--index", "off", "--top", "5", path]
        ours = told("histogram with retained sizes", best(options.rounds, [analyzer, "histogram"] + plain))
        told("the same with --memory-limit 400MiB", best(options.rounds, [analyzer, "histogram", "--memory-limit", "400MiB"] + plain))
        told("histogram --no-retained", best(options.rounds, [analyzer, "histogram", "--no-retained"] + plain))
        told("histogram --no-retained, one thread", best(options.rounds, [analyzer, "histogram", "--no-retained", "--threads", "1"] + plain))

        print(run([os.path.join(options.build, "bench", "paths_bench"), path])[3].rstrip(), flush=True)

        random.seed(1)
        gone = [interrupted([analyzer, "summary", "--index", "off", path], random.uniform(0.05, ours)) for _ in range(20)]
        gone = sorted(g for g in gone if g is not None)
        print(f"Ctrl-C at {len(gone)} times of a load: gone after {statistics.median(gone) * 1000:.0f} ms (median), {gone[-1] * 1000:.0f} ms (longest)", flush=True)

        if options.jar:
            small = make(folder, options.peer_objects)
            subprocess.run(["javac", "-nowarn", "-Xlint:none", "-cp", options.jar, "-d", work, os.path.join(HERE, "../e2e/java/PerObject.java")], check=True)
            seconds, _, peak, _ = run(["java", "-Xmx6g", "-cp", options.jar + ":" + work, "org.graalvm.visualvm.lib.jfluid.heap.PerObject", small, "quiet"],
                                      stderr=subprocess.DEVNULL)
            mine, _, my_peak, _ = best(options.rounds, [analyzer, "histogram", "--policy", "visualvm", "--index", "off", "--top", "5", small])
            strict, _, strict_peak, _ = best(options.rounds, [analyzer, "histogram", "--index", "off", "--top", "5", small])
            print(f"{os.path.getsize(small) / 1e6:.0f} MB, {options.peer_objects:,} objects: VisualVM's library {seconds:.1f} s, {peak / 1e6:.0f} MB; ours as it counts "
                  f"{mine:.2f} s, {my_peak / 1e6:.0f} MB ({seconds / mine:.1f} x faster); ours {strict:.2f} s, {strict_peak / 1e6:.0f} MB ({seconds / strict:.1f} x)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
