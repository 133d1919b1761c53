#!/bin/bash
# Large heaps in little memory: the seeded generator's heap of 1 to 100 M objects, loaded to retained sizes inside a cgroup (v1 or
# v2), without and with a memory limit.
#
#   memory_limit_bench.sh BUILD [FOLDER]     as root; FOLDER (default /var/tmp): dumps (0.9 GB, kept for the next run) and spilled tables
#
# Rows: objects, the cgroup's limit, --memory-limit, seconds, microseconds an object, VmHWM and the cgroup's own peak (which counts the
# page cache, so where tables are spilled it is as much as the group may have), exit code.
set -u
build=$1 folder=${2:-/var/tmp}
bench=$build/bench/load_bench
group=

leave() { [ -n "$group" ] && rmdir "$group" 2>/dev/null; }
trap leave EXIT

# enter LIMIT: makes a group for one run, prints nothing; its folder is in $group.
enter() {
  if [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ]; then
    group=/sys/fs/cgroup/memory/openclaw-bench-$$
    mkdir "$group" && echo "$1" > "$group/memory.limit_in_bytes" || exit 5
    peak=$group/memory.max_usage_in_bytes
  elif [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    group=/sys/fs/cgroup/openclaw-bench-$$
    echo +memory > /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null
    mkdir "$group" && echo "$1" > "$group/memory.max" && echo 0 > "$group/memory.swap.max" 2>/dev/null || exit 5
    peak=$group/memory.peak
  else
    echo "no cgroup with a memory controller is mounted" >&2
    exit 5
  fi
}

# run MILLIONS GROUP-LIMIT MEMORY-LIMIT|-
run() {
  local dump=$folder/openclaw-bench-$1.bin out
  out=$(mktemp)
  if [ ! -e "$dump" ]; then "$bench" $(($1 * 1000000)) 1 --generate "$dump.new" > /dev/null && mv "$dump.new" "$dump" || exit 5; fi
  dd of="$dump" oflag=nocache conv=notrunc,fdatasync count=0 2> /dev/null   # its pages are charged to who reads them first: the run
  enter "$2"
  local options=()
  [ "$3" != - ] && options=(--memory-limit "$3" --spill-directory "$folder")
  bash -c 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"' - "$group" "$bench" --load "$dump" "${options[@]}" > "$out" 2>&1
  local code=$?
  local total=$(sed -n 's/^  end to end *\([0-9.]*\) s.*/\1/p' "$out") high=$(sed -n 's/^  VmHWM.*(\([^,)]*\).*/\1/p' "$out")
  printf '| %3d M | %s | %s | %s s | %s us | %s | %s MiB | %d | load %s |\n' "$1" "$2" "$3" "${total:-–}" \
    "$(awk -v t="${total:-0}" -v n="$1" 'BEGIN { printf "%.2f", t / n }')" "${high:-$(tail -1 "$out")}" $(($(cat "$peak" 2>/dev/null || echo 0) >> 20)) "$code" "$(cut -d' ' -f1 /proc/loadavg)"
  sed -n 's/^  limit/         limit/p' "$out"
  rmdir "$group" && group=
  rm -f "$out"
}

if [ $# -gt 2 ]; then   # BUILD FOLDER MILLIONS GROUP-LIMIT MEMORY-LIMIT: one row
  run "$3" "$4" "$5"
  exit
fi
echo '| objects | cgroup | --memory-limit | time | an object | VmHWM | peak of the cgroup | exit | load average |'
for millions in 1 3 10 30 100; do run $millions 8G -; done
run 100 4G 3GiB
run 100 4G 2GiB
run 100 2G 1GiB
