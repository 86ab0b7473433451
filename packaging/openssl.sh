#!/usr/bin/env bash
# Builds OpenSSL's static libraries into target/packaging/openssl, from the source of the locked crate `openssl-src` and with
# the options of its own build (`--features vendored`), less engines and loadable modules. That build would leave the
# checkout's path in the program, as the folder of engines and modules; this one is told /usr/local.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/settings.sh
# Not the commit's date: these libraries outlive a commit, and go into crates that are not built anew either.
export SOURCE_DATE_EPOCH=0

source=$("${CARGO:-cargo}" metadata --locked --format-version 1 --features vendored --filter-platform "$triple" |
  python3 -c 'import json, os, sys
print(*(os.path.dirname(p["manifest_path"]) for p in json.load(sys.stdin)["packages"] if p["name"] == "openssl-src"))')/openssl
stamp=$work/openssl/built-from
wanted="$(basename "$(dirname "$source")") $glibc $(sha256sum packaging/openssl.sh packaging/requirements.txt | sha256sum)"
if [[ -e $stamp && $(<"$stamp") == "$wanted" ]]; then exit 0; fi

rm -rf "$work/openssl"
mkdir -p "$work/openssl" "$work/bin"
cp -R "$source" "$work/openssl/source"
# By name alone: the compiler's command line becomes part of OpenSSL's own version text.
cat >"$work/bin/old-glibc-cc" <<END
#!/bin/sh
exec "$work/venv/bin/python" -m ziglang cc -target x86_64-linux-gnu.$glibc "\$@"
END
chmod 755 "$work/bin/old-glibc-cc"
export PATH="$work/bin:$PATH" ZIG_GLOBAL_CACHE_DIR=$work/zig ZIG_LOCAL_CACHE_DIR=$work/zig
cd "$work/openssl/source"
perl ./Configure linux-x86_64 CC=old-glibc-cc --prefix=/usr/local --openssldir=/usr/local/ssl --libdir=lib \
  no-shared no-module no-engine no-dso no-tests no-apps no-docs no-comp no-zlib no-zlib-dynamic no-legacy no-ssl3 \
  no-md2 no-rc5 no-weak-ssl-ciphers no-camellia no-idea no-seed >../configure.log
make -j"$(nproc)" build_libs >../build.log 2>&1 || { tail -n 20 ../build.log >&2; exit 1; }
make install_dev DESTDIR="$work/openssl/root" >../install.log 2>&1
printf '%s' "$wanted" >"$stamp"
