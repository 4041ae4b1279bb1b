"""Installs the JavaScript clients once, by the lock file, into the build folder."""
import fcntl
import hashlib
import os
import shutil
import subprocess

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "agents")

# What npm says if it did not get as far as its registry.
NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH", "ETIMEDOUT")


def node_modules(options):
    """The folder node_modules; the agents are copied beside it, where Node looks for packages."""
    folder = os.path.join(options.out, "js")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(folder)
        for name in os.listdir(SOURCE):
            if name.endswith(".mjs"):
                _refresh(os.path.join(SOURCE, name), os.path.join(folder, name))
    return os.path.join(folder, "node_modules")


def _refresh(source, target):
    with open(source, "rb") as f:
        wanted = f.read()
    try:
        with open(target, "rb") as f:
            if f.read() == wanted:
                return
    except OSError:
        pass
    with open(target + ".new", "wb") as f:
        f.write(wanted)
    os.replace(target + ".new", target)


def _install(folder):
    from clients.base import Unavailable
    digest = hashlib.sha256()
    for name in ("package.json", "package-lock.json", ".npmrc"):
        with open(os.path.join(SOURCE, name), "rb") as f:
            digest.update(f.read())
    stamp = os.path.join(folder, ".installed")
    if os.path.exists(stamp):
        with open(stamp) as f:
            if f.read() == digest.hexdigest():
                return
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(os.path.join(SOURCE, name), folder)
    if shutil.which("npm") is None:
        raise Unavailable("npm is not installed")
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Unavailable("npm ci failed: " + done.stdout[-500:],
                          nowhere=any(word in done.stdout for word in NO_NETWORK))
    with open(stamp, "w") as f:
        f.write(digest.hexdigest())
