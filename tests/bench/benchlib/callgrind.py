"""callgrind.py FILE MESSAGES TOP: instructions a message, by room or library and by function."""
import collections
import re
import subprocess
import sys

LINE = re.compile(r" *([\d,]+) \( *[\d.]+%\) +(\S+?):(.*?)(?: \[(.*)\])?$")


def functions(path):
    """(instructions, source file, function, object) of each function."""
    text = subprocess.run(["callgrind_annotate", "--threshold=100", path], check=True, text=True,
                          capture_output=True).stdout
    for line in text.split("\n"):
        m = LINE.match(line)
        if m and "PROGRAM TOTALS" not in line:
            yield int(m[1].replace(",", "")), m[2], m[3], (m[4] or "").rsplit("/", 1)[-1]


def group(source, obj):
    """The room of a source of ours, else the library."""
    m = re.search(r"(?:^|/)lib/(core|port|xml|stream|sasl|sm|node|c2s|im)/\w+\.[ch]$", source)
    if m:
        return "lib/" + m[1]
    return "the benchmark itself" if obj.startswith("bench") else re.sub(r"\.so.*", "", obj) or "?"


def main():
    path, messages, top = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    found = sorted(functions(path), reverse=True)
    total = sum(x[0] for x in found)
    groups = collections.Counter()
    for count, source, _, obj in found:
        groups[group(source, obj)] += count
    print(f"{total / messages:8.0f}          instructions a message\n")
    for name, count in groups.most_common(12):
        print(f"{count / messages:8.0f} {100 * count / total:5.1f} %  {name}")
    print()
    for count, source, name, obj in found[:top]:
        where = source.rsplit("/lib/", 1)[-1] if "/lib/" in source else source
        print(f"{count / messages:8.0f} {100 * count / total:5.1f} %  {name} ({where}, {obj})")


if __name__ == "__main__":
    main()
