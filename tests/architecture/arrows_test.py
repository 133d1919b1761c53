#!/usr/bin/env python3
"""Checks the arrows and fences of ARCHITECTURE.md by reading the includes of every source file.

arrows   which folder may include which (programs/ are thin mains over libraries and free of them)
fences   which third-party header may stand where
heavy    headers that cost seconds to compile stand in .cc files only

Run: tests/architecture/arrows_test.py [ROOT]; exits 1 and prints each violation. --self-test breaks each rule on
purpose in a temporary tree and expects it to be named.
"""
import os
import re
import sys
import tempfile

ARROWS = {
    "format": {"format"},
    "capture": {"capture", "format"},
    "runtime": {"runtime", "capture", "format"},
    "analyzer": {"analyzer", "format"},
    "gui": {"gui", "analyzer", "format"},
    "samples": {"samples", "gui", "analyzer", "runtime", "capture", "format"},
    "tests": {"tests", "samples", "gui", "analyzer", "runtime", "capture", "format"},
}
# gui may use of format only the unit types, ids, rows and results that the analyzer's own headers speak in.
GUI_FORMAT = {"format/units.h", "format/ids.h", "format/records.h", "format/result.h"}

# (what, pattern of the include, pattern of the files that may have it)
FENCES = [
    ("Cap'n Proto", r"^(capnp/|.*\.capnp\.h$)", r"^(format/|tests/(format|fuzz|bench)/)"),
    ("KJ", r"^kj/", r"^(format/|samples/|tests/(format|fuzz)/)"),
    ("zstd", r"^(zstd|zstd_errors)\.h$", r"^(format/|tests/(format|fuzz|bench|support)/)"),
    ("zlib", r"^zlib\.h$", r"^(analyzer/load/hprof/|tests/)"),
    ("xxHash", r"^xxhash\.h$", r"^analyzer/index/"),
    ("libunwind", r"^(libunwind/)?(lib)?unwind\.h$", r"^(capture/stacks/libunwind_bridge\.cc|tests/capture/.*)$"),
    ("Boost", r"^boost/", r"^(analyzer/graph/bgl_adapter\.cc|tests/bench/.*)$"),
    ("SQLite", r"^sqlite3\.h$", r"^analyzer/query/"),
    ("elfutils", r"^(elfutils/|dwarf\.h|gelf\.h|libelf\.h)", r"^(analyzer/symbolize/|capture/stacks/)"),
    ("Qt", r"^Q[A-Z]\w+$|^Qt\w+/", r"^(gui/|tests/gui/)"),
]
HEAVY = [("CLI11", r"^CLI/"), ("toml++", r"^toml(\+\+|plusplus)"), ("nlohmann-json", r"^nlohmann/(?!json_fwd\.hpp$)"), ("Boost", r"^boost/")]
UMBRELLA_QT = re.compile(r"^Qt(Core|Gui|Widgets|Test|Concurrent)(/Qt\w+)?$")

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)


def sources(root):
    for folder in ARROWS:
        for here, folders, names in os.walk(os.path.join(root, folder)):
            folders[:] = [f for f in folders if f not in ("external_program", "build")]
            for name in names:
                if name.endswith((".h", ".cc", ".cpp", ".def")):
                    yield os.path.relpath(os.path.join(here, name), root)


def violations(root):
    found, files = [], 0
    for path in sorted(sources(root)):
        files += 1
        folder = path.split(os.sep)[0]
        program = "/programs/" in path
        with open(os.path.join(root, path), encoding="utf-8") as f:
            includes = INCLUDE.findall(f.read())
        for include in includes:
            top = include.split("/")[0]
            if top in ARROWS and "/" in include and not program and top not in ARROWS[folder]:
                found.append(f"arrow: {path} includes {include}: {folder} may include {', '.join(sorted(ARROWS[folder]))}")
            if folder == "gui" and top == "format" and include not in GUI_FORMAT:
                found.append(f"arrow: {path} includes {include}: of format, gui uses {', '.join(sorted(GUI_FORMAT))}")
            for what, pattern, where in FENCES:
                if re.search(pattern, include) and not re.search(where, path):
                    found.append(f"fence: {path} includes {include}: {what} stands only in {where}")
            for what, pattern in HEAVY:
                if re.search(pattern, include) and path.endswith(".h"):
                    found.append(f"heavy: {path} includes {include}: {what} stands in .cc files only")
            if UMBRELLA_QT.search(include):
                found.append(f"heavy: {path} includes {include}: name single Qt headers")
    if files == 0:
        found.append(f"no sources below {root}")
    return found


def self_test():
    cases = {
        "format/a.h": '#include "capture/heap_source.h"',
        "capture/a.h": '#include "runtime/heap.h"',
        "runtime/a.cc": '#include "analyzer/snapshot.h"',
        "analyzer/a.cc": '#include "runtime/heap.h"',
        "gui/a.cc": '#include "capture/snapshotter.h"',
        "gui/b.cc": '#include "format/dump_reader.h"',
        "gui/c.cc": "#include <QtWidgets>",
        "runtime/b.cc": "#include <capnp/message.h>",
        "runtime/c.cc": "#include <kj/async.h>",
        "capture/d.cc": "#include <zstd.h>",
        "capture/e.cc": "#include <libunwind.h>",
        "analyzer/f.cc": "#include <boost/graph/dominator_tree.hpp>",
        "analyzer/g.h": "#include <nlohmann/json.hpp>",
        "analyzer/h.cc": "#include <QString>",
        "samples/i.h": "#include <CLI/CLI.hpp>",
    }
    for path, text in cases.items():
        with tempfile.TemporaryDirectory() as root:
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full))
            with open(full, "w", encoding="utf-8") as f:
                f.write(text + "\n")
            if len(violations(root)) < 1:
                print(f"self-test: {path} with {text} was not noticed")
                return 1
    for path, text in {"runtime/a.cc": '#include "capture/heap_source.h"', "capture/programs/occtl/main.cc": '#include "analyzer/symbolize/symbolizer.h"'}.items():
        with tempfile.TemporaryDirectory() as root:
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full))
            with open(full, "w", encoding="utf-8") as f:
                f.write(text + "\n")
            if violations(root):
                print(f"self-test: {path} with {text} is allowed, but was named")
                return 1
    print(f"self-test: {len(cases)} violations named, 2 allowed includes passed")
    return 0


if __name__ == "__main__":
    if "--self-test" in sys.argv:
        sys.exit(self_test())
    here = os.path.dirname(os.path.abspath(__file__))
    base = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "..")
    problems = violations(os.path.abspath(base))
    for problem in problems:
        print(problem)
    print(f"{len(problems)} violations")
    sys.exit(1 if problems else 0)
