#!/usr/bin/python3
"""massif.py FILE SESSIONS TOP: the sites of the peak snapshot, in bytes a session."""
import re
import sys


def peak(path):
    """The tree lines of the snapshot that massif calls the peak (or of the last detailed one)."""
    trees, kind = {}, None
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            if line.startswith("heap_tree="):
                kind = line.strip().split("=")[1]
                if kind != "empty":
                    trees[kind] = []
            elif kind in ("peak", "detailed") and re.match(r" *n\d+: ", line):
                trees[kind].append(line.rstrip("\n"))
            elif line.startswith("#"):
                kind = None
    return trees.get("peak") or trees.get("detailed") or []


def sites(lines):
    """First-level sites with the chain of callers that carries most of their bytes."""
    out = []
    for line in lines:
        m = re.match(r"( *)n\d+: (\d+) (.*)", line)
        depth, size, text = len(m[1]), int(m[2]), m[3]
        name = re.sub(r"^0x[0-9A-F]+: ", "", text)
        name = re.sub(r" \((?:.*/)?([^/]*)\)$", r" (\1)", name)
        if depth == 1:
            out.append((size, [name]))
        elif depth > 1 and out and len(out[-1][1]) == depth - 1 and depth <= 4:
            out[-1][1].append(name)
    return out


def main():
    path, sessions, top = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    found = sorted(sites(peak(path)), reverse=True)
    print(f"{sum(s for s, _ in found) / sessions:8.0f} bytes a session")
    for size, chain in found[:top]:
        print(f"{size / sessions:8.0f}  {' < '.join(chain)}")


if __name__ == "__main__":
    main()
