"""Clients that are libraries: a small agent program each, see ../agents."""
import os
import subprocess

from harness.agent import Agent
from harness.npm import node_modules

from .base import Client, Unavailable

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "agents")
PYTHON = "/usr/bin/python3"


class AgentClient(Client, Agent):
    def command(self):
        raise NotImplementedError

    def extra(self):
        return {}

    def __init__(self, *args, **kwargs):
        Client.__init__(self, *args, **kwargs)
        server = self.server
        config = {"address": server.address, "port": self.port, "mode": self.mode,
                  "url": self.url(), "domain": server.domain, "user": self.user,
                  "password": server.password, "resource": self.resource, "ca": server.ca,
                  "mech": self.mech or "", **self.extra()}
        Agent.__init__(self, self.command_line(), config, os.path.join(self.folder, "client.log"))

    async def login(self, timeout=30):
        await self.start()
        await self.expect("login", lambda: self.has("online"), timeout)
        if self.resumes:
            await self.expect("stream management", lambda: self.has("sm", "enabled"))

    def jid(self):
        return self.last("online")

    async def say(self, to, ident, body):
        await self.tell("send", to, ident, body)

    async def enable_carbons(self):
        await self.tell("carbons")

    def carbons_seen(self):
        return [e[2] for e in self.events if e[0] == "carbon"]

    async def reconnect(self):
        """By itself, or told to once it has noticed that the link is gone."""
        if not self.reconnects:
            await self.expect("notice of the lost link", lambda: self.has("offline"))
            await self.tell("reconnect")
        self.events = [e for e in self.events if e[0] != "offline"]

    def resumptions(self):
        return self.count("sm", "resumed")


class Slixmpp(AgentClient):
    name = "slixmpp"
    modes = ("starttls", "direct")
    mechanisms = (None, "SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS",
                  "SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN")
    claims_binding = True
    why_not_resends = "empties its queue when it asks to resume"

    @classmethod
    def require(cls, options):
        if subprocess.run([PYTHON, "-c", "import slixmpp"], stderr=subprocess.DEVNULL).returncode:
            raise Unavailable("python3-slixmpp is not installed")

    @classmethod
    def version(cls, options):
        return subprocess.check_output(
            [PYTHON, "-c", "import slixmpp; print(slixmpp.__version__)"], text=True,
            stderr=subprocess.DEVNULL).strip()

    def command_line(self):
        return [PYTHON, os.path.join(HERE, "slix_agent.py")]


class LibStrophe(AgentClient):
    name = "libstrophe"
    modes = ("starttls", "direct")
    why_not_resends = "sends nothing again after resumption"

    @classmethod
    def require(cls, options):
        if not options.strophe_agent or not os.path.exists(options.strophe_agent):
            raise Unavailable("libstrophe-dev was not installed when this was built")

    @classmethod
    def version(cls, options):
        return subprocess.check_output(["pkg-config", "--modversion", "libstrophe"],
                                       text=True).strip()

    def command_line(self):
        return [self.options.strophe_agent]

    async def enable_carbons(self):
        await super().enable_carbons()
        self.note("note", "carbons enabled")


class NodeClient(AgentClient):
    script = "?"
    package = "?"
    reconnects = False
    resends = True

    @classmethod
    def require(cls, options):
        super().require(options)
        node_modules(options)

    @classmethod
    def version(cls, options):
        import json
        path = os.path.join(node_modules(options), cls.package, "package.json")
        with open(path) as f:
            return json.load(f)["version"]

    def command_line(self):
        folder = os.path.dirname(node_modules(self.options))
        return ["node", os.path.join(folder, self.script)]

    def extra(self):
        return {"ca": self.server.ca}

    async def start(self):
        self.env["NODE_EXTRA_CA_CERTS"] = self.server.ca
        return await super().start()


class XmppJs(NodeClient):
    name = "xmpp.js"
    package = "@xmpp/client"
    script = "xmppjs.mjs"
    modes = ("starttls", "direct", "ws", "wss")
    resume_modes = ("starttls", "wss")
    mechanisms = ("SCRAM-SHA-1", "PLAIN")
    fast = True
    needs_tools = ("node", "npm")
    reconnects = True


class StropheJs(NodeClient):
    name = "strophe.js"
    package = "strophe.js"
    script = "strophejs.mjs"
    modes = ("ws", "wss")
    default_mode = "wss"
    resume_modes = ("ws", "wss")
    mechanisms = ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN")
    needs_tools = ("node", "npm")


class Converse(NodeClient):
    name = "converse.js"
    package = "converse.js"
    script = "converse.mjs"
    modes = ("ws", "wss")
    default_mode = "wss"
    resume_modes = ("wss",)
    needs_tools = ("node", "npm", "chromium")
    reconnects = True
    resumptions_in_a_row = 1      # after a resumed stream is cut it binds its resource anew

    def extra(self):
        return {"ca": self.server.ca, "spki": self.server.pki.spki_sha256()}

    def bodies(self):
        """In the order of the link, once the user has seen them too."""
        shown = {e[1] for e in self.events if e[0] == "shown"}
        return [body for body in super().bodies() if body in shown]
