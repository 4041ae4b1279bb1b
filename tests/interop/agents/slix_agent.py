#!/usr/bin/python3
"""slixmpp as an agent (see harness/agent.py for the lines it speaks)."""
import asyncio
import logging
import os
import ssl
import sys

import slixmpp

CONFIG = {k[4:].lower(): v for k, v in os.environ.items() if k.startswith("IMP_")}


def say(*words):
    print("\t".join(words), flush=True)


class Agent(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__("%(user)s@%(domain)s/%(resource)s" % CONFIG, CONFIG["password"],
                         sasl_mech=CONFIG.get("mech") or None)
        self.ca_certs = CONFIG["ca"]
        self.ssl_context.minimum_version = ssl.TLSVersion.TLSv1_2
        if CONFIG.get("mech", "").endswith("-PLUS"):        # it knows tls-unique only
            self.ssl_context.maximum_version = ssl.TLSVersion.TLSv1_2
        for plugin in ("xep_0030", "xep_0198", "xep_0199", "xep_0280"):
            self.register_plugin(plugin)
        on = self.add_event_handler
        on("session_start", self.started)
        on("sm_enabled", lambda e: say("sm", "enabled"))
        on("session_resumed", lambda e: say("sm", "resumed"))
        on("sm_failed", lambda e: say("sm", "failed"))
        on("disconnected", lambda e: say("offline"))
        on("failed_all_auth", lambda e: say("refused"))
        on("no_auth", lambda e: say("refused"))
        on("message", self.received)
        on("carbon_sent", lambda m: self.carbon("sent", m["carbon_sent"]))
        on("carbon_received", lambda m: self.carbon("received", m["carbon_received"]))

    def go(self):
        self.connect((CONFIG["address"], int(CONFIG["port"])),
                     use_ssl=CONFIG["mode"] == "direct",
                     disable_starttls=CONFIG["mode"] == "direct")

    async def started(self, event):
        self.send_presence()
        say("mech", self["feature_mechanisms"].mech.name)
        say("online", self.boundjid.full)

    def received(self, message):
        if message["type"] != "error" and message["body"]:
            say("got", str(message["from"]), message["id"], message["body"])

    def carbon(self, kind, message):
        say("carbon", kind, message["body"])

    async def command(self, verb, *words):
        if verb == "send":
            message = self.make_message(slixmpp.JID(words[0]), words[2], mtype="chat")
            message["id"] = words[1]
            message.send()
        elif verb == "carbons":
            await self["xep_0280"].enable()
            say("note", "carbons enabled")
        elif verb == "reconnect":
            self.go()
        elif verb == "quit":
            self.disconnect(wait=1)
            await asyncio.sleep(0.3)
            os._exit(0)


async def main(agent):
    agent.go()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        await agent.command(*line.decode().rstrip("\n").split("\t"))


def run(kind):
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    asyncio.get_event_loop().run_until_complete(main(kind()))


if __name__ == "__main__":
    run(Agent)
