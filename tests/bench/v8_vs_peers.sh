#!/usr/bin/env bash
# A V8 snapshot to all retained sizes: heap-analyzer beside memlab and Chrome DevTools' code, each in a process of its own, in turns
# in one run. Prints time and peak memory (VmHWM, mapped files included) of each, and the ratios.
#   tests/bench/v8_vs_peers.sh BUILD_DIR FILE [ROUNDS of ours around each peer] [PEER…: memlab, devtools]
# FILE: node --max-old-space-size=16000 tests/bench/v8_heap.js 1300 FILE. Packages: tests/e2e/v8/setup.sh build/v8-oracles.
set -euo pipefail
build=$1 file=$2 rounds=${3:-2}
peers=("${@:4}")
[ ${#peers[@]} -gt 0 ] || peers=(memlab devtools)
here=$(cd "$(dirname "$0")" && pwd)
export V8_ORACLES=${V8_ORACLES:-$(cd "$here/../.." && pwd)/build/v8-oracles} PRINT_TOTALS=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bytes=$(stat -c %s "$file")
cat "$file" >/dev/null   # all of it in the page cache, for everybody

# measure NAME command…: a line "NAME seconds cpu-seconds peak-KB" in results, what it printed in NAME.out.
measure() {
  local name=$1
  shift
  /usr/bin/time -f "$name %e %U %M" -a -o "$work/results" "$@" >"$work/$name.out" 2>"$work/$name.err" || { tail -n 5 "$work/$name.out" "$work/$name.err" "$work/results"; exit 1; }
  tail -n 1 "$work/results" | awk -v f="$bytes" '{ printf "%-10s %7.2f s  %7.2f s of a processor  %6.0f MB = %.2f x the file\n", $1, $2, $3, $4 * 1024 / 1e6, $4 * 1024 / f }'
}
ours() { for _ in $(seq "$rounds"); do measure ours "$build/bin/heap-analyzer" histogram --index off --top 3 "$file"; done; }

printf '%s: %.0f MB; load average %s\n' "$(basename "$file")" "$(awk -v b="$bytes" 'BEGIN { print b / 1e6 }')" "$(cut -d' ' -f1-3 /proc/loadavg)"
ours
for peer in "${peers[@]}"; do
  measure "$peer" node --max-old-space-size=16000 "$here/../e2e/v8/$peer.mjs" "$file"
  ours
done
tail -n 1 "$work/ours.out"
for peer in "${peers[@]}"; do echo "$peer: $(tail -n 1 "$work/$peer.out") (objects, shallow, sum of retained)"; done
awk '{ n[$1]++; t[$1, n[$1]] = $2; if ($4 > m[$1]) m[$1] = $4; if (n[$1] == 1 || $2 < best[$1]) best[$1] = $2; if ($2 > worst[$1]) worst[$1] = $2 }
  END { for (p in n) if (p != "ours") printf "%s / ours: %.1f to %.1f x the time, %.1f x the memory\n", p, t[p, 1] / worst["ours"], t[p, 1] / best["ours"], m[p] / m["ours"] }' "$work/results"
