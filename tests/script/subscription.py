#!/usr/bin/env python3
"""Writes subscription-outbound.md and subscription-inbound.md: all states of a subscription x all stanzas.

    subscription.py           writes them
    subscription.py --check   exit status 1: they are not what this would write

The tables are those of RFC 6121, appendix A, and of §3.4 (approval before the request). Alice is the user; the contact,
juliet@localhost, is played by the host. What a state is, is asked from outside at the end: another resource of Alice's
becomes available; the contact gets its presence if there is a subscription from it, and a probe if there is one to it;
the resource gets the request that waits; the roster says the rest.
"""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
STANZAS = ["subscribe", "unsubscribe", "subscribed", "unsubscribed"]

# How Alice gets into a state from none: "+" is what she sends, "-" what comes.
WAYS = {
    "none": [],
    "none+out": ["+subscribe"],
    "none+in": ["-subscribe"],
    "none+out+in": ["+subscribe", "-subscribe"],
    "to": ["+subscribe", "-subscribed"],
    "to+in": ["+subscribe", "-subscribed", "-subscribe"],
    "from": ["-subscribe", "+subscribed"],
    "from+out": ["-subscribe", "+subscribed", "+subscribe"],
    "both": ["-subscribe", "+subscribed", "+subscribe", "-subscribed"],
    # §3.4: approved before
    "none approved": ["+subscribed"],
    "none+out approved": ["+subscribe", "+subscribed"],
    "to approved": ["+subscribe", "-subscribed", "+subscribed"],
}

# Appendix A.2: what Alice sends. state: (is it routed?, the new state)
OUTBOUND = {
    "subscribe": {
        "none": (1, "none+out"), "none+out": (1, "none+out"), "none+in": (1, "none+out+in"),
        "none+out+in": (1, "none+out+in"), "to": (1, "to"), "to+in": (1, "to+in"), "from": (1, "from+out"),
        "from+out": (1, "from+out"), "both": (1, "both"),
        "none approved": (1, "none+out approved"), "none+out approved": (1, "none+out approved"),
        "to approved": (1, "to approved")},
    "unsubscribe": {
        "none": (1, "none"), "none+out": (1, "none"), "none+in": (1, "none+in"), "none+out+in": (1, "none+in"),
        "to": (1, "none"), "to+in": (1, "none+in"), "from": (1, "from"), "from+out": (1, "from"), "both": (1, "from"),
        "none approved": (1, "none approved"), "none+out approved": (1, "none approved"),
        "to approved": (1, "none approved")},
    "subscribed": {
        "none": (0, "none approved"), "none+out": (0, "none+out approved"), "none+in": (1, "from"),
        "none+out+in": (1, "from+out"), "to": (0, "to approved"), "to+in": (1, "both"), "from": (0, "from"),
        "from+out": (0, "from+out"), "both": (0, "both"),
        "none approved": (0, "none approved"), "none+out approved": (0, "none+out approved"),
        "to approved": (0, "to approved")},
    "unsubscribed": {
        "none": (0, "none"), "none+out": (0, "none+out"), "none+in": (1, "none"), "none+out+in": (1, "none+out"),
        "to": (0, "to"), "to+in": (1, "to"), "from": (1, "none"), "from+out": (1, "none+out"), "both": (1, "to"),
        "none approved": (0, "none"), "none+out approved": (0, "none+out"), "to approved": (0, "to")},
}

# Appendix A.3: what comes from the contact. state: (is it delivered?, the new state)
INBOUND = {
    "subscribe": {
        "none": (1, "none+in"), "none+out": (1, "none+out+in"), "none+in": (0, "none+in"),
        "none+out+in": (0, "none+out+in"), "to": (1, "to+in"), "to+in": (0, "to+in"), "from": (0, "from"),
        "from+out": (0, "from+out"), "both": (0, "both"),
        "none approved": (0, "from"), "none+out approved": (0, "from+out"), "to approved": (0, "both")},
    "unsubscribe": {
        "none": (0, "none"), "none+out": (0, "none+out"), "none+in": (1, "none"), "none+out+in": (1, "none+out"),
        "to": (0, "to"), "to+in": (1, "to"), "from": (1, "none"), "from+out": (1, "none+out"), "both": (1, "to"),
        "none approved": (0, "none approved"), "none+out approved": (0, "none+out approved"),
        "to approved": (0, "to approved")},
    "subscribed": {
        "none": (0, "none"), "none+out": (1, "to"), "none+in": (0, "none+in"), "none+out+in": (1, "to+in"),
        "to": (0, "to"), "to+in": (0, "to+in"), "from": (0, "from"), "from+out": (1, "both"), "both": (0, "both"),
        "none approved": (0, "none approved"), "none+out approved": (1, "to approved"),
        "to approved": (0, "to approved")},
    "unsubscribed": {
        "none": (0, "none"), "none+out": (1, "none"), "none+in": (0, "none+in"), "none+out+in": (1, "none+in"),
        "to": (1, "none"), "to+in": (1, "none+in"), "from": (0, "from"), "from+out": (1, "from"), "both": (1, "from"),
        "none approved": (0, "none approved"), "none+out approved": (1, "none approved"),
        "to approved": (1, "none approved")},
}

ME, THEY = "alice@localhost", "juliet@localhost"


def has_to(state: str) -> bool:
    return state.startswith(("to", "both"))


def has_from(state: str) -> bool:
    return state.startswith(("from", "both"))


def attributes(state: str, approved: bool) -> str:
    base = state.split()[0].split("+")[0]
    ask = " ask='subscribe'" if "+out" in state else ""
    return f"subscription='{base}'{ask}" + (" approved='true'" if approved else "")


def presence(kind: str, sender: str, to: str) -> str:
    return f"<presence type='{kind}' from='{sender}' to='{to}'/>"


def sends(sign: str, kind: str) -> str:
    if sign == "+":
        return f"alice/a -> <presence type='{kind}' to='{THEY}'/>"
    return "host send " + presence(kind, THEY, ME)


def push(attrs: str) -> str:
    return (f"alice/a <- <iq type='set' id='{{{{*}}}}' to='{ME}/a'><query xmlns='jabber:iq:roster' ver='{{{{*}}}}'>"
            f"<item jid='{THEY}' {attrs}/></query></iq>")


class Item:
    """What clients see of a state. An approval stays when its subscription came; an item stays when it is none."""

    def __init__(self, state: str, listed: bool, approved: bool):
        self.state, self.listed, self.approved = state, listed, approved

    def after(self, new: str, denies: bool) -> "Item":
        listed = self.listed or new not in ("none", "none+in")
        return Item(new, listed, not denies and (self.approved or "approved" in new))

    @property
    def shown(self) -> str | None:
        return attributes(self.state, self.approved) if self.listed else None


def begin(state: str) -> list[str]:
    lines = ["login alice/a absent", f"host be {THEY}",
             "alice/a -> <iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>", "alice/a -> <presence/>"]
    lines += [sends(way[0], way[1:]) for way in WAYS[state]]
    return lines + ["drain alice/a", f"drain {THEY}"]


def start_item(state: str) -> Item:
    return Item(state, state not in ("none", "none+in"), "approved" in state)


def asked_at_the_end(item: Item) -> list[str]:
    lines = ["# what it is now", "login alice/b absent", "alice/b -> <presence/>",
             "alice/b <- <presence from='alice@localhost/b' to='alice@localhost/b'/>",
             "alice/b <- <presence from='alice@localhost/a' to='alice@localhost/b'/>", "drain alice/a"]
    if "+in" in item.state:
        lines.append("alice/b <- " + presence("subscribe", THEY, ME))
    if has_from(item.state):
        lines.append(f"{THEY} <- <presence from='{ME}/b' to='{THEY}'/>")
    if has_to(item.state):
        lines.append(f"{THEY} <- " + presence("probe", ME, THEY))
    lines.append(f"{THEY} <- nothing")
    lines.append("alice/b -> <iq type='get' id='s'><query xmlns='jabber:iq:roster'/></iq>")
    inner = f"<item jid='{THEY}' {item.shown}/>" if item.shown else ""
    lines.append(f"alice/b <- <iq type='result' id='s' to='{ME}/b'><query xmlns='jabber:iq:roster' ver='{{{{*}}}}'>"
                 f"{inner}</query></iq>")
    return lines


def seen_by_contact(before: Item, after: Item, answered: bool) -> list[str]:
    """The contact sees Alice from now on, or no longer."""
    lines = []
    if answered:
        lines.append(f"{THEY} <- " + presence("subscribed", ME, THEY))
    if answered or (has_from(after.state) and not has_from(before.state)):
        lines.append(f"{THEY} <- <presence from='{ME}/a' to='{THEY}'/>")
    elif has_from(before.state) and not has_from(after.state):
        lines.append(f"{THEY} <- <presence type='unavailable' from='{ME}/a' to='{THEY}'/>")
    return lines


def scenario(title: str, state: str, outbound: bool, kind: str) -> str:
    passes, new = (OUTBOUND if outbound else INBOUND)[kind][state]
    before = start_item(state)
    after = before.after(new, outbound and kind == "unsubscribed")
    lines = begin(state) + ["# the stanza", sends("+" if outbound else "-", kind)]
    answered = not outbound and kind == "subscribe" and has_from(after.state)
    seen = seen_by_contact(before, after, answered)
    if outbound and kind == "unsubscribed":  # while he is still subscribed (§3.2.2)
        lines += seen
        seen = []
    if outbound and passes:
        lines.append(f"{THEY} <- " + presence(kind, ME, THEY))
    if not outbound and passes:
        lines.append("alice/a <- " + presence(kind, THEY, ME))
    if after.shown and after.shown != before.shown:
        lines.append(push(after.shown))
    lines += ["alice/a <- nothing"] + seen + [f"{THEY} <- nothing"]
    lines += asked_at_the_end(after)
    return f"## {title}\n```xmpp\n" + "\n".join(lines) + "\n```\n"


def document(outbound: bool) -> str:
    way = "sent by the user" if outbound else "that come from the contact"
    table = "A.2" if outbound else "A.3"
    head = (f"# Subscription stanzas {way}, in every state (RFC 6121 §3, appendix {table})\n\n"
            "Written by `subscription.py`: change that, not this.\n\n")
    verb = "sends" if outbound else "gets"
    return head + "\n".join(scenario(f"In `{state}` she {verb} {kind}", state, outbound, kind)
                            for kind in STANZAS for state in WAYS)


def main() -> int:
    wrong = 0
    for name, outbound in (("subscription-outbound.md", True), ("subscription-inbound.md", False)):
        text, path = document(outbound), HERE / name
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"{name} is not what subscription.py writes")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
