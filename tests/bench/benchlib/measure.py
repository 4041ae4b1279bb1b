"""Runs the load against each subject in turn and keeps the lines."""
import json
import subprocess
import time

from .figures import MEASURES
from .prepare import say
from .servers import CLASSES


class Bench:
    def __init__(self, work, cert, tools, size, out):
        self.work, self.cert, self.tools, self.size = work, cert, tools, size
        self.out, self.lines, self.servers = out, [], {}

    def server(self, name):
        if name not in self.servers:
            self.servers[name] = CLASSES[name](self.work, self.cert, self.tools)
        return self.servers[name]

    def keep(self, line):
        self.lines.append(line)
        with open(self.out, "a", encoding="utf-8") as f:
            f.write(json.dumps(line) + "\n")

    def floor_memory(self):
        out = subprocess.run([self.tools["bench_memory"], self.cert / "cert.pem",
                              self.cert / "key.pem"], check=True, capture_output=True, text=True)
        self.keep(dict(json.loads(out.stdout), measure="memory", subject="floor", run=1))

    def one(self, measure, name, run):
        """One fresh server, one load; the line kept, or None when it failed."""
        server = self.server(name)
        pid = server.start(measure.kind)
        try:
            time.sleep(1)
            cmd = [str(self.tools["xload"])] + measure.arguments(server, self.size)
            done = subprocess.run(cmd + ["--pid", str(pid), "--json"], capture_output=True,
                                  text=True, timeout=420, check=False)
            last = done.stdout.strip().rsplit("\n", 1)[-1]
            if not last.startswith("{"):
                raise RuntimeError(done.stderr.strip()[-300:] or "no result")
            if done.stderr.strip():
                say("    " + done.stderr.strip().split("\n")[0])
            line = dict(json.loads(last), measure=measure.name, subject=name, run=run)
            self.keep(line)
            return line
        finally:
            server.stop()

    def run(self, groups, subjects):
        plan = [m for m in MEASURES if m.group in groups]
        if "idle" in groups:
            self.floor_memory()
        for number, measure in enumerate(plan, 1):
            names = [s for s in measure.subjects if s in subjects]
            names += [measure.floor] if measure.floor and "floor" in subjects else []
            for run in range(1, self.size["runs"] + 1):
                for name in names:
                    label = f"[{number}/{len(plan)}] {measure.name} {name}"
                    try:
                        line = self.one(measure, name, run)
                        say(f"{label} run {run}: {headline(measure, line)}")
                    except (RuntimeError, OSError, subprocess.SubprocessError) as e:
                        say(f"{label} run {run}: FAILED: {e}")


def headline(measure, x):
    texts = {
        "chat": "{msg_per_cpu_s:,.0f} msg/CPU-s, {msg_s:,.0f} msg/s, lost {lost} dup {dup} "
                "reorder {reorder}, others {other_cpu_s:.1f} CPU s",
        "latency": "p50 {lat_p50_ms:.2f} p99 {lat_p99_ms:.2f} ms, others {other_cpu_s:.1f} CPU s",
        "idle": "{bytes_per_session:,.0f} bytes/session, {up} up, {failed} failed",
        "login": "{cpu_ms_per_login:.3f} CPU ms/login, {up} up, {failed} failed",
        "resume": "{resumed} done, {resume_failed} refused, p99 {resume_p99_ms:.0f} ms, "
                  "{cpu_ms_per_resume:.3f} CPU ms each, lost {lost} dup {dup} reorder {reorder}",
    }
    return texts.get(measure.group, texts["chat"]).format(**x)
