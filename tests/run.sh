#!/usr/bin/env bash
# The tests, with all set-up: packages, build, every test that is not labelled `slow`.
#
#   tests/run.sh               the plain run
#   tests/run.sh --sanitize    also format, capture, runtime and the analyzer's core under ASan+UBSan and under TSan,
#                              and libFuzzer with ASan+UBSan, a minute each: the reader of dumps, loading and reports, Java, V8
#   tests/run.sh --slow        also the long tests
#
# Prints a line with its seconds for each step, then what ctest says. Exit 0: all passed.
set -euo pipefail
cd "$(dirname "$0")/.."
source samples/setup.sh

sanitize=no slow=no
for argument in "$@"; do
  case $argument in
    --sanitize) sanitize=yes ;;
    --slow) slow=yes ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "tests/run.sh: unknown option $argument (try --help)" >&2; exit 2 ;;
  esac
done

# run_tests PRESET [wrapper…]: ctest on a build, its closing lines and every failure printed.
run_tests() {
  local preset=$1 start
  shift
  local filter=(-LE slow)
  [ "$slow" = yes ] && filter=()
  start=$SECONDS
  echo "tests of $preset:"
  "$@" ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$build_jobs" "${filter[@]}"
  printf '  %-58s %7s s\n' "tests $preset" "$((SECONDS - start))"
}

echo "Set-up"
install_packages build analyzer gui tests
# Other people's tools, to compare with: where they cannot be had, their comparisons are reported as skipped.
step "VisualVM's heap library" tests/e2e/java/fetch_visualvm.sh build/visualvm ||
  echo "  not to be had: java_dumps_agree_with_visualvm will be skipped"
if command -v npm >/dev/null; then
  step "packages that read V8 snapshots" tests/e2e/v8/setup.sh build/v8-oracles ||
    echo "  not to be had: v8_oracle_test and v8_page_oracle_test will be skipped"
fi
build_preset dev
run_tests dev

if [ "$sanitize" = yes ]; then
  echo "Sanitizers"
  build_preset asan
  run_tests asan
  build_preset tsan
  # TSan needs its fixed address layout; randomization moves mappings into its shadow.
  run_tests tsan setarch --addr-no-randomize
  # What it finds (a crash, a hang, too much memory) stays in the folder, to be run again by name.
  install_packages fuzz
  build_targets fuzz fuzz_seeds fuzz_dump_reader fuzz_snapshot fuzz_hprof fuzz_hprof_seeds fuzz_v8 fuzz_v8_seeds
  mkdir -p build/fuzz/corpus
  build/fuzz/fuzz/fuzz_seeds build/fuzz/corpus
  # A fixed seed: the minute is the same for everybody, hours with other seeds are run by hand (RESULTS.md).
  # What is new goes to the first folder; tests/fuzz/corpus is where hours of fuzzing had come to.
  for target in fuzz_dump_reader fuzz_snapshot; do
    step "$target, a minute" "build/fuzz/fuzz/$target" -seed=1 -max_total_time=60 -max_len=65536 -timeout=20 -rss_limit_mb=1024 \
      -malloc_limit_mb=512 -print_final_stats=1 -artifact_prefix=build/fuzz/ build/fuzz/corpus tests/fuzz/corpus
  done
  mkdir -p build/fuzz/hprof
  build/fuzz/fuzz/fuzz_hprof_seeds build/fuzz/hprof
  step "fuzz_hprof, a minute" build/fuzz/fuzz/fuzz_hprof -seed=1 -max_total_time=60 -max_len=65536 -timeout=20 -rss_limit_mb=1024 \
    -malloc_limit_mb=512 -print_final_stats=1 -artifact_prefix=build/fuzz/ build/fuzz/hprof
  mkdir -p build/fuzz/v8
  build/fuzz/fuzz/fuzz_v8_seeds build/fuzz/v8
  step "fuzz_v8, a minute" build/fuzz/fuzz/fuzz_v8 -seed=1 -max_total_time=60 -max_len=65536 -timeout=20 -rss_limit_mb=1024 \
    -malloc_limit_mb=512 -print_final_stats=1 -artifact_prefix=build/fuzz/ build/fuzz/v8
fi
