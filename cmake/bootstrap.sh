# What examples/run and tests/run share; sourced from the top of the tree. Everything said here goes to standard error.

say() { printf '%s\n' "$*" >&2; }
die() { say "$0: $*"; exit 1; }

# The packages in the lists given that are not installed.
missing_packages() {
  wanted=$(sed -e 's/#.*//' "$@" | tr -s ' \n' '\n\n')
  installed=$(dpkg-query -W -f='${Package} ${Status}\n' $wanted 2>/dev/null | sed -n 's/ install ok installed$//p')
  printf '%s\n' "$wanted" "$installed" "$installed" | sed '/^$/d' | sort | uniq -u
}

have_node() {
  command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1 &&
    node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)'
}

apt() {
  if [ "$(id -u)" = 0 ]; then
    DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >&2
  elif command -v sudo >/dev/null 2>&1; then
    sudo env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >&2
  else
    die "needs root or sudo to install: $missing"
  fi
}

# need_packages LIST...: installs what is missing from Debian's packages; asks nobody, and does nothing if all is there.
need_packages() {
  if ! command -v dpkg-query >/dev/null 2>&1; then
    say "Not a Debian system: please see to it that these are there: $(sed -e 's/#.*//' "$@" | tr -s '\n' ' ')"
    return 0
  fi
  missing=$(missing_packages "$@" | tr '\n' ' ')
  [ -n "$missing" ] || return 0
  say "Installing: $missing"
  # The lists of packages may be missing, or older than what the mirror has.
  apt-get -s install --no-install-recommends $missing >/dev/null 2>&1 || apt update
  apt install -y --no-install-recommends $missing ||
    { apt update && apt install -y --no-install-recommends $missing; } || die "could not install: $missing"
}

# build DIRECTORY TARGET CMAKE-OPTION...: configures and builds, one at a time in a directory.
build() {
  where=$1 target=$2
  shift 2
  mkdir -p "$where"
  launcher=
  if command -v ccache >/dev/null 2>&1; then launcher=-DCMAKE_C_COMPILER_LAUNCHER=ccache; fi
  (
    flock 9
    # What is built is asked of the tree, which may have grown, and not of the cache.
    cmake -S . -B "$where" -G Ninja -U IMP_ROOMS -U IMP_ADAPTERS $launcher "$@" >"$where/configure.log" 2>&1 ||
      { cat "$where/configure.log" >&2; exit 1; }
    ninja -C "$where" $target >"$where/build.log" 2>&1 || { grep -v '^\[' "$where/build.log" >&2; exit 1; }
  ) 9>"$where/.lock" || die "the build failed; see $where/configure.log and $where/build.log"
}
