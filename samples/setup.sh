#!/usr/bin/env bash
# Set-up for both commands of the README: installs what is missing of Debian's packages and builds a preset.
# Sourced by samples/demo.sh and tests/run.sh:
#   source samples/setup.sh; install_packages build gui; build_preset dev
# Safe to run again: a second run takes seconds. Every step prints one line with its seconds.

project_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build_jobs=$(nproc)

# step "what" command…: runs it quietly, prints "what … 12.3 s", on failure the end of its output.
step() {
  local what=$1 log start elapsed
  shift
  log=$(mktemp "${TMPDIR:-/tmp}/openclaw-step.XXXXXX")
  start=$(date +%s.%N)
  if "$@" >"$log" 2>&1; then
    elapsed=$(awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }')
    printf '  %-58s %7s s\n' "$what" "$elapsed"
    rm -f "$log"
  else
    local code=$?
    printf '  %-58s failed (exit %s); the end of its output:\n' "$what" "$code"
    tail -n 60 "$log"
    printf 'The whole output is in %s\n' "$log"
    return "$code"
  fi
}

# Debian packages by purpose. One list, so that README, CI and people install the same.
packages_of() {
  case $1 in
    build) echo cmake ninja-build g++ git pkg-config capnproto libcapnp-dev libssl-dev zstd libzstd-dev zlib1g-dev \
      libfmt-dev libcli11-dev nlohmann-json3-dev libtomlplusplus-dev libdw-dev libelf-dev libunwind-14-dev binutils ;;
    analyzer) echo libboost1.81-dev libxxhash-dev ;;
    gui) echo qt6-base-dev qt6-base-dev-tools libqt6gui6 qt6-qpa-plugins libxkbcommon-dev libgl-dev fonts-dejavu-core ;;
    tests) echo libgtest-dev libgmock-dev default-jdk-headless xvfb xauth python3 util-linux procps libcap2-bin curl chromium ;;
    fuzz) echo clang-19 libclang-rt-19-dev ;;
    bench) echo libmimalloc-dev default-jdk-headless libboost1.81-dev ;;
    *) echo "no such package group: $1" >&2; return 1 ;;
  esac
}

install_packages() {
  local group missing=() name
  for group in "$@"; do
    for name in $(packages_of "$group"); do
      dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q '^install ok installed' || missing+=("$name")
    done
  done
  if [ ${#missing[@]} -eq 0 ]; then
    printf '  %-58s %7s\n' "packages: all there" "0.0 s"
    return 0
  fi
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null; then as_root=(sudo); else
      echo "These packages are missing and this user cannot install them: ${missing[*]}" >&2
      echo "Run as root: apt-get install --no-install-recommends ${missing[*]}" >&2
      return 1
    fi
  fi
  step "packages: lists" "${as_root[@]}" apt-get update -qq
  step "packages: ${#missing[@]} to install" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}"
}

# build_targets PRESET TARGET…: only these programs.
build_targets() {
  local preset=$1
  shift
  step "configure $preset" cmake --preset "$preset" -S "$project_root"
  step "build $*" cmake --build "$project_root/build/$preset" -j "$build_jobs" --target "$@"
}

# build_preset PRESET [cmake options…]: everything.
build_preset() {
  local preset=$1
  shift
  step "configure $preset" cmake --preset "$preset" -S "$project_root" "$@"
  step "build $preset" cmake --build "$project_root/build/$preset" -j "$build_jobs"
}
