"""One property's stage: fresh accounts, a client, peers and links, all cleared away at the end."""
import itertools

from .proxy import Proxy
from .raw import RawClient

_numbers = itertools.count()      # Prosody, when it stands in, knows a hundred pairs


class Scene:
    def __init__(self, server, make=None):
        self.server, self.make = server, make
        number = next(_numbers)
        self.me, self.peer_name = "me%d" % number, "peer%d" % number
        self._cleanup = []

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc):
        for act in reversed(self._cleanup):
            try:
                await act()
            except OSError:
                pass

    def jid(self, name):
        return "%s@%s" % (name, self.server.domain)

    async def client(self, **kwargs):
        """The client under test, logged in."""
        client = self.make(user=self.me, **kwargs)
        self._cleanup.append(client.stop)
        await client.login()
        return client

    def raw(self, user=None, resource="raw", **kwargs):
        raw = RawClient(self.server, user or self.peer_name, resource, **kwargs)
        self._cleanup.append(raw.close)
        return raw

    async def proxy(self, mode):
        target = self.server.port_for(mode)
        proxy = await Proxy(self.server.address, target + 10000, target).start()
        self._cleanup.append(proxy.stop)
        return proxy
