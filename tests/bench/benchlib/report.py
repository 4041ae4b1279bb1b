"""The table and the picture."""
from .figures import ROWS, Results
from .servers import CLASSES


def cell(row, v):
    return "–" if v is None else row.show(v)


def resume_cell(res, subject, text):
    """The storm's line names what was lost, doubled and out of order (worst of the runs)."""
    w = [res.worst("resume", subject, f) for f in ("lost", "dup", "reorder")]
    return text if w[0] is None else "/".join(f"{x:,.0f}" for x in w) + "; " + text


def ratio_cell(res, row):
    """How many times better than the better peer."""
    mine = row.value(res, "imp")
    peers = [v for v in (row.value(res, "prosody"), row.value(res, "ejabberd")) if v]
    if not mine or mine < 0 or not peers:
        return "–"
    r = mine / max(peers) if row.better == "more" else min(peers) / mine
    return f"{r:.1f}×"


def verdict(res, row):
    v = row.judge(res, row)
    return "–" if v is None else "met" if v else "**not met**"


def table(lines, idle):
    res = Results(lines)
    titles = [f"{CLASSES[p].title} {CLASSES[p].version(None)}" for p in ("prosody", "ejabberd")]
    out = [f"| figure (2 cores, 200 sessions in 100 pairs, W=8, 100-byte bodies; idle at {idle:,} "
           f"sessions) | {titles[0]} | {titles[1]} | floor (relay: libxml2 + GnuTLS) | libimp | "
           "better than the better peer | libimp to reach, same run | |",
           "|---|---|---|---|---|---|---|---|"]
    for row in ROWS:
        floor = row.floor(res) if row.floor else None
        cells = [cell(row, row.value(res, s)) for s in ("prosody", "ejabberd", "imp")]
        if "both directions cut" in row.title:
            cells = [resume_cell(res, s, c)
                     for s, c in zip(("prosody", "ejabberd", "imp"), cells)]
        out.append("| " + " | ".join([row.title, cells[0], cells[1], cell(row, floor), cells[2],
                                      ratio_cell(res, row), row.target, verdict(res, row)]) + " |")
    return "\n".join(out) + "\n"


def noise(lines):
    """Share of the machine that others had while chat was measured."""
    windows = [x for x in lines if x.get("mode") == "chat" and x.get("win_s")]
    if not windows:
        return ""
    worst = max(x["other_cpu_s"] / (2 * x["win_s"]) for x in windows)
    return f"Other processes had at most {100 * worst:.0f} % of the machine in a chat window.\n"


COLOURS = {"prosody": "#7a9cc6", "ejabberd": "#8a8f98", "imp": "#d1495b", "floor": "#d9d2c5"}
LABELS = {"prosody": "Prosody", "ejabberd": "ejabberd", "imp": "libimp", "floor": "floor"}


def picture(lines, stem):
    """One small panel a row; writes stem.svg and stem.png."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    matplotlib.rcParams["svg.hashsalt"] = "libimp"
    res = Results(lines)
    rows = [r for r in ROWS if any(r.value(res, s) is not None
                                   for s in ("prosody", "ejabberd", "imp"))]
    if not rows:
        return
    lanes = (len(rows) + 1) // 2
    figure, axes = plt.subplots(lanes, 2, figsize=(13, 1.75 * lanes), squeeze=False)
    for axis, row in zip(axes.flat, rows):
        panel(axis, row, res)
    for axis in list(axes.flat)[len(rows):]:
        axis.axis("off")
    figure.tight_layout()
    figure.savefig(f"{stem}.svg", metadata={"Date": None})
    figure.savefig(f"{stem}.png", dpi=110)
    plt.close(figure)


def panel(axis, row, res):
    bars = [(s, row.value(res, s)) for s in ("imp", "ejabberd", "prosody")]
    bars.append(("floor", row.floor(res) if row.floor else None))
    bars = [(s, v) for s, v in bars if v is not None][::-1]
    for y, (subject, v) in enumerate(bars):
        axis.barh(y, max(v, 0), color=COLOURS[subject], height=0.7)
        axis.text(max(v, 0), y, " " + row.show(v), va="center", fontsize=8)
    axis.set_yticks(range(len(bars)))
    axis.set_yticklabels([LABELS[s] for s, _ in bars], fontsize=8)
    axis.set_xticks([])
    axis.set_xlim(0, 1.25 * max([v for _, v in bars] + [1e-9]))
    for side in ("top", "right", "bottom"):
        axis.spines[side].set_visible(False)
    axis.set_title(f"{row.title} ({row.better} is better)", fontsize=8, loc="left")
