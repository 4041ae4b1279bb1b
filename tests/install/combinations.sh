#!/bin/sh
# combinations.sh SOURCE WORK CC ROOMS...: for each comma-separated list of rooms, a build with them and what they need,
# tests and examples included, and the tests that fit: those of these rooms and of a node, transcripts, examples. (What is
# below them is made of the same objects as in a whole build.)
set -eu
source=$1 work=$2 cc=$3
shift 3
launcher=
if command -v ccache >/dev/null 2>&1; then launcher=-DCMAKE_C_COMPILER_LAUNCHER=ccache; fi
failed=
for rooms in "$@"; do
  build=$work/$(echo "$rooms" | tr , _)
  rm -rf "$build"
  mkdir -p "$build"
  if cmake -S "$source" -B "$build" -G Ninja -DCMAKE_C_COMPILER="$cc" $launcher -DIMP_WERROR=ON -DIMP_TESTS=ON \
    -DIMP_EXAMPLES=ON -DIMP_ROOMS="$(echo "$rooms" | tr , ';')" >"$build/log" 2>&1 &&
    cmake --build "$build" >"$build/log" 2>&1 &&
    (cd "$build" && ctest --output-on-failure --no-tests=error -L quick -LE 'interop|http|install|python' \
      -R "^(unit\\.($(echo "$rooms" | tr , '|')|node)_|script\\.|sim\\.|lint\\.|examples?\\.)") >"$build/log" 2>&1; then
    echo "$rooms: $(grep 'tests passed' "$build/log")"
    rm -rf "$build"
  else
    tail -60 "$build/log"
    failed="$failed $rooms"
  fi
done
[ -z "$failed" ] || { echo "these do not build, or fail:$failed"; exit 1; }
