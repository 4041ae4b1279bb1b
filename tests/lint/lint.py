#!/usr/bin/env python3
"""Checks on the code itself: lint.py CHECK [ARGUMENT...], run from the top of the tree.

layers            a room includes only rooms on lower layers of the table in lib/README.md
banned            functions that have no place in this code
sizes             warns of long files and long functions; never fails
headers CC CXX    each public header compiles alone, as C11 and as C++
pure ARCHIVE      nothing below lib/adapters/ calls for a socket, clock, thread or file
exports LIB...    shared libraries export imp_* alone, and together all that the public headers declare and no more
alone PROGRAM     the program needs no shared library but libc
self              these checks find what they look for
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# Public headers that are not called after their room.
PUBLIC = {"binding": "core", "mem": "core", "op": "port", "store": "port", "bus": "port", "http": "port", "testkit": "port", "jid": "xml", "conn": "stream",
          "imp": "adapters", "uv": "adapters", "sqlite": "adapters", "curl": "adapters"}

BANNED = """strcpy strcat sprintf vsprintf gets strtok atoi atol atof alloca
            tmpnam mktemp asctime ctime""".split()

IMPURE = """socket socketpair connect bind listen accept accept4 send sendto sendmsg recv recvfrom recvmsg select
            poll epoll_create epoll_create1 epoll_wait kqueue getaddrinfo gethostbyname getnameinfo
            time clock clock_gettime gettimeofday localtime gmtime localtime_r gmtime_r sleep usleep nanosleep
            pthread_create pthread_mutex_lock thrd_create fork vfork execv execve system popen signal sigaction
            open openat creat read write close fopen fdopen fread fwrite fclose fputs fputc puts putchar printf
            fprintf vprintf vfprintf perror stdout stderr getenv setenv exit abort malloc calloc realloc free
            rand srand random getrandom getpid uv_run""".split()
# mem.c is where the allocator of the C library is the default.
ALLOWED = {("mem.c", name) for name in ("malloc", "calloc", "realloc", "free")}


def without_comments(text):
    """The text with comments and string literals blanked, line numbers kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def sources(*folders):
    for folder in folders:
        for path in sorted(Path(folder).rglob("*.[ch]")):
            if "node_modules" not in path.parts:
                yield path


def read(path):
    return path.read_text(encoding="utf-8")


def room_layers(readme):
    """room -> layer, from the table's rows `| 3 | `sm/` | ... |`."""
    return {name: int(layer) for layer, name in re.findall(r"^\| *(\d+) *\| *`(\w+)/`", readme, flags=re.M)}


def room_of_include(name):
    """The room that an include names, None if it is no header of ours."""
    if name.startswith("imp/"):
        stem = Path(name).stem
        return PUBLIC.get(stem, stem)
    return name.split("/")[0] if "/" in name else None


def includes(text):
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1)


def layer_faults(room, layers, text):
    for number, name in includes(text):
        other = room_of_include(name)
        if other not in layers or other == room:
            continue
        if layers[other] >= layers[room]:
            yield number, f"{room} (layer {layers[room]}) includes {name} of {other} (layer {layers[other]})"


def check_layers():
    layers = room_layers(read(Path("lib/README.md")))
    assert len(layers) >= 9, "the table of rooms in lib/README.md was not understood"
    faults = []
    for path in sources("lib"):
        room = path.parts[1]
        if len(path.parts) == 2:  # lib/features.c puts rooms together
            continue
        if room not in layers:
            faults.append(f"{path}: room {room} is not in lib/README.md")
            continue
        faults += [f"{path}:{n}: {what}" for n, what in layer_faults(room, layers, read(path))]
    for path in sources("include"):
        room = room_of_include("imp/" + path.name)
        for number, name in includes(read(path)):
            if "/" in name and not name.startswith(("imp/", "sys/")):
                faults.append(f"{path}:{number}: a public header includes {name}")
        if room in layers:
            faults += [f"{path}:{n}: {what}" for n, what in layer_faults(room, layers, read(path))]
    return faults


def calls(text, names):
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")
    for number, line in enumerate(without_comments(text).split("\n"), 1):
        for match in pattern.finditer(line):
            yield number, match.group(1)


def check_banned():
    faults = []
    for path in sources("lib", "include", "examples", "tests"):
        faults += [f"{path}:{n}: {name}() is banned" for n, name in calls(read(path), BANNED)]
    return faults


def long_functions(text):
    start = None
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"^[A-Za-z_].*\{$", line) and "(" in line:
            start = number
        elif line == "}" and start is not None:
            if number - start > 60:
                yield start, number - start
            start = None


def check_sizes():
    for path in sources("lib", "include", "examples", "tests"):
        text = read(path)
        lines = text.count("\n")
        if lines > 600:
            print(f"warning: {path}: {lines} lines")
        for number, length in long_functions(text):
            print(f"warning: {path}:{number}: a function of {length} lines")
    return []


def check_headers(cc, cxx=None):
    flags = subprocess.run(["pkg-config", "--cflags", "libuv", "sqlite3"], capture_output=True, text=True,
                           check=False).stdout.split()
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(Path("include").rglob("*.h")):
            name = path.relative_to("include")
            for compiler, suffix, std in ((cc, "c", "c11"), (cxx, "cpp", "c++11")):
                if not compiler or "NOTFOUND" in compiler:
                    continue
                source = Path(folder) / f"header.{suffix}"
                source.write_text(f"#include <{name}>\n#include <{name}>\nint unused;\n", encoding="utf-8")
                run = subprocess.run([compiler, f"-std={std}", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                                      "-fsyntax-only", "-Iinclude", *flags, str(source)], capture_output=True,
                                     text=True, check=False)
                if run.returncode != 0:
                    faults.append(f"{path} does not compile alone as {std}:\n{run.stderr}")
    return faults


def check_pure(archive):
    listing = subprocess.run(["nm", "-A", "--undefined-only", archive], capture_output=True, text=True, check=True)
    faults = []
    for line in listing.stdout.split("\n"):
        match = re.match(r"[^:]*:([^:]*)\.o:\s*U (\S+)$", line)
        if not match:
            continue
        name = re.sub(r"@.*", "", match.group(2))
        name = re.sub(r"^__(\w+)_chk$", r"\1", name)
        if name in IMPURE and (match.group(1), name) not in ALLOWED:
            faults.append(f"{match.group(1)} uses {name}")
    return faults


def declared():
    """The functions that the public headers promise."""
    names = set()
    for path in sources("include"):
        text = without_comments(read(path))
        names |= set(re.findall(r"\bIMP_EXTERN\b[^;(]*?\b(imp_\w+)\s*\(", text))
    return names


def check_exports(*libraries):
    faults = []
    exported = set()
    for library in libraries:
        listing = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True)
        names = {line.split()[-1] for line in listing.stdout.split("\n") if line}
        faults += [f"{os.path.basename(library)} exports {name}" for name in names if not name.startswith("imp_")]
        exported |= names
    promised = declared()
    faults += [f"{name} is declared and not exported" for name in sorted(promised - exported)]
    faults += [f"{name} is exported and not declared" for name in sorted(exported - promised)]
    return faults


def check_alone(program):
    listing = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True)
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", listing.stdout)
    return [f"{program} needs {name}" for name in needed if not name.startswith("libc.so")]


def check_self():
    layers = {"core": 0, "xml": 1, "port": 1, "sm": 3}
    assert room_layers("| 3 | `sm/` | x |\n| 0 | `core/` | y |") == {"sm": 3, "core": 0}
    assert not list(layer_faults("xml", layers, '#include "core/mem.h"\n#include <string.h>\n'))
    assert list(layer_faults("xml", layers, '#include <imp/op.h>\n')) == [
        (1, "xml (layer 1) includes imp/op.h of port (layer 1)")]
    assert len(list(layer_faults("xml", layers, '# include  "sm/queue.h"'))) == 1
    assert [n for n, _ in calls("a;\n strcpy(a, b); /* strcpy(x) */ s->strcpy(1); \"gets(\"", BANNED)] == [2]
    assert list(long_functions("int f(void) {\n" + "x;\n" * 70 + "}\n")) == [(1, 71)]
    return []


def main():
    if len(sys.argv) < 2 or "check_" + sys.argv[1] not in globals():
        sys.exit(__doc__)
    faults = globals()["check_" + sys.argv[1]](*sys.argv[2:])
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
