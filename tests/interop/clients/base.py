"""What a driver of a real client offers."""
import os
import shutil


class Unavailable(Exception):
    """The client is not here. `nowhere`: nor could anybody install it on this machine as it is (no network, no terminals)."""

    def __init__(self, reason, nowhere=False):
        super().__init__(reason)
        self.nowhere = nowhere

    def may_be_skipped(self):
        """Nobody's client drops out of the tests unnoticed: see "What is missing" in tests/README.md."""
        return bool(os.environ.get("IMP_MAY_SKIP")) or (self.nowhere and not os.environ.get("CI"))


class Client:
    name = "?"
    modes = ()                    # of starttls, direct, ws, wss
    default_mode = "starttls"     # where chat, carbons and resumption are tried
    resume_modes = ("starttls",)
    mechanisms = ()               # those it can be told to take; (): it chooses
    # It says that it would bind the channel, yet cannot do it with TLS 1.3. RFC 5802 has SCRAM fail
    # then, where -PLUS is offered; so SCRAM without binding is tried where -PLUS is not.
    claims_binding = False
    hears_answers = True          # what it sends goes out on the stream on which it listens
    carbons = True
    resumes = True
    fast = False                  # SASL2 with FAST
    resends = False               # does the client send its own unacknowledged stanzas again?
    resumptions_in_a_row = 2      # how often a session is resumed before the client binds anew
    why_not_resumes = why_not_resends = why_not_carbons = ""
    reconnects = False            # by itself, after a lost link
    needs_tools = ()

    @classmethod
    def require(cls, options):
        for tool in cls.needs_tools:
            if shutil.which(tool) is None:
                raise Unavailable("%s is not installed" % tool)

    @classmethod
    def version(cls, options):
        return ""

    def __init__(self, server, options, user="me", mode=None, mech=None, port=None,
                 resource="dut", folder="."):
        self.server, self.options, self.user, self.mech = server, options, user, mech
        self.mode = mode or self.default_mode
        self.port = port or server.port_for(self.mode)
        self.resource, self.folder = resource, folder
        os.makedirs(folder, exist_ok=True)

    def url(self):
        server = self.server
        return {"starttls": "xmpp://%s:%d" % (server.address, self.port),
                "direct": "xmpps://%s:%d" % (server.address, self.port),
                "ws": "ws://%s:%d%s" % (server.address, self.port, server.ws_path),
                "wss": "wss://%s:%d%s" % (server.address, self.port, server.ws_path)}[self.mode]
