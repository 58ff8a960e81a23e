#!/bin/sh
# Runs the fuzz targets one after the other, each for so many seconds.
# usage: fuzz.sh BUILD SECONDS [target...]; BUILD is the fuzz preset's folder
# What is new goes to BUILD/corpus/<target>. What fails goes to
# BUILD/found/<target>-<kind>-<hash>: mend the code, then keep the file as
# tests/fuzz/corpus/<target>/<what it was>.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1 seconds=$2
shift 2
all=$(sed -n 's/^SQUINT_FUZZ_TARGET(\(.*\))$/\1/p' \
  "$root/tests/fuzz/target_list.inc")
[ $# -gt 0 ] || set -- $all

export UBSAN_OPTIONS=print_stacktrace=1
failed=
mkdir -p "$build/found"

# Random bytes of 64 to 512 bytes: whole inputs where bytes are choices.
make_noise() {
  for i in 1 2 3 4 5 6 7 8; do
    head -c $((i * 64)) /dev/urandom >"$1/noise_$i"
  done
}

for target in "$@"; do
  new=$build/corpus/$target
  kept=$root/tests/fuzz/corpus/$target
  mkdir -p "$new"
  [ -d "$kept" ] || kept=
  longest=512
  case $target in
    reader | json | npz) longest=4096 ;;
    jpeg | png) longest=8192 ;;
    load) longest=4096 && make_noise "$new" ;;
    absorb | optimizer | interpreter | integers) make_noise "$new" ;;
  esac
  echo "== $target, $seconds s"
  "$build/bin/${target}_fuzz" -max_total_time="$seconds" -max_len="$longest" \
    -len_control=0 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$build/found/$target-" "$new" ${kept:+"$kept"} \
    >"$build/found/$target.log" 2>&1 || failed="$failed $target"
  grep -E "stat::(number_of_executed_units|peak_rss_mb)|^SUMMARY|failed:" \
    "$build/found/$target.log" || true
done
[ -z "$failed" ] || {
  echo "fuzz: failed:$failed; see $build/found" >&2
  exit 1
}
