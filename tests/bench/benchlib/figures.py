"""What is measured (MEASURES) and what the figures of the table are made of (ROWS)."""
import statistics

CHAT = "chat -n 100 -W 8 -B 100 --warm 2 --time {time} --ramp 200 --par 10"
IDLE = "idle -n {idle} --hold {hold} --presence --ramp 2000 --par 50"
RESUME = "resume -n 500 -K 20 --rounds 2 --gap 300 --drop both --tls --ramp 500 --par 20"
STORM = "storm -n 1000 --gap 300 --tls --ramp 500 --par 20"
SIZES = {"full": {"time": 8, "idle": 10000, "hold": 10, "login": 2000, "runs": 3},
         "quick": {"time": 4, "idle": 2000, "hold": 3, "login": 500, "runs": 1}}


class Measure:
    """One load, given to each of the subjects in turn."""

    def __init__(self, name, group, load, subjects=("prosody", "ejabberd", "imp"), floor=None,
                 kind="", domain="plain.test"):
        self.name, self.group, self.load, self.subjects = name, group, load, subjects
        self.floor, self.kind, self.domain = floor, kind, domain

    def arguments(self, server, size):
        args = self.load.format(**size).split()
        if server.name.startswith("floor"):
            args.append("--raw")
        domain = self.domain if self.domain in server.offers else server.offers[0]
        return args + ["--port", str(server.port), "--domain", domain]


MEASURES = [
    Measure("chat_tls_sm", "chat", CHAT + " --tls --sm", floor="floor", kind="sm"),
    Measure("chat_tls", "chat", CHAT + " --tls", floor="floor"),
    Measure("chat_plain", "chat", CHAT, floor="floor", kind="plain"),
    Measure("durable", "durable", CHAT + " --tls --sm", subjects=("imp",), kind="durable"),
    Measure("latency", "latency",
            "chat -n 100 -B 100 --rate 2000 --warm 1 --time 5 --ramp 200 --par 10 --tls",
            floor="floor"),
    Measure("idle_plain", "idle", IDLE),
    Measure("idle_tls", "idle", IDLE + " --tls"),
    Measure("idle_tls_sm", "idle", IDLE + " --tls --sm"),
    Measure("login", "login",
            "idle -n {login} --hold 0.5 --ramp 2000 --par 10 --tls --scram", domain="hashed.test"),
    Measure("resume", "resume", RESUME),
    Measure("storm", "resume", STORM, floor="floor-handshake"),
]
GROUPS = list(dict.fromkeys(m.group for m in MEASURES))


class Results:
    """Medians of the lines of one run of the harness."""

    def __init__(self, lines):
        self.lines = lines

    def values(self, measure, subject, field):
        return [x[field] for x in self.lines
                if x["measure"] == measure and x["subject"] == subject and field in x]

    def median(self, measure, subject, field):
        v = self.values(measure, subject, field)
        return statistics.median(v) if v else None

    def worst(self, measure, subject, field):
        return max(self.values(measure, subject, field), default=None)


def ratio(a, b):
    return a / b if a is not None and b else None


class Row:
    """A line of the table: value(subject), how it is written, the target and whether it is met."""

    def __init__(self, title, value, show, target, judge, floor=None, better="more"):
        self.title, self.value, self.show, self.target = title, value, show, target
        self.judge, self.floor, self.better = judge, floor, better


def simple(measure, field, scale=1.0):
    def value(res, subject):
        v = res.median(measure, subject, field)
        return None if v is None else v * scale
    return value


def sm_cost(res, subject):
    r = ratio(res.median("chat_tls_sm", subject, "msg_per_cpu_s"),
              res.median("chat_tls", subject, "msg_per_cpu_s"))
    return None if r is None else 100 * (1 - r)


def times(res, row, subject, factor):
    """At least `factor` times that peer."""
    r = ratio(row.value(res, "imp"), row.value(res, subject))
    return None if r is None else r >= factor


def all_known(*verdicts):
    known = [v for v in verdicts if v is not None]
    return all(known) if known else None


def at_most(limit):
    def judge(res, row):
        v = row.value(res, "imp")
        lim = limit(res) if callable(limit) else limit
        return None if v is None or lim is None else v <= lim
    return judge


def best_peer(res, row):
    v = [x for x in (row.value(res, "prosody"), row.value(res, "ejabberd")) if x]
    return min(v) if v else None


def login_judge(res, row):
    v, peer = row.value(res, "imp"), best_peer(res, row)
    return None if v is None or peer is None else v <= peer / 3


def handshake_p99(res, factor=1.0):
    v = res.median("storm", "floor-handshake", "resume_p99_ms")
    return None if v is None else v * factor


def resume_judge(res, row):
    v, lim = row.value(res, "imp"), handshake_p99(res, 1.3)
    if v is None or lim is None:
        return None
    clean = all(res.worst("resume", "imp", f) == 0 for f in ("lost", "dup", "reorder"))
    return clean and v <= lim


def latency_limit(res):
    v = res.median("latency", "floor", "lat_p99_ms")
    return None if v is None else v + 0.2


def durable_judge(res, row):
    r = ratio(row.value(res, "imp"), res.median("chat_tls_sm", "imp", "msg_per_cpu_s"))
    return None if r is None else r >= 0.25


def imp_only(fn):
    return lambda res, subject: fn(res, subject) if subject == "imp" else None


def floor_memory(field):
    return lambda res: res.median("memory", "floor", field)


def count(v):
    return f"{v:,.0f}"


def kilobytes(v):
    return f"{v / 1000:.1f} KB"


def ms(v):
    return f"{v:.2f} ms" if v < 1000 else f"{v / 1000:.1f} s"


def percent(v):
    return f"{v:.0f} %"


ROWS = [
    Row("chat, TLS + stream management, messages per server CPU second",
        simple("chat_tls_sm", "msg_per_cpu_s"), count,
        "≥ 10× ejabberd and ≥ 20× Prosody; aim at half the floor",
        lambda res, row: all_known(times(res, row, "ejabberd", 10), times(res, row, "prosody", 20)),
        floor=lambda res: res.median("chat_tls_sm", "floor", "msg_per_cpu_s")),
    Row("chat, TLS, no stream management", simple("chat_tls", "msg_per_cpu_s"), count,
        "≥ 10× ejabberd", lambda res, row: times(res, row, "ejabberd", 10),
        floor=lambda res: res.median("chat_tls", "floor", "msg_per_cpu_s")),
    Row("chat, plain TCP, no stream management", simple("chat_plain", "msg_per_cpu_s"), count,
        "≥ 12× ejabberd", lambda res, row: times(res, row, "ejabberd", 12),
        floor=lambda res: res.median("chat_plain", "floor", "msg_per_cpu_s")),
    Row("cost of stream management (share of throughput)", sm_cost, percent, "≤ 8 %", at_most(8),
        floor=lambda res: sm_cost(res, "floor"), better="less"),
    Row("p99 latency at 2,000 messages/s, TLS", simple("latency", "lat_p99_ms"), ms,
        "at most the floor + 0.2 ms", at_most(latency_limit),
        floor=lambda res: res.median("latency", "floor", "lat_p99_ms"), better="less"),
    Row("memory per idle session, TLS", simple("idle_tls", "bytes_per_session"), kilobytes,
        "≤ 14 KB", at_most(14000), floor=floor_memory("tls_bytes"), better="less"),
    Row("memory per idle session, TLS, with stream management",
        simple("idle_tls_sm", "bytes_per_session"), kilobytes, "≤ 14 KB", at_most(14000),
        floor=floor_memory("tls_bytes"), better="less"),
    Row("memory per idle session, plain TCP", simple("idle_plain", "bytes_per_session"), kilobytes,
        "≤ 4 KB", at_most(4000), better="less"),
    Row("CPU per login over TLS, SCRAM with stored keys", simple("login", "cpu_ms_per_login"), ms,
        "≤ 1/3 of the better peer", login_judge,
        floor=lambda res: res.median("storm", "floor-handshake", "cpu_ms_per_resume"),
        better="less"),
    Row("resumption of 1,000 sessions at once over TLS, both directions cut: p99",
        simple("resume", "resume_p99_ms"), ms,
        "0/0/0; ≤ 1.3× the handshake storm of the same run", resume_judge,
        floor=handshake_p99, better="less"),
    Row("server CPU per resumption, handshake included", simple("storm", "cpu_ms_per_resume"), ms,
        "≤ 0.35 ms", at_most(0.35),
        floor=lambda res: res.median("storm", "floor-handshake", "cpu_ms_per_resume"),
        better="less"),
    Row("durable sessions on (SQLite, group commit), messages per server CPU second",
        imp_only(simple("durable", "msg_per_cpu_s")), count, "≥ 25 % of the non-durable figure",
        durable_judge),
]
