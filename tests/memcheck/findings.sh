#!/bin/sh
# findings.sh LOGS: fails if valgrind found something, or never ran.
set -eu
ls "$1"/* >/dev/null 2>&1 || { echo "the server never ran under valgrind"; exit 1; }
cat "$1"/*
[ -z "$(cat "$1"/*)" ]
