#!/usr/bin/python3
"""Hours of life for the echo server: logins, chat, links that break, sessions that resume or expire, clean ends.

    soak.py --echo EXECUTABLE [--seconds N] [--seed N] [--durable] [--out FOLDER]

Every message must arrive once and in order at a recipient that comes back; the server's memory must not grow with time.
Exit status 0 if all held; a failure names the seed.
"""
import argparse
import asyncio
import os
import random
import re
import shutil
import signal
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "interop"))

from harness.raw import RawClient, body_of  # noqa: E402
from harness.servers import Echo            # noqa: E402

PAIRS = 10
MESSAGES = 30


def resident(pid):
    """Kilobytes."""
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


class Pair:
    """A sender and a recipient for one round; the recipient's link breaks now and then."""

    def __init__(self, server, number, rng):
        self.rng = rng
        self.sender = RawClient(server, "soak-s%d" % number)
        self.recipient = RawClient(server, "soak-r%d" % number, mode=rng.choice(("direct", "starttls")))

    async def run(self, tag):
        await self.sender.login()
        await self.recipient.login()
        sent = []
        for i in range(MESSAGES):
            sent.append("%s-%d" % (tag, i))
            await self.sender.say(self.recipient.jid, sent[-1])
            if self.rng.random() < 0.05:
                await self.recipient.cut()
                await asyncio.sleep(self.rng.random() * 0.2)
                await self.recipient.resume()
            if self.rng.random() < 0.03:
                await self.sender.cut()
                await self.sender.resume()
        await self.sender.sync()
        await self.recipient.expect(lambda: sent[-1] in self.arrived(tag), 20)
        assert self.arrived(tag) == sent, "arrived %s, not %s" % (self.arrived(tag), sent)
        await self.leave()

    def arrived(self, tag):
        """Bodies of this round, without what came again before its acknowledgement was known."""
        bodies = [body_of(stanza) for stanza in self.recipient.inbox]
        return list(dict.fromkeys(body for body in bodies if body and body.startswith(tag + "-")))

    async def leave(self):
        await self.sender.close()
        if self.rng.random() < 0.5:
            await self.recipient.close()
        else:
            await self.recipient.cut()  # the session waits in vain, and expires


async def rounds(server, options):
    rng = random.Random(options.seed)
    end = time.monotonic() + options.seconds
    sizes = []
    number = 0
    while time.monotonic() < end:
        pairs = [Pair(server, i, rng) for i in range(PAIRS)]
        await asyncio.gather(*(pair.run("%d.%d" % (number, i)) for i, pair in enumerate(pairs)))
        sizes.append(resident(server.process.pid))
        number += 1
        if number % 20 == 0:
            print("round %d: %d kB" % (number, sizes[-1]), flush=True)
    return sizes


def check_memory(sizes):
    """The last quarter against the second: sessions that expire are in both."""
    quarter = len(sizes) // 4
    if quarter < 3:
        return "too few rounds to judge memory: %d" % len(sizes)
    early, late = statistics.median(sizes[quarter:2 * quarter]), statistics.median(sizes[-quarter:])
    print("%d rounds; memory %d kB in the second quarter, %d kB in the last" % (len(sizes), early, late))
    return None if late <= early * 1.1 + 1024 else "memory grew from %d to %d kB" % (early, late)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--echo", required=True)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--durable", action="store_true")
    parser.add_argument("--out", default="soak-out")
    options = parser.parse_args()
    if not os.path.exists("/proc/self/status"):
        print("skipped: no /proc to read memory from")
        sys.exit(77)
    shutil.rmtree(options.out, ignore_errors=True)
    Echo.executable = os.path.abspath(options.echo)
    server = Echo(os.path.abspath(options.out), ["--sm-timeout", "30", "--quiet"] + ["--durable"] * options.durable)
    server.start()
    try:
        fault = check_memory(asyncio.run(rounds(server, options)))
        code = server.signal(signal.SIGTERM)
        fault = fault or (None if code == 0 else "the server ended with %d" % code)
    finally:
        if server.process is not None:
            server.kill()
    if fault:
        sys.exit("seed %d: %s" % (options.seed, fault))


if __name__ == "__main__":
    main()
