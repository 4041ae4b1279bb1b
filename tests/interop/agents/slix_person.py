#!/usr/bin/python3
"""slixmpp with all that is said of people: subscriptions, presence, caps, PEP.

To the agent:   subscribe JID · allow JID · show SHOW STATUS · activity GENERAL SPECIFIC TEXT ·
                mood VALUE TEXT · nick NAME · avatar FILE · fetch JID ID · features JID · roster
From the agent: presence FROM TYPE SHOW STATUS CAPS-NODE · activity FROM GENERAL SPECIFIC TEXT ·
                mood FROM VALUE TEXT · nick FROM NAME · metadata FROM ID · avatar FROM SHA-1 ·
                features JID FEATURE... · contact JID SUBSCRIPTION · done VERB · error VERB TEXT
"""
import hashlib

from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import StanzaPath

from slix_agent import Agent, run, say

CAPS = "{http://jabber.org/protocol/caps}c"
PLUGINS = ("xep_0060", "xep_0084", "xep_0107", "xep_0108", "xep_0115", "xep_0163", "xep_0172")


class Person(Agent):
    def __init__(self):
        super().__init__()
        self.auto_authorize = None          # the test decides
        self.auto_subscribe = False
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self.register_handler(Callback("any presence", StanzaPath("presence"), self.saw))
        on = self.add_event_handler
        on("user_activity_publish", self.saw_activity)
        on("user_mood_publish", self.saw_mood)
        on("user_nick_publish", self.saw_nick)
        on("avatar_metadata_publish", self.saw_avatar)

    async def started(self, event):
        await self["xep_0115"].update_caps(broadcast=False)     # else the first presence has none
        await self.get_roster()
        await super().started(event)

    def saw(self, presence):
        caps = presence.xml.find(CAPS)
        kind = presence.xml.get("type", "available")
        say("presence", str(presence["from"]), kind, presence["show"], presence["status"],
            caps.get("node", "") if caps is not None else "")

    @staticmethod
    def payload(message, name):
        return message["pubsub_event"]["items"]["item"][name]

    def saw_activity(self, message):
        activity = self.payload(message, "activity")
        general, specific = activity["value"] or ("", "")
        say("activity", message["from"].bare, general or "", specific or "", activity["text"] or "")

    def saw_mood(self, message):
        mood = self.payload(message, "mood")
        say("mood", message["from"].bare, mood["value"] or "", mood["text"] or "")

    def saw_nick(self, message):
        say("nick", message["from"].bare, self.payload(message, "nick")["nick"])

    def saw_avatar(self, message):
        for info in self.payload(message, "avatar_metadata")["items"]:
            say("metadata", message["from"].bare, info["id"])

    async def do_subscribe(self, jid):
        self.send_presence(pto=jid, ptype="subscribe")

    async def do_allow(self, jid):
        self.send_presence(pto=jid, ptype="subscribed")

    async def do_show(self, show, status):
        self.send_presence(pshow=show or None, pstatus=status or None)

    async def do_activity(self, general, specific, text):
        await self["xep_0108"].publish_activity(general, specific, text)

    async def do_mood(self, value, text):
        await self["xep_0107"].publish_mood(value, text)

    async def do_nick(self, name):
        await self["xep_0172"].publish_nick(name)

    async def do_avatar(self, file):
        with open(file, "rb") as f:
            data = f.read()
        await self["xep_0084"].publish_avatar(data)
        await self["xep_0084"].publish_avatar_metadata(
            [{"id": hashlib.sha1(data).hexdigest(), "type": "image/png", "bytes": len(data)}])

    async def do_fetch(self, jid, ident):
        answer = await self["xep_0084"].retrieve_avatar(jid, ident)
        data = answer["pubsub"]["items"]["item"]["avatar_data"]["value"]
        say("avatar", jid, hashlib.sha1(data).hexdigest())

    async def do_features(self, jid):
        answer = await self["xep_0030"].get_info(jid)
        say("features", jid, *sorted(answer["disco_info"]["features"]))

    async def do_roster(self):
        for jid in self.client_roster:
            say("contact", jid, self.client_roster[jid]["subscription"])

    async def command(self, verb, *words):
        act = getattr(self, "do_" + verb, None)
        if not act:
            return await super().command(verb, *words)
        try:
            await act(*words)
            say("done", verb)
        except (IqError, IqTimeout) as error:
            say("error", verb, str(error))


if __name__ == "__main__":
    run(Person)
