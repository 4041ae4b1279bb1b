"""Clients that are programs: profanity in a tmux of its own, go-sendxmpp as a pipe."""
import asyncio
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET

from .base import Client, Unavailable

BODY = re.compile(r"<body[^>]*>([^<]*)</body>")


async def run(*command, env=None, stdin=None, timeout=20):
    process = await asyncio.create_subprocess_exec(
        *command, env=env, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT)
    out, _ = await asyncio.wait_for(process.communicate(stdin), timeout)
    return process.returncode, out.decode(errors="replace")


async def until(what, condition, timeout, detail=lambda: ""):
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while not condition():
        if loop.time() > end:
            raise AssertionError("client: no %s within %s s %s" % (what, timeout, detail()))
        await asyncio.sleep(0.1)


class Profanity(Client):
    """Its debug log shows every stanza; what is typed goes through tmux."""

    name = "profanity"
    modes = ("starttls", "direct")
    needs_tools = ("profanity", "tmux")
    reconnects = True
    why_not_resends = "libstrophe sends nothing again after resumption"

    @classmethod
    def require(cls, options):
        super().require(options)
        try:
            for end in os.openpty():
                os.close(end)
        except OSError as reason:  # a bare chroot
            raise Unavailable("no pseudo-terminal for profanity: %s" % reason, nowhere=True) from None

    @classmethod
    def version(cls, options):
        out = subprocess.check_output(["profanity", "--version"], text=True)
        return re.search(r"version ([\d.]+)", out).group(1)

    def _write_config(self):
        home = os.path.join(os.path.abspath(self.folder), "home")
        config = os.path.join(home, ".config", "profanity")
        data = os.path.join(home, ".local", "share", "profanity")
        os.makedirs(config, exist_ok=True)
        os.makedirs(data, exist_ok=True)
        with open(os.path.join(config, "profrc"), "w") as f:
            f.write("[connection]\nreconnect=1\nautoping=0\n[notifications]\nmessage=off\n"
                    "[ui]\nsplash=false\ncarbons=true\n")
        policy = "legacy" if self.mode == "direct" else "force"
        with open(os.path.join(data, "accounts"), "w") as f:
            f.write("[dut]\nenabled=true\njid=%s@%s\nserver=%s\nport=%d\nresource=%s\npassword=%s\n"
                    "tls.policy=%s\n" % (self.user, self.server.domain, self.server.address,
                                         self.port, self.resource, self.server.password, policy))
        self.log = os.path.join(home, "debug.log")
        return dict(os.environ, HOME=home, XDG_CONFIG_HOME=os.path.join(home, ".config"),
                    XDG_DATA_HOME=os.path.join(home, ".local", "share"), TERM="xterm-256color",
                    LANG="C.UTF-8", SSL_CERT_FILE=self.server.ca)

    async def _tmux(self, *words):
        return await run("tmux", "-S", self.socket, "-f", "/dev/null", *words, env=self.env)

    async def _type(self, text):
        await self._tmux("send-keys", "-t", "p", "-l", text)
        await self._tmux("send-keys", "-t", "p", "Enter")

    async def login(self, timeout=20):
        self.env = self._write_config()
        self.socket_folder = tempfile.mkdtemp()     # a socket's path must be short
        self.socket = os.path.join(self.socket_folder, "tmux")
        command = "profanity -l DEBUG -f %s -a dut" % shlex.quote(self.log)
        await self._tmux("new-session", "-d", "-x", "140", "-y", "40", "-s", "p", command)
        await until("bound JID", self.jid, timeout, self.tail)
        await until("stream management", lambda: self.count_received("<enabled"), 10, self.tail)

    def _lines(self, direction):
        try:
            with open(self.log, errors="replace") as f:
                return re.findall(direction + r": (<.*)", f.read())
        except OSError:
            return []

    def tail(self):
        return " | ".join(line[:160] for line in self._lines("(?:RECV|SENT)")[-6:])

    def count_received(self, start):
        return sum(line.startswith(start) for line in self._lines("RECV"))

    def jid(self):
        for line in self._lines("RECV"):
            if match := re.search(r"<jid>([^<]+)</jid>", line):
                return match.group(1)
        return None

    def last(self, what):
        if what == "mech":
            found = [m.group(1) for line in self._lines("SENT")
                     if (m := re.search(r"<auth[^>]*mechanism=\"([^\"]+)", line))]
            return found[-1] if found else None
        return None

    def _messages(self):
        for line in self._lines("RECV"):
            if not line.startswith("<message"):
                continue
            try:
                yield ET.fromstring(line)
            except ET.ParseError:
                pass

    def bodies(self):
        return [m.findtext("{*}body") for m in self._messages()
                if m.findtext("{*}body") and m.get("type") != "error"]

    def carbons_seen(self):
        return [m.findtext(".//{jabber:client}message/{jabber:client}body")
                for m in self._messages() if m.find(".//{urn:xmpp:forward:0}forwarded") is not None]

    async def screen(self):
        return (await self._tmux("capture-pane", "-p", "-t", "p"))[1]

    async def expect(self, what, condition, timeout=15):
        await until(what, condition, timeout, self.tail)

    async def say(self, to, ident, body):
        await self._type("/msg %s %s" % (to.split("/")[0], body))

    async def enable_carbons(self):
        await self._type("/carbons on")
        await until("carbons", lambda: any("urn:xmpp:carbons:2" in x and "enable" in x
                                           for x in self._lines("SENT")), 10, self.tail)

    async def reconnect(self):
        pass

    def resumptions(self):
        return self.count_received("<resumed")

    async def stop(self):
        await self._type("/quit")
        await asyncio.sleep(0.5)
        await self._tmux("kill-server")
        shutil.rmtree(self.socket_folder, ignore_errors=True)


class GoSendxmpp(Client):
    """One process listens; every message sent is a process of its own."""

    name = "go-sendxmpp"
    modes = ("starttls", "direct")
    needs_tools = ("go-sendxmpp",)
    carbons = resumes = hears_answers = False
    why_not_carbons = "does not implement carbons"
    why_not_resumes = why_not_resends = "does not implement stream management"

    @classmethod
    def version(cls, options):
        out = subprocess.run(["go-sendxmpp", "--version"], text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT).stdout
        match = re.search(r"v?(\d+\.\d+[.\d]*)", out)
        return match.group(1) if match else ""

    def _command(self, *extra):
        command = ["go-sendxmpp", "-d", "-u", "%s@%s" % (self.user, self.server.domain), "-p",
                   self.server.password, "-j", "%s:%d" % (self.server.address, self.port)]
        return command + (["-t"] if self.mode == "direct" else []) + list(extra)

    async def login(self, timeout=15):
        self.env = dict(os.environ, SSL_CERT_FILE=self.server.ca, HOME=os.path.abspath(self.folder))
        self.log = os.path.join(self.folder, "client.log")
        with open(self.log, "wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self._command("-l"), env=self.env, stdout=log, stderr=subprocess.STDOUT)
        await self.expect("bound JID", self.jid, timeout)

    def _text(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def jid(self):
        match = re.search(r"<jid>([^<]+)</jid>", self._text())
        return match.group(1) if match else None

    def last(self, what):
        match = re.findall(r"<auth[^>]*mechanism=['\"]([^'\"]+)", self._text())
        return match[-1] if what == "mech" and match else None

    def bodies(self):
        return [m.group(1) for line in self._text().splitlines()
                if "<message" in line and (m := BODY.search(line)) and "type='error'" not in line]

    def shown(self, body):
        """Printed for its user, not only seen on the wire."""
        return any(line.endswith(": " + body) for line in self._text().splitlines())

    async def expect(self, what, condition, timeout=15):
        await until(what, condition, timeout, lambda: self._text()[-600:])

    async def say(self, to, ident, body):
        code, out = await run(*self._command(to.split("/")[0]), env=self.env, stdin=body.encode())
        assert code == 0, out[-600:]

    async def stop(self):
        if self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()
