#!/bin/sh
# combinations.sh SOURCE WORK CC ROOMS...: for each comma-separated list of rooms, a build with them and what they need,
# tests and examples included, and the tests that fit.
set -eu
source=$1 work=$2 cc=$3
shift 3
launcher=
if command -v ccache >/dev/null 2>&1; then launcher=-DCMAKE_C_COMPILER_LAUNCHER=ccache; fi
failed=
for rooms in "$@"; do
  build=$work/$rooms
  rm -rf "$build"
  mkdir -p "$build"
  if cmake -S "$source" -B "$build" -G Ninja -DCMAKE_C_COMPILER="$cc" $launcher -DIMP_WERROR=ON -DIMP_TESTS=ON \
    -DIMP_EXAMPLES=ON -DIMP_ROOMS="$(echo "$rooms" | tr , ';')" >"$build/log" 2>&1 &&
    cmake --build "$build" >"$build/log" 2>&1 &&
    (cd "$build" && ctest --output-on-failure -L quick -LE 'interop|http|install' --no-tests=error) >"$build/log" 2>&1; then
    echo "$rooms: $(grep 'tests passed' "$build/log")"
    rm -rf "$build"
  else
    tail -60 "$build/log"
    failed="$failed $rooms"
  fi
done
[ -z "$failed" ] || { echo "these do not build, or fail:$failed"; exit 1; }
