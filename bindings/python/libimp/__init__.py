"""libimp: an embeddable server side of instant messaging and presence (XMPP), from Python.

    from libimp import Node, aio

    node = Node("localhost")

    @node.handle_jid("echo@localhost")
    def echo(stanza):
        if stanza.body:
            node.reply_text(stanza, stanza.body)

One module a room, with the names of the C headers: core, op, jid, xml, sm, sasl, conn, node, store; pep, presence, roster,
status, sqlite and testkit are imported when asked for; aio joins a node to asyncio.
"""
from . import conn, core, jid, node, op, sasl, sm, store, xml
from .conn import ChannelBinding, Connection
from .core import Error, ImpError, LogArea, LogLevel, version
from .jid import Jid
from .node import Node, Role, SessionEvent, SessionInfo, SessionState, Settings, Stats
from .op import Credential
from .sasl import Mechanism
from .store import MemoryStore, Store
from .xml import Element, Stanza, StanzaKind, StanzaType

__all__ = [
    "ChannelBinding", "Connection", "Credential", "Element", "Error", "ImpError", "Jid", "LogArea", "LogLevel",
    "Mechanism", "MemoryStore", "Node", "Role", "SessionEvent", "SessionInfo", "SessionState", "Settings", "Stanza",
    "StanzaKind", "StanzaType", "Stats", "Store", "conn", "core", "jid", "node", "op", "sasl", "sm", "store", "version",
    "xml",
]
__version__ = version()
