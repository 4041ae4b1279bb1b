"""What users publish, with a real client (slixmpp): activity, mood, avatars and vCards, bookmarks."""
import hashlib

from slixmpp.plugins.xep_0048 import Bookmarks
from test_aio import Slix, make_node

from libimp import pep, roster
from libimp.aio import Server

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
HASH = hashlib.sha1(PICTURE).hexdigest()
IN_MEETING = f"<activity xmlns='{pep.ACTIVITY}'><working><in_a_meeting/></working></activity>"


class Pep(Slix):
    """Asks to be told of what others publish; `told` has what it was told."""
    plugins = ("xep_0030", "xep_0115", "xep_0163", "xep_0060", "xep_0084", "xep_0107", "xep_0108", "xep_0153", "xep_0054",
               "xep_0049", "xep_0048")

    def __init__(self, name, certificate, port):
        super().__init__(f"{name}@localhost/r", "secret", certificate, port)
        self.told = []
        for plugin in self.plugins:
            self.register_plugin(plugin)
        for event in ("user_activity_publish", "user_mood_publish", "avatar_metadata_publish", "vcard_avatar_update"):
            self.add_event_handler(event, lambda st, event=event: self.told.append((event, st["from"].bare, str(st))))

    async def is_told(self, event, user, text):
        await self.until(lambda: any(e == event and u == f"{user}@localhost" and text in st for e, u, st in self.told))


async def open_two(certificate, node, server):
    port = await server.listen("127.0.0.1", 0)
    for name in ("alice", "bob"):
        await server.set_account(name, "secret")
    roster.subscribe(node, "alice", "bob")
    return [await Pep(name, certificate[0], port).online() for name in ("alice", "bob")]


async def close(*clients):
    for client in clients:
        client.disconnect()
        await client.seen("disconnected")


async def test_activity_and_mood(certificate):
    with make_node(certificate) as node:
        async with Server(node) as server:
            alice, bob = await open_two(certificate, node, server)
            await alice["xep_0108"].publish_activity("working", "in_a_meeting", text="until three")
            await alice["xep_0107"].publish_mood("happy")
            await bob.is_told("user_activity_publish", "alice", "until three")
            await bob.is_told("user_mood_publish", "alice", "happy")
            pep.publish(node, "bob", pep.ACTIVITY, IN_MEETING)          # the host does
            await alice.is_told("user_activity_publish", "bob", "in_a_meeting")
            await close(bob)
            bob = await Pep("bob", certificate[0], bob.port).online()   # comes back, and is told what was last
            await bob.is_told("user_activity_publish", "alice", "until three")
            await close(alice, bob)


async def test_avatars(certificate):
    with make_node(certificate) as node:
        async with Server(node) as server:
            alice, bob = await open_two(certificate, node, server)
            await alice["xep_0084"].publish_avatar(PICTURE)
            await alice["xep_0084"].publish_avatar_metadata([{"id": HASH, "type": "image/png", "bytes": len(PICTURE)}])
            await bob.is_told("avatar_metadata_publish", "alice", HASH)
            await bob.is_told("vcard_avatar_update", "alice", HASH)
            vcard = await bob["xep_0054"].get_vcard("alice@localhost")
            assert vcard["vcard_temp"]["PHOTO"]["BINVAL"] == PICTURE
            await bob["xep_0153"].set_avatar(avatar=PICTURE[::-1], mtype="image/png")
            reverse = hashlib.sha1(PICTURE[::-1]).hexdigest()
            await alice.is_told("avatar_metadata_publish", "bob", reverse)
            await alice.is_told("vcard_avatar_update", "bob", reverse)
            data = await alice["xep_0084"].retrieve_avatar("bob@localhost", reverse)
            assert data["pubsub"]["items"]["item"]["avatar_data"]["value"] == PICTURE[::-1]
            await close(alice, bob)


async def test_bookmarks(certificate):
    with make_node(certificate) as node:
        async with Server(node) as server:
            alice, bob = await open_two(certificate, node, server)
            bookmarks = Bookmarks()
            bookmarks.add_conference("room@chat.example", nick="al", autojoin=True, name="Room")
            await alice["xep_0048"].set_bookmarks(bookmarks, method="xep_0049")
            kept = await alice["xep_0048"].get_bookmarks(method="xep_0049")
            room, = kept["private"]["bookmarks"]["conferences"]
            assert (str(room["jid"]), room["nick"], room["name"]) == ("room@chat.example", "al", "Room")
            items = await alice["xep_0060"].get_items("alice@localhost", "urn:xmpp:bookmarks:1")
            assert items["pubsub"]["items"]["item"]["id"] == "room@chat.example"
            info = await alice["xep_0030"].get_info("alice@localhost")
            assert ("pubsub", "pep", None, None) in info["disco_info"]["identities"]
            await close(alice, bob)
