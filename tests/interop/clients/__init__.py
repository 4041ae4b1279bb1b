"""The real clients: one small class each says how it is started and what it can do."""
from .agents import LibStrophe, Slixmpp, StropheJs, XmppJs, Converse
from .terminal import GoSendxmpp, Profanity

CLIENTS = {c.name: c for c in (Slixmpp, LibStrophe, Profanity, GoSendxmpp, XmppJs, StropheJs,
                               Converse)}
