#!/bin/sh
# Fuzzes each reader for a minute (or for $1 seconds), starting from the corpus that is kept here. Works on the stable
# toolchain: what nightly adds is AddressSanitizer alone. A crash leaves its input in fuzz/artifacts/ and fails the run.
set -eu
cd "$(dirname "$0")"
seconds=${1:-60}
target=$(rustc -vV | sed -n 's/^host: //p')
# `--target` keeps build scripts free of these flags.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1" \
    cargo build --release --target "$target"
mkdir -p artifacts
for name in read pfx name; do
    # New finds go to a scratch folder, so that the kept corpus stays small.
    scratch=$(mktemp -d)
    echo "fuzzing $name for $seconds s"
    # What an input may take is asserted in processor time (src/time.rs); the time-out is for one that never ends.
    "target/$target/release/$name" "$scratch" "corpus/$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 \
        -max_len=20000 -artifact_prefix="artifacts/$name-" -print_final_stats=1 2> "$scratch/../$name-fuzz.log" || {
        tail -n 40 "$scratch/../$name-fuzz.log" >&2
        echo "$name failed: the input is in fuzz/artifacts/" >&2
        exit 1
    }
    grep -E 'stat::number_of_executed_units|stat::peak_rss_mb' "$scratch/../$name-fuzz.log"
    rm -rf "$scratch" "$scratch/../$name-fuzz.log"
done
