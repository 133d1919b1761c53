#!/usr/bin/env bash
# Installs the project into a prefix, builds the twenty-line program outside the tree against it with
# find_package(OpenClaw), runs it, and reads the dump that it took of itself with the installed heap-analyzer.
#   install_test.sh BUILD_DIR PROGRAM_SOURCE_DIR
set -euo pipefail
build=$1 program=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >"$work/install.log" || { cat "$work/install.log"; exit 1; }
cp -r "$program" "$work/program"
generator=$(sed -n 's/^CMAKE_GENERATOR:INTERNAL=//p' "$build/CMakeCache.txt")
cmake -S "$work/program" -B "$work/build" -G "$generator" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_BUILD_TYPE=Release
cmake --build "$work/build"
cd "$work"
program=$(find "$work/build" -maxdepth 1 -type f -executable ! -name '*.so*' | head -n 1)
[ -n "$program" ] || { echo "no program was built"; exit 1; }
"$program" "$work/self.bin"
[ -s "$work/self.bin" ] || { echo "the program left no dump"; exit 1; }
"$work/prefix/bin/heap-analyzer" histogram "$work/self.bin" | tee "$work/histogram.txt"
# A type of the program's own stands in the histogram with the objects that it made.
grep -Eq 'Node' "$work/histogram.txt" || { echo "the program's own type is missing"; exit 1; }
"$work/prefix/bin/heap-analyzer" validate "$work/self.bin"
"$work/prefix/bin/occtl" --version
echo "installed package: a program outside the tree dumps itself"
