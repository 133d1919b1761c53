#!/usr/bin/env bash
# The main job, from nothing: packages, build, the reference service under load, a dump of it, the report in the
# terminal, pictures of the window.
#
#   samples/demo.sh [--objects N] [--output FOLDER] [--window]
#
#   --objects N      load until the heap holds so many objects (default 1200000)
#   --output FOLDER  where heap.bin, report.txt and the pictures go (default out/demo)
#   --window         open the window on the dump at the end (needs a display)
#
# Prints a line with its seconds for each step. Exit 0: the dump was taken and reports that it adds up.
set -euo pipefail
cd "$(dirname "$0")/.."
source samples/setup.sh

objects=1200000 output=out/demo window=no
while [ $# -gt 0 ]; do
  case $1 in
    --objects) objects=${2:?--objects needs a number}; shift 2 ;;
    --output) output=${2:?--output needs a folder}; shift 2 ;;
    --window) window=yes; shift ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "samples/demo.sh: unknown option $1 (try --help)" >&2; exit 2 ;;
  esac
done

echo "Set-up"
install_packages build analyzer gui tests
build_targets dev openclaw openclaw-load occtl heap-analyzer heap-analyzer-gui
bin=build/dev/bin
mkdir -p "$output"

echo "Service"
service_log=$output/service.log
rm -f "$output/port"
"$bin/openclaw" --port 0 --port-file "$output/port" --arena-size 512MiB --heap-limit 4GiB >"$service_log" 2>&1 &
service=$!
trap 'kill "$service" 2>/dev/null || true; wait "$service" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  [ -s "$output/port" ] && break
  kill -0 "$service" 2>/dev/null || { echo "The service ended early:"; cat "$service_log"; exit 1; }
  sleep 0.1
done
port=$(cat "$output/port")
echo "  $(head -n 1 "$service_log")"
step "load until $objects objects" "$bin/openclaw-load" --port "$port" --until-objects "$objects" --seed 7

echo
"$bin/occtl" --pid "$service" memory show
echo
echo "Dump"
"$bin/occtl" --pid "$service" memory dump --output "$output/heap.bin" --force
echo
"$bin/heap-analyzer" summary "$output/heap.bin" | tee "$output/report.txt"
echo
echo "Pictures"
"$bin/heap-analyzer-gui" --grab all "$output/pictures" "$output/heap.bin"
echo
echo "The dump is $output/heap.bin; next:"
echo "  $bin/heap-analyzer dominators $output/heap.bin"
echo "  $bin/heap-analyzer-gui $output/heap.bin"
if [ "$window" = yes ]; then
  "$bin/heap-analyzer-gui" "$output/heap.bin"
fi
