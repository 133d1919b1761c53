#!/usr/bin/env bash
# Pauses of our dumps beside `jcmd GC.heap_dump` of a Java heap with as many objects, in one run, interleaved:
# jcmd, ours (dumps 1..N under write load), jcmd.
#   tests/bench/dump_vs_jcmd.sh [BUILD_DIR] [MIB] [DUMPS]
set -euo pipefail
build=${1:-build/release} mib=${2:-1024} dumps=${3:-20}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
objects=$((mib * 1024 * 1024 / 64))
java -Xms3g -Xmx3g "$here/HeapDumpPeer.java" "$objects" >"$work/java.out" 2>&1 &
java_pid=$!
trap 'kill $java_pid 2>/dev/null || true; wait $java_pid 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 600); do grep -q ready "$work/java.out" && break; sleep 0.2; done
# One dump of the Java heap: the longest gap its probe felt, ms.
java_dump() {
  local before
  before=$(wc -l <"$work/java.out")
  rm -f "$work/java.hprof"
  jcmd "$java_pid" GC.heap_dump "$work/java.hprof" >/dev/null
  sleep 0.5
  tail -n "+$((before + 1))" "$work/java.out" | awk '$1 == "gap" && $2 > m { m = $2 } END { print m + 0 }'
}
first=$(java_dump)
echo "jcmd GC.heap_dump: $first ms, $(stat -c %s "$work/java.hprof") bytes, $objects objects"
"$build/bench/dump_bench" --mib "$mib" --dumps "$dumps" --output "$work/heap.bin" | tee "$work/ours.out"
second=$(java_dump)
echo "jcmd GC.heap_dump: $second ms"
p95=$(tail -n 1 "$work/ours.out" | sed 's/.*"stop_p95_ms":\([0-9.]*\).*/\1/')
awk -v a="$first" -v b="$second" -v o="$p95" 'BEGIN { j = a < b ? a : b; printf "ratio: our p95 %.2f ms / jcmd %.0f ms (the shorter of two) = 1/%.0f\n", o, j, j / o }'
