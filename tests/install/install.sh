#!/bin/sh
# install.sh CMAKE BUILD PREFIX: installs, and looks whether what belongs there is there.
set -eu
cmake=$1 build=$2 prefix=$3
rm -rf "$prefix"
"$cmake" --install "$build" --prefix "$prefix" >/dev/null
for file in include/imp/imp.h include/imp/sys/store.h include/imp/uv.h include/imp/curl.h share/doc/libimp/LICENSE \
  share/doc/libimp/examples/echo.c; do
  [ -f "$prefix/$file" ] || { echo "not installed: $file"; exit 1; }
done
for name in imp imp-uv imp-sqlite imp-curl; do
  library=$(find "$prefix" -name "lib$name.so.0")
  readelf -d "$library" | grep -q "SONAME.*\[lib$name.so.0\]" || { echo "$name: wrong soname"; exit 1; }
done
if grep -rIl "$build" "$prefix" | grep .; then
  echo "these name the build directory"
  exit 1
fi
