"""Packages, build and certificate."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
BENCH = ROOT / "tests" / "bench"
PACKAGES = {  # package: what shows that it is there
    "build-essential": "/usr/bin/cc",
    "cmake": "/usr/bin/cmake",
    "ninja-build": "/usr/bin/ninja",
    "pkg-config": "/usr/bin/pkg-config",
    "openssl": "/usr/bin/openssl",
    "libssl-dev": "/usr/include/openssl/ssl.h",
    "libgnutls28-dev": "/usr/include/gnutls/gnutls.h",
    "libxml2-dev": "/usr/include/libxml2/libxml/parser.h",
    "libuv1-dev": "/usr/include/uv.h",
    "libc-ares-dev": "/usr/include/ares.h",
    "libsqlite3-dev": "/usr/include/sqlite3.h",
    "libidn-dev": "/usr/include/stringprep.h",
    "libidn2-dev": "/usr/include/idn2.h",
    "libwslay-dev": "/usr/include/wslay/wslay.h",
    "python3-matplotlib": "/usr/lib/python3/dist-packages/matplotlib",
}
PEER_PACKAGES = {"prosody": "/usr/bin/prosody", "ejabberd": "/usr/sbin/ejabberdctl"}


def say(text):
    print(text, file=sys.stderr, flush=True)


def install(peers):
    want = dict(PACKAGES, **{p: PEER_PACKAGES[p] for p in peers})
    missing = [name for name, path in want.items() if not os.path.exists(path)]
    if not missing:
        return
    say("installing " + " ".join(missing))
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")
    subprocess.run(sudo + ["apt-get", "update", "-qq"], check=True, env=env)
    subprocess.run(sudo + ["apt-get", "install", "-y", "-qq", "--no-install-recommends"] + missing,
                   check=True, env=env, stdout=subprocess.DEVNULL)


def build(where, targets):
    """A Release build with the benchmarks; returns the folder of the binaries by name."""
    say(f"building in {where}")
    subprocess.run(["cmake", "-S", ROOT, "-B", where, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                    "-DCMAKE_C_FLAGS=-g", "-DIMP_BUILD_BENCH=ON"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", where, "--target"] + targets, check=True,
                   stdout=subprocess.DEVNULL)


def find(where, name):
    """The executable of that name in the build directory."""
    found = [p for p in pathlib.Path(where).rglob(name)
             if p.is_file() and os.access(p, os.X_OK) and "CMakeFiles" not in p.parts]
    if not found:
        raise SystemExit(f"bench: {name} was not built")
    return min(found, key=lambda p: len(p.parts))


def certificate(work):
    """A self-made P-256 certificate for all the servers."""
    folder = pathlib.Path(work) / "cert"
    folder.mkdir(parents=True, exist_ok=True)
    cert, key = folder / "cert.pem", folder / "key.pem"
    if not cert.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
                        "/CN=plain.test", "-addext",
                        "subjectAltName=DNS:plain.test,DNS:hashed.test", "-keyout", key,
                        "-out", cert], check=True, stderr=subprocess.DEVNULL)
        (folder / "both.pem").write_text(key.read_text() + cert.read_text())
    return folder
