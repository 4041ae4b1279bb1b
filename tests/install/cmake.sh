#!/bin/sh
# cmake.sh shared|static PREFIX LIBDIR WORK CC: a consumer by find_package().
set -eu
kind=$1 prefix=$2 work=$4 cc=$5
rm -rf "$work"
cmake -S "$(dirname "$0")/consumer" -B "$work" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" \
  -DKIND="$kind" >"$work.log" 2>&1 || { cat "$work.log"; exit 1; }
cmake --build "$work"
"$work/consumer"
