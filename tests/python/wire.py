"""A client on bytes: what the in-process tests need of one, in a few lines. Logs in by PLAIN on plain text."""
import base64
import re

from libimp import Mechanism, Node, Role

HEAD = ("<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>")
MECHANISMS = Mechanism.PLAIN | Mechanism.SCRAM_SHA_256 | Mechanism.OAUTHBEARER


class World:
    """A node with a clock of its own, and clients without sockets."""

    def __init__(self, **options):
        self.time = 1_000_000_000
        self.node = Node("localhost", clock=lambda: self.time, mechanisms=MECHANISMS, **options)
        self.node.on_write = self._write
        self.clients = {}

    def _write(self, connection):
        client = self.clients.get(connection)
        while data := connection.take():
            if client:
                client.got += data.decode()
        if connection.want_close and not connection.pending:
            connection.close()

    def turn(self, times=4):
        for _ in range(times):
            self.node.handle_expiry()

    def wait(self, seconds):
        self.time += int(seconds * 1e9)
        self.turn()

    def account(self, name, password="secret"):
        outcome = []
        self.node.set_account(name, password, outcome.append)
        self.turn()
        assert outcome == [0]

    def client(self, name, resource="r", password="secret", login=True):
        client = Client(self)
        if login:
            client.login(name, password)
            client.bind(resource)
        return client

    def close(self):
        self.node.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Client:
    def __init__(self, world):
        self.world, self.got = world, ""
        self.connection = world.node.accept(Role.C2S, "127.0.0.1", allow_plaintext=True)
        world.clients[self.connection] = self
        self.send(HEAD)

    def send(self, text):
        """Returns what came back in the turn."""
        before = len(self.got)
        self.connection.recv(text.encode())
        self.world.turn()
        return self.got[before:]

    def auth(self, name, password):
        plain = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
        return self.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>")

    def login(self, name, password):
        answer = self.auth(name, password)
        assert "<success" in answer, answer
        self.send(HEAD)

    def bind(self, resource):
        answer = self.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                           f"<resource>{resource}</resource></bind></iq>")
        self.jid = re.search("<jid>(.*)</jid>", answer)[1]
        self.send("<presence/>")

    def cut(self):
        self.connection.close()
        self.world.turn()
