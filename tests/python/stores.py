"""Stores written in Python."""
import asyncio
from bisect import insort

from libimp import Store


class DictStore(Store):
    """The shortest store that is right."""
    name = "dict"

    def __init__(self):
        self.items = {}
        self.flushes = 0

    def get(self, space, owner, key):
        return self.items.get((space, owner, key))

    def scan(self, space, owner, first, last, limit, reverse):
        keys = sorted((k for s, o, k in self.items if (s, o) == (space, owner) and (first is None or k >= first)
                       and (last is None or k <= last)), reverse=reverse)
        return [(k, self.items[space, owner, k]) for k in keys[:limit or None]]

    def scan_all(self, space, limit):
        found = []
        for s, o, k in self.items:
            if s == space:
                insort(found, (o.encode(), k))
        return [(o.decode(), k, self.items[space, o.decode(), k]) for o, k in found[:limit or None]]

    def put(self, space, owner, key, value):
        self.items[space, owner, key] = value

    def delete(self, space, owner, key):
        self.items.pop((space, owner, key), None)

    def delete_range(self, space, owner, first, last):
        for key, _ in DictStore.scan(self, space, owner, first, last, 0, False):
            del self.items[space, owner, key]

    def erase(self, owner):
        self.items = {k: v for k, v in self.items.items() if k[1] != owner}

    def flush(self):
        self.flushes += 1


class SlowStore(DictStore):
    """Answers later: each read and flush is a coroutine."""
    name = "slow"

    async def flush(self):
        DictStore.flush(self)
        await asyncio.sleep(0)

    # A coroutine begins when the loop gets to it: what it must see is looked at before.
    def get(self, space, owner, key):
        return self._later(DictStore.get(self, space, owner, key))

    def scan(self, *args):
        return self._later(DictStore.scan(self, *args))

    def scan_all(self, *args):
        return self._later(DictStore.scan_all(self, *args))

    @staticmethod
    async def _later(found):
        await asyncio.sleep(0)
        return found
