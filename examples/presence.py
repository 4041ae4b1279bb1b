#!/usr/bin/env python3
"""Who is in a meeting: calendars from .ics files or CalDAV servers, said in words, and shown to XMPP clients.

    python3 examples/presence.py juliet=juliet.ics romeo=https://dav.example/romeo/calendar/
    juliet   in a meeting until 15:00, from calendar
    romeo    free until 16:30

With --watch it goes on and says what changes, at the minute.  With --serve PORT it is an XMPP server on 127.0.0.1 whose
users are these people: each sees all others, and reads "In a meeting until 15:00" in the client.
"""
import argparse
import asyncio
import os
import signal
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

with suppress(IndexError):      # the package beside us, if it is not installed
    sys.path.append(str(Path(__file__).resolve().parents[1] / "bindings" / "python"))

from libimp import ImpError, Jid, Node, aio, core, http, presence as pr, roster                      # noqa: E402
from libimp.calendar import BusyKind, Gateway, GatewayKind                                      # noqa: E402
from libimp.presence import Kind, Presence, State                                               # noqa: E402
from libimp.status import Settings, Status                                                      # noqa: E402

FILES = "https://files.invalid/"
MULTISTATUS = ("<?xml version='1.0'?><multistatus xmlns='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'><response>"
               "<href>/1.ics</href><propstat><prop><getetag>\"1\"</getetag><C:calendar-data>{}</C:calendar-data></prop>"
               "<status>HTTP/1.1 200 OK</status></propstat></response></multistatus>")


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        """The library decides where credentials may go."""


class Web(http.Http):
    """The requests of the library: files of this machine look like a CalDAV server, all else is asked by urllib."""

    def __init__(self, files: dict[str, Path]):
        self.files = files

    async def request(self, request: http.Request, answer: http.Answer) -> http.Response:
        try:
            if not request.url.startswith(FILES):
                return await asyncio.to_thread(self.fetch, request)
            name = urllib.parse.unquote(request.url.removeprefix(FILES).strip("/"))
            text = self.files[name].read_text(encoding="utf-8", errors="replace")
            return http.Response(207, [("Content-Type", "application/xml")], MULTISTATUS.format(escape(text)).encode())
        except OSError as e:
            answer.error(str(getattr(e, "reason", e)))
            raise core.Unavailable(str(e)) from None

    @staticmethod
    def fetch(request: http.Request) -> http.Response:
        passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
        if request.auth == http.Auth.BASIC:
            passwords.add_password(None, request.url, request.username or "", request.secret or "", is_authenticated=True)
        opener = urllib.request.build_opener(
            NoRedirects, urllib.request.HTTPBasicAuthHandler(passwords),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=request.ca_file)))
        asked = urllib.request.Request(request.url, request.body, dict(request.fields), method=request.method)
        try:
            response = opener.open(asked, timeout=60)
        except urllib.error.HTTPError as e:     # a response as well
            response = e
        with response:
            return http.Response(response.status, list(response.headers.items()), response.read(request.body_max or None))


def person(text: str) -> tuple[str, str]:
    name, _, source = text.partition("=")
    if not name or not source:
        raise argparse.ArgumentTypeError(f"NAME=CALENDAR is wanted: {text!r}")
    try:
        return Jid.of("localhost", name).local, source
    except ImpError as e:
        raise argparse.ArgumentTypeError(str(e)) from None


def port(text: str) -> int:
    if not 0 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def read_options() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("people", nargs="+", type=person, metavar="NAME=CALENDAR",
                   help="an .ics file, or the URL of a CalDAV collection")
    p.add_argument("--zone", default="UTC", help="whose clock is shown, and in which all-day events are (default UTC)")
    p.add_argument("--username", help="for CalDAV servers; the password is in the environment: DAV_PASSWORD")
    p.add_argument("--at", type=moment, metavar="TIME", help="look at this moment instead of now: 2026-03-02T10:30")
    p.add_argument("--watch", action="store_true", help="go on, and say what changes")
    p.add_argument("--serve", type=port, metavar="PORT", help="XMPP on 127.0.0.1, password in XMPP_PASSWORD; implies --watch")
    o = p.parse_args()
    if len({name for name, _ in o.people}) < len(o.people):
        p.error("somebody is named twice")
    if o.serve is not None and not os.environ.get("XMPP_PASSWORD"):
        p.error("--serve wants a password in the environment: XMPP_PASSWORD")
    return o


def in_words(status: Status, name: str, p: Presence, zone: ZoneInfo) -> str:
    """A reason, or how long somebody is free."""
    if p.state != State.OFFLINE:
        return p.reason(zone)
    with suppress(core.NotFound):
        now = status.calendar.get(name)
        if now.known and now.kind == BusyKind.FREE:
            return f"free until {now.until.astimezone(zone):%H:%M}" if now.until_known else "free"
    return "calendar not known"


def add_gateway(status: Status, name: str, source: str, o: argparse.Namespace) -> None:
    """Each person's calendar is a gateway here; usually one gateway has many mailboxes."""
    gateway = Gateway(GatewayKind.CALDAV, name=name, poll_seconds=15)
    if source.startswith(("http://", "https://")):
        gateway.url = source
        gateway.auth = http.Auth.BASIC if o.username else http.Auth.NONE
        gateway.username, gateway.secret = o.username, os.environ.get("DAV_PASSWORD", "") if o.username else None
    else:
        gateway.url, gateway.auth = FILES + "{mailbox}/", http.Auth.NONE
    status.calendar.set_gateway(gateway)
    status.calendar.map(name, name, name, zone=o.zone)


async def all_are_read(status: Status, names: list[str]) -> None:
    waiting = set(names)
    while waiting:
        for name in sorted(waiting):
            mailbox = status.calendar.mailbox_status(name, name)
            error = mailbox.last_error or status.calendar.gateway_status(name).last_error
            if error:
                print(f"{name}: {error}", file=sys.stderr)
            if error or mailbox.last_success:
                waiting.discard(name)
        await asyncio.sleep(0.02)


async def serve(server: aio.Server, names: list[str], port: int) -> None:
    """Accounts who all see each other."""
    for i, name in enumerate(names):
        await server.ensure_account(name, os.environ["XMPP_PASSWORD"])
        for other in names[:i]:
            roster.subscribe(server.node, name, other)
    port = await server.listen("127.0.0.1", port, allow_plaintext=True)
    print(f"ready localhost port={port}", flush=True)


async def main(o: argparse.Namespace) -> None:
    zone = ZoneInfo(o.zone)
    names = [name for name, _ in o.people]
    width = max(map(len, names)) + 2
    began, start = time.monotonic_ns(), o.at.replace(tzinfo=o.at.tzinfo or zone) if o.at else datetime.now(timezone.utc)
    settings = Settings(zone=o.zone, presence=pr.Settings(without_client={Kind.CALENDAR}), everybody=1)
    web = Web({name: Path(source) for name, source in o.people})
    with Node("localhost", wallclock=lambda: int(start.timestamp() * 1000) + (time.monotonic_ns() - began) // 1_000_000) as node:
        def say(name: str, p: Presence) -> None:
            print(f"{name:{width}}{in_words(status, name, p, zone)}", flush=True)

        def changed(name: str, p: Presence) -> None:
            if shown:
                say(name, p)

        shown = False
        status = Status(node, settings, http=web, changed=changed)
        async with aio.Server(node) as server:
            for name, source in o.people:
                add_gateway(status, name, source, o)
            await all_are_read(status, names)
            for name in names:
                say(name, status.get(name))
            shown = True
            if o.serve is not None:
                await serve(server, names, o.serve)
            if o.watch or o.serve is not None:
                done = asyncio.Event()
                for signum in (signal.SIGTERM, signal.SIGINT):
                    asyncio.get_running_loop().add_signal_handler(signum, done.set)
                await done.wait()


if __name__ == "__main__":
    try:
        asyncio.run(main(read_options()))
    except (ImpError, OSError, KeyError) as e:
        sys.exit(f"presence: {e}")
