"""The clients once more, as people who look at each other."""
import os
import re
import xml.etree.ElementTree as ET

from .agents import HERE, PYTHON, Converse, Slixmpp
from .terminal import Profanity, until

PATIENCE = 60           # seconds, on a machine that has other things to do


class SlixPerson(Slixmpp):
    def command_line(self):
        return [PYTHON, os.path.join(HERE, "slix_person.py")]

    async def do(self, verb, *words):
        """Until it is done."""
        before = self.count("done", verb)
        await self.tell(verb, *words)
        await self.expect(verb, lambda: self.count("done", verb) > before or self.has("error"),
                          PATIENCE)
        assert not self.has("error"), self.events[-3:]

    async def subscribe(self, jid):
        await self.do("subscribe", jid)

    async def allow(self, jid):
        await self.do("allow", jid)

    def presences(self, jid, kind="available"):
        """[(show, status)] as they came."""
        return [(e[3], e[4]) for e in self.events
                if e[0] == "presence" and e[1].split("/")[0] == jid and e[2] == kind]

    def full_jid(self, jid):
        """The resource that was there last."""
        return next(e[1] for e in reversed(self.events)
                    if e[0] == "presence" and e[1].startswith(jid + "/") and e[2] == "available")


class ProfanityPerson(Profanity):
    async def subscribe(self, jid):
        await self._type("/sub request " + jid)

    async def allow(self, jid):
        await self._type("/sub allow " + jid)

    async def type(self, text):
        await self._type(text)

    def presences(self, jid, kind="available"):
        found = []
        for line in self._lines("RECV"):
            if line.startswith("<presence"):
                stanza = ET.fromstring(line)
                if (stanza.get("from", "").split("/")[0] == jid
                        and stanza.get("type", "available") == kind):
                    found.append(((stanza.findtext("{*}show") or ""),
                                  (stanza.findtext("{*}status") or "")))
        return found

    def events_of(self, node):
        """Payloads of events (XEP-0163)."""
        return [line for line in self._lines("RECV")
                if line.startswith("<message") and re.search(r"items node=['\"]%s" % node, line)]

    def avatars(self):
        folder = os.path.join(self.folder, "home", ".local", "share", "profanity", "avatars")
        return [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]


class ConversePerson(Converse):
    async def subscribe(self, jid, name):
        await self.tell("subscribe", jid, name)

    async def allow(self, jid, name):
        await self.tell("allow", jid, name)

    def presences(self, jid):
        """[(show, status)] as its own model of the contact says, one after the other."""
        return [(e[2], e[3]) for e in self.events if e[0] == "contact" and e[1] == jid]

    async def look(self):
        """What is written on its page."""
        before = self.count("page")
        await self.tell("look")
        await self.expect("page", lambda: self.count("page") > before, PATIENCE)
        return self.last("page")
