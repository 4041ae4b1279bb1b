"""The servers that are measured. Each starts fresh, says its port and process id, and stops."""
import glob
import hashlib
import hmac
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import time
import uuid

from .prepare import BENCH

PLAIN_USERS, HASHED_USERS = 10000, 2000  # user0.. at plain.test and at hashed.test


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def raise_file_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Server:
    """Base: a child process that listens on a port of the loopback interface."""
    port = 0
    patience = 30  # seconds until it must be there
    offers = ("plain.test", "hashed.test")

    def __init__(self, work, cert, tools):
        self.work = pathlib.Path(work) / self.name
        self.cert, self.tools, self.child = cert, tools, None
        self.work.mkdir(parents=True, exist_ok=True)

    def command(self, kind):
        raise NotImplementedError

    def environment(self):
        return os.environ

    def start(self, kind=""):
        self.port = free_port()
        log = open(self.work / "output", "wb")
        self.child = subprocess.Popen(self.command(kind), stdin=subprocess.DEVNULL, stdout=log,
                                      stderr=log, cwd=self.work, env=self.environment(),
                                      preexec_fn=raise_file_limit)
        log.close()
        for _ in range(10 * self.patience):
            if self.ready():
                return self.child.pid
            if self.child.poll() is not None:
                break
            time.sleep(0.1)
        output = (self.work / "output").read_text(errors="replace")[-600:]
        self.stop()
        raise RuntimeError(f"{self.name} did not start: {output}")

    def ready(self):
        with socket.socket() as s:
            s.settimeout(0.5)
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if not self.child:
            return
        self.child.terminate()
        try:
            self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child = None


class Prosody(Server):
    name, title = "prosody", "Prosody"

    def command(self, kind):
        if not (self.work / "data").exists():
            self.make_users()
        text = (BENCH / "peers" / "prosody.cfg.lua").read_text()
        text = text.replace("@DIR@", str(self.work)).replace("@CERT@", str(self.cert))
        text = text.replace("@PORT@", str(self.port))
        (self.work / "prosody.cfg.lua").write_text(text)
        return ["prosody", "--config", self.work / "prosody.cfg.lua", "-F"]

    def make_users(self):
        for i in range(PLAIN_USERS):
            self.account("plain%2etest", i, '\t["password"] = "pass";\n')
        for i in range(HASHED_USERS):
            salt, rounds = str(uuid.uuid4()), 10000
            salted = hashlib.pbkdf2_hmac("sha1", b"pass", salt.encode(), rounds)
            client = hmac.new(salted, b"Client Key", "sha1").digest()
            server = hmac.new(salted, b"Server Key", "sha1").hexdigest()
            stored = hashlib.sha1(client).hexdigest()
            self.account("hashed%2etest", i,
                         f'\t["iteration_count"] = {rounds};\n\t["salt"] = "{salt}";\n'
                         f'\t["stored_key"] = "{stored}";\n\t["server_key"] = "{server}";\n')

    def account(self, host, i, body):
        folder = self.work / "data" / host / "accounts"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"user{i}.dat").write_text("return {\n" + body + "};\n")

    def version(_):
        return package_version("prosody")


class Ejabberd(Server):
    name, title, patience = "ejabberd", "ejabberd", 180  # it makes its users at the first start
    REGISTER = ('F = fun(H, M) -> [ejabberd_auth:try_register(iolist_to_binary(["user", '
                'integer_to_list(I)]), H, <<"pass">>) || I <- lists:seq(0, M - 1)] end, '
                'case filelib:is_file("users") of true -> ok; false -> '
                f'F(<<"plain.test">>, {PLAIN_USERS}), F(<<"hashed.test">>, {HASHED_USERS}), '
                'mnesia:sync_log(), file:write_file("users", "made") end, '
                'file:write_file("up", "").')

    def command(self, kind):
        (self.work / "spool").mkdir(exist_ok=True)
        (self.work / "up").unlink(missing_ok=True)
        text = (BENCH / "peers" / "ejabberd.yml").read_text()
        text = text.replace("@CERT@", str(self.cert)).replace("@PORT@", str(self.port))
        (self.work / "ejabberd.yml").write_text(text)
        # The scheduler's busy wait is off: that favours ejabberd in CPU time.
        return ["erl", "+K", "true", "+P", "250000", "+sbwt", "none", "+sbwtdcpu", "none",
                "+sbwtdio", "none", "-noinput", "-mnesia", "dir", f'"{self.work}/spool"',
                "-s", "ejabberd", "-eval", self.REGISTER]

    def environment(self):
        libs = os.path.dirname(sorted(glob.glob("/usr/lib/*/ejabberd-*"))[-1])
        return dict(os.environ, ERL_MAX_PORTS="32000", ERL_LIBS=libs, HOME=str(self.work),
                    ERL_MAX_ETS_TABLES="1400", ERL_CRASH_DUMP="/dev/null",
                    EJABBERD_CONFIG_PATH=str(self.work / "ejabberd.yml"),
                    EJABBERD_LOG_PATH=str(self.work / "ejabberd.log"),
                    EJABBERD_PID_PATH=str(self.work / "ejabberd.pid"))

    def ready(self):
        return (self.work / "up").exists() and super().ready()

    def version(_):
        return package_version("ejabberd")


class Imp(Server):
    name, title = "imp", "libimp"
    offers = ("plain.test",)

    def command(self, kind):
        data = self.work / "data"
        shutil.rmtree(data, ignore_errors=True)
        cmd = [self.tools["example_echo"], "--listen", "127.0.0.1", "--port", str(self.port),
               "--direct-port", "0", "--ws-port", "0", "--domain", "plain.test", "--any-account",
               "pass", "--allow-plaintext", "--sm-timeout", "90", "--cert", self.cert / "cert.pem",
               "--key", self.cert / "key.pem", "--quiet"]
        return cmd + (["--durable", "--data", data] if kind == "durable" else [])

    def ready(self):
        output = (self.work / "output").read_bytes()
        return output.startswith(b"ready") or b"\nready" in output

    def version(_):
        return ""


class Relay(Server):
    """The floor under chat: parse, write out, nothing else."""
    name, title = "floor", "relay"

    def command(self, kind):
        tls = [] if kind == "plain" else [self.cert / "cert.pem", self.cert / "key.pem"]
        return [self.tools["bench_relay"], str(self.port), "sm" if kind == "sm" else "xml"] + tls

    def ready(self):
        return listening(self.port)

    def version(_):
        return ""


class Handshake(Relay):
    """The floor under logins and resumptions: the TLS handshake and nothing else."""
    name, title = "floor-handshake", "handshake"

    def command(self, kind):
        return [self.tools["bench_handshake"], str(self.port), self.cert / "cert.pem",
                self.cert / "key.pem"]


def listening(port):
    """Without connecting: the relay pairs its clients in the order in which they come."""
    want = f"0100007F:{port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as f:
        return any(line.split()[1] == want and line.split()[3] == "0A"
                   for line in list(f)[1:])


def package_version(name):
    out = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True,
                         text=True, check=False).stdout
    return out.split("-")[0].split("+")[0]


CLASSES = {c.name: c for c in (Prosody, Ejabberd, Imp, Relay, Handshake)}
