"""Benchmarks of libimp side by side with peers, in one run.

Installs what is missing, builds Release, starts a fresh server for each measurement, and writes
JSON lines, a Markdown table and a picture into the build directory. Medians of three runs.
tests/bench/README.md says what each figure means.
"""
import argparse
import json
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True
from benchlib import figures, measure, prepare, report  # noqa: E402

TOOLS = ["xload", "bench_relay", "bench_handshake", "bench_memory"]


def options():
    p = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--quick", action="store_true", help="one short run instead of three")
    p.add_argument("--only", default=",".join(figures.GROUPS), metavar="GROUP,..",
                   help="of " + ", ".join(figures.GROUPS))
    p.add_argument("--peers", default="prosody,ejabberd", metavar="PEER,..",
                   help="peers to measure beside libimp; empty for none")
    p.add_argument("--no-imp", action="store_true", help="peers and floors only")
    p.add_argument("--no-floor", action="store_true", help="without the floors")
    p.add_argument("--runs", type=int, help="runs of each measurement")
    p.add_argument("--build", default=prepare.ROOT / "build" / "bench", type=pathlib.Path,
                   metavar="DIR", help="build directory (default build/bench)")
    p.add_argument("--add", action="store_true",
                   help="add to the lines of the run before instead of starting afresh")
    p.add_argument("--publish", action="store_true",
                   help="copy lines, table and picture into tests/bench/results")
    p.add_argument("--report", action="store_true", help="only table and picture, of kept lines")
    return p.parse_args()


def collect(o, size, lines_file):
    peers = [x for x in o.peers.split(",") if x]
    targets = TOOLS + ([] if o.no_imp else ["example_echo"])
    prepare.build(o.build, targets)
    tools = {t: prepare.find(o.build, t.removeprefix("example_")) for t in targets}
    work = o.build.resolve() / "servers"
    if not o.add:
        lines_file.unlink(missing_ok=True)
    bench = measure.Bench(work, prepare.certificate(work), tools, size, lines_file)
    subjects = peers + ([] if o.no_imp else ["imp"]) + ([] if o.no_floor else ["floor"])
    bench.run(o.only.split(","), subjects)


def main():
    o = options()
    size = dict(figures.SIZES["quick" if o.quick else "full"])
    if o.runs:
        size["runs"] = o.runs
    out = o.build.resolve() / "results"
    out.mkdir(parents=True, exist_ok=True)
    lines_file = out / "figures.jsonl"
    if not o.report:
        collect(o, size, lines_file)
    with open(lines_file, encoding="utf-8") as f:
        lines = [json.loads(x) for x in f]
    idle = max([x["sessions"] for x in lines if x["measure"].startswith("idle")] or [size["idle"]])
    text = report.table(lines, idle) + "\n" + report.noise(lines)
    (out / "figures.md").write_text(text, encoding="utf-8")
    report.picture(lines, out / "figures")
    print(text)
    if o.publish:
        for name in ("figures.jsonl", "figures.md", "figures.svg", "figures.png"):
            shutil.copy(out / name, prepare.BENCH / "results" / name)


if __name__ == "__main__":
    main()
