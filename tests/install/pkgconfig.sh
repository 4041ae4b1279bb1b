#!/bin/sh
# pkgconfig.sh shared|static PREFIX LIBDIR WORK CC: a consumer by pkg-config.
set -eu
kind=$1 prefix=$2 libdir=$3 work=$4 cc=$5
here=$(dirname "$0")
export PKG_CONFIG_PATH="$libdir/pkgconfig"
mkdir -p "$work"
cflags=$(pkg-config --cflags imp-uv imp-sqlite imp-curl)
if [ "$kind" = static ]; then
  # Our archives (both kinds lie in one folder: by name) with what they need. `--static` would also ask for what GnuTLS
  # needs inside, whose development files are rarely there.
  needed=$(pkg-config --print-requires-private imp imp-sqlite imp-curl; pkg-config --print-requires imp-uv | grep -v '^imp')
  libs="-L$libdir -l:libimp-uv.a -l:libimp-sqlite.a -l:libimp-curl.a -l:libimp.a $(pkg-config --libs $needed) -lwslay"
else
  libs=$(pkg-config --libs imp-uv imp-sqlite imp-curl)
  case $libs in *gnutls* | *-lcurl*) echo "a shared consumer must not link what libimp uses inside: $libs"; exit 1 ;; esac
fi
$cc -std=gnu11 -Wall -Wextra -Werror "$here/consumer/consumer.c" $cflags $libs -o "$work/consumer"
LD_LIBRARY_PATH=$libdir "$work/consumer"
needs_ours=$(readelf -d "$work/consumer" | grep -c 'NEEDED.*libimp' || true)
case $kind$needs_ours in static0 | shared[1-9]) ;; *) echo "linked the wrong way: $kind, $needs_ours"; exit 1 ;; esac
