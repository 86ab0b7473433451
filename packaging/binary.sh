#!/usr/bin/env bash
# Builds the program for x86-64 Linux with an old C library, OpenSSL and SQLite inside. Two builds of one commit with one
# rustc give the same bytes, whatever folder they are made in.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/settings.sh

mkdir -p "$work"
if ! cmp -s packaging/requirements.txt "$work/venv/installed.txt"; then
  rm -rf "$work/venv"
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check -r packaging/requirements.txt
  cp packaging/requirements.txt "$work/venv/installed.txt"
fi
nice packaging/openssl.sh

# No folder of this machine stands in the program: neither the checkout's, nor that of the crates' sources.
renamed=("--remap-path-prefix=$top=/portcullis")
for registry in "$cargo_home"/registry/src/*; do renamed+=("--remap-path-prefix=$registry=/crates"); done
c_renamed=("-ffile-prefix-map=$top=/portcullis" "-ffile-prefix-map=$cargo_home/registry/src=/crates" "-ffile-prefix-map=$work=/build")
export PATH="$work/venv/bin:$PATH" ZIG_GLOBAL_CACHE_DIR=$work/zig ZIG_LOCAL_CACHE_DIR=$work/zig
export CARGO_ZIGBUILD_CACHE_DIR=$work/zigbuild CARGO_TARGET_DIR=$work/cargo CARGO_INCREMENTAL=0
export OPENSSL_DIR=$work/openssl/root/usr/local OPENSSL_STATIC=1 OPENSSL_NO_VENDOR=1
export CFLAGS="${c_renamed[*]}"
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && printf '%s' "${renamed[*]}")
export CARGO_ENCODED_RUSTFLAGS
nice "${CARGO:-cargo}" zigbuild --locked --release --bin portcullis --target "$triple.$glibc"
packaging/inspect.sh "$binary"
