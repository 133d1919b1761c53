#!/usr/bin/env python3
"""Retained size and immediate dominator of every object, ours under policy visualvm beside VisualVM's own heap library, on dumps
that this test takes of nine Java programs (one of them also as .gz).

    visualvm_test.py HEAP_ANALYZER LIBRARY.jar [PROGRAM...]

Every object must agree. The one difference that is explained: the library leaves a Class object's own bytes out of all retained
sizes, unless it met the class as a "tree object" (one that it sizes from its leaves upwards, apart from dominators): then they
count in it and in the instances above it. Ours gives Class objects no bytes under this policy, so the library's figure is ours
plus a Class's bytes for each such class, which is computed here and must be met exactly. Exit 77: no JDK or library. Database is left out, with a line, where HSQLDB is not there.
"""
import gzip
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = ["Collections", "References", "Lists", "Loaders", "Server", "Compiler", "Shell", "Documents", "Database"]
TAKES_SOURCES = ["Compiler", "Documents"]
HSQLDB = "usr/share/java/hsqldb.jar"  # below the folder that the library was fetched into
GZIP_TOO = "Collections"


def dump(program, work, hsqldb):
    """Runs a program and has it dumped with all objects, dead ones too, or only live ones, by turns. Returns the files."""
    sources = [os.path.join(HERE, p + ".java") for p in PROGRAMS] if program in TAKES_SOURCES else []
    with subprocess.Popen(["java", "-Xmx512m", "-cp", work + ":" + hsqldb, program] + sources, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout.readline().strip() != "ready":
                raise SystemExit(f"{program} did not start")
            path = os.path.join(work, program + ".hprof")
            live = ["-all"] if program in ("References", "Server", "Database") else []
            subprocess.run(["jcmd", str(process.pid), "GC.heap_dump"] + live + [path], check=True, stdout=subprocess.DEVNULL)
            files = [path]
            if program == GZIP_TOO:
                files.append(path + ".gz")
                subprocess.run(["jcmd", str(process.pid), "GC.heap_dump", "-gz=1", path + ".gz"], check=True, stdout=subprocess.DEVNULL)
            return files
        finally:
            process.kill()


def ours(analyzer, path):
    out = subprocess.run([analyzer, "export", "--per-object", "--policy", "visualvm", path], check=True, stdout=subprocess.PIPE, text=True).stdout
    objects = {}
    for line in out.splitlines()[1:]:
        number, kind, _, retained, dominator, reachable = line.split("\t")
        objects[int(number, 16)] = (int(retained), int(dominator, 16), reachable == "1", kind)
    return objects


def library(jar, work, path):
    run = subprocess.run(["java", "-Xmx1g", "-cp", jar + ":" + work, "org.graalvm.visualvm.lib.jfluid.heap.PerObject", path],
                         check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    objects = {}
    for line in run.stdout.splitlines():
        number, retained, dominator, kind, shallow, tree = line.split("\t")
        objects[int(number, 16)] = (int(retained), int(dominator, 16), kind == "C", int(shallow), tree == "1")
    return objects


def class_bytes(theirs):
    """By object: what the library adds for Class objects that are tree objects, in bytes."""
    children, waiting = {}, {}
    for number, (_, dominator, *_) in theirs.items():
        children.setdefault(dominator, []).append(number)
    for number in theirs:
        waiting[number] = len(children.get(number, []))
    added = {number: row[3] if row[2] and row[4] else 0 for number, row in theirs.items()}
    ready = [number for number, count in waiting.items() if count == 0]
    while ready:
        number = ready.pop()
        _, dominator, is_class, _, tree = theirs[number]
        if dominator not in theirs:
            continue
        # Its second walk, which adds up dominators, passes over records of classes.
        if theirs[dominator][4] or not (is_class and tree):
            added[dominator] += added[number]
        waiting[dominator] -= 1
        if waiting[dominator] == 0:
            ready.append(dominator)
    return added


def compare(name, mine, theirs):
    added = class_bytes(theirs)
    explained, wrong = 0, []
    for number in mine.keys() | theirs.keys():
        a, b = mine.get(number), theirs.get(number)
        if a is None or b is None:
            wrong.append((number, a, b))
        elif a[1] == b[1] and a[0] == b[0]:
            continue
        elif a[1] == b[1] and a[0] + added[number] == b[0]:
            explained += 1
        else:
            wrong.append((number, a, b))
    reached = sum(1 for row in mine.values() if row[2])
    print(f"{name}: {len(theirs)} objects, {reached} reached; class bytes of tree objects explain {explained}; others {len(wrong)}")
    for number, a, b in wrong[:10]:
        print(f"  {number:#x}: ours {a}, VisualVM {b}, class bytes {added.get(number)}")
    # A comparison that compares nothing would agree, too.
    return not wrong and len(theirs) > 10000 and reached > 5000 and len({row[1] for row in theirs.values()}) > 1000


def main():
    analyzer, jar = sys.argv[1:3]
    if not os.path.exists(jar) or not all(shutil.which(tool) for tool in ("java", "javac", "jcmd")):
        print("needs a JDK and VisualVM's library (tests/e2e/java/fetch_visualvm.sh); skipped")
        return 77
    hsqldb = os.path.join(jar[:jar.index("usr/share")] if "usr/share" in jar else os.path.dirname(jar), HSQLDB)
    good = True
    with tempfile.TemporaryDirectory() as work:
        sources = [os.path.join(HERE, name + ".java") for name in PROGRAMS + ["PerObject"]]
        subprocess.run(["javac", "-nowarn", "-Xlint:none", "-cp", jar, "-d", work] + sources, check=True)
        for program in sys.argv[3:] or PROGRAMS:
            if program == "Database" and not os.path.exists(hsqldb):
                print("Database: left out, no HSQLDB (tests/e2e/java/fetch_visualvm.sh)")
                continue
            for path in dump(program, work, hsqldb):
                mine = ours(analyzer, path)
                if path.endswith(".gz"):
                    with gzip.open(path) as packed, open(path[:-3], "wb") as plain:
                        shutil.copyfileobj(packed, plain)
                theirs = library(jar, work, path.removesuffix(".gz"))
                good &= compare(os.path.basename(path), mine, theirs)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
