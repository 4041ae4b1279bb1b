#!/bin/sh
# rooms.sh SOURCE WORK CC: one room alone, built without anything that the others need.
set -eu
source=$1 work=$2 cc=$3
rm -rf "$work"
# No pkg-config module can be found: whoever asks for one fails.
PKG_CONFIG_LIBDIR=/nonexistent PKG_CONFIG_PATH= cmake -S "$source" -B "$work" -G Ninja -DCMAKE_C_COMPILER="$cc" \
  -DIMP_ROOMS=sm -DIMP_TESTS=OFF -DIMP_EXAMPLES=ON >"$work.log" 2>&1 || { cat "$work.log"; exit 1; }
cmake --build "$work" >"$work.log" 2>&1 || { cat "$work.log"; exit 1; }
cmake --install "$work" --prefix "$work/prefix" >/dev/null
needed=$(readelf -d "$work"/lib/libimp.so | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
[ "$needed" = libc.so.6 ] || { echo "libimp with one room needs: $needed"; exit 1; }
[ -f "$work/prefix/include/imp/sm.h" ]
[ ! -e "$work/prefix/include/imp/node.h" ] || { echo "node.h without the room is installed"; exit 1; }
"$work/examples/sm_only" >/dev/null
