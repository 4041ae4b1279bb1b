"""Build and certificate."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
BENCH = ROOT / "tests" / "bench"


def say(text):
    print(text, file=sys.stderr, flush=True)


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
