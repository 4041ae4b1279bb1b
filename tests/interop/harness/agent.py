"""A client under test in a process of its own, spoken to in lines of tab-separated words.

To the agent:   send TO ID BODY · carbons · reconnect · quit
From the agent: online JID · mech NAME · sm enabled|resumed|failed · got FROM ID BODY ·
                carbon sent|received BODY · offline · refused (authentication) · note TEXT
"""
import asyncio
import os


class Agent:
    def __init__(self, command, config, log):
        self.command, self.log = command, log
        self.env = dict(os.environ, **{"IMP_" + k.upper(): str(v) for k, v in config.items()})
        self.events = []
        self._changed = asyncio.Event()

    async def start(self):
        self._errors = open(self.log, "ab")
        self.process = await asyncio.create_subprocess_exec(
            *self.command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=self._errors, env=self.env, limit=1 << 22)
        self._task = asyncio.create_task(self._read())
        return self

    async def _read(self):
        async for line in self.process.stdout:
            self._errors.write(b"<- " + line)
            self._errors.flush()
            self.note(*line.decode(errors="replace").rstrip("\n").split("\t"))
        self.note("exit", str(await self.process.wait()))

    def note(self, *event):
        self.events.append(event)
        self._changed.set()

    async def tell(self, *words):
        self.process.stdin.write(("\t".join(words) + "\n").encode())
        await self.process.stdin.drain()

    async def expect(self, what, condition, timeout=15):
        """Waits until `condition()` holds; `what` names it in the failure."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while not condition():
            left = end - loop.time()
            if left <= 0 or self.has("exit") or self.has("refused"):
                raise AssertionError("client: no %s within %s s; last events: %s"
                                     % (what, timeout, self.events[-6:]))
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), min(left, 0.5))
            except asyncio.TimeoutError:
                pass

    def has(self, *start):
        return any(e[:len(start)] == start for e in self.events)

    def count(self, *start):
        return sum(e[:len(start)] == start for e in self.events)

    def last(self, name):
        return next((e[1] for e in reversed(self.events) if e[0] == name), None)

    def bodies(self):
        return [e[3] for e in self.events if e[0] == "got"]

    async def stop(self):
        if self.process.returncode is None:
            try:
                await self.tell("quit")
                await asyncio.wait_for(self.process.wait(), 5)
            except (asyncio.TimeoutError, OSError):
                if self.process.returncode is None:
                    self.process.kill()
        await self._task
        self._errors.close()
