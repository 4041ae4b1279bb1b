#!/usr/bin/env python3
"""The echo server of echo.c once more, in Python on asyncio: users log in, write to each other and to echo@DOMAIN.

From the source tree, after building:  python3 examples/echo.py
"""
import argparse
import asyncio
import ipaddress
import json
import secrets
import signal
import subprocess
import sys
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timezone
from pathlib import Path

with suppress(IndexError):      # the package beside us, if it is not installed
    sys.path.append(str(Path(__file__).resolve().parents[1] / "bindings" / "python"))

from libimp import (Credential, ImpError, LogLevel, Mechanism, Node, Role, Settings, Stanza, StanzaKind,  # noqa: E402
                    StanzaType, aio, sasl, sm)
from libimp.sqlite import SqliteStore                                                                  # noqa: E402

CHAT_STATES, RECEIPTS, MARKERS = "http://jabber.org/protocol/chatstates", "urn:xmpp:receipts", "urn:xmpp:chat-markers:0"


def answer(node: Node, st: Stanza) -> None:
    """What echo@DOMAIN says (XEP-0085, XEP-0184, XEP-0333)."""
    def reply(name: str | None = None, ns: str | None = None, **attributes: str) -> None:
        answer = st.reply()
        answer.type, answer.id = st.type, None
        if name:
            answer.root.add(name, ns, **attributes)
        node.send(answer)

    if st.kind == StanzaKind.PRESENCE:      # whoever asks to see whether echo is there, may
        if st.type in (StanzaType.SUBSCRIBE, StanzaType.PROBE):
            presence = st.reply()
            presence.type = StanzaType.NONE
            node.send(presence)
    elif st.type in (StanzaType.NONE, StanzaType.NORMAL, StanzaType.CHAT):  # not errors: machines would quarrel
        if st.id and st.child("request", RECEIPTS):
            reply("received", RECEIPTS, id=st.id)
        if st.id and st.child("markable", MARKERS):
            reply("displayed", MARKERS, id=st.id)
        if st.body is not None:
            node.reply_text(st, st.body)
            return
        for state in ("composing", "paused", "active"):
            if st.child(state, CHAT_STATES):
                reply(state, CHAT_STATES)


def address(text: str) -> str:
    return str(ipaddress.ip_address("127.0.0.1" if text == "localhost" else text))


def port(text: str) -> int:
    if not 0 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def read_options() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    p.add_argument("--listen", type=address, action="append", metavar="ADDR",
                   help="IP address, repeatable (default 127.0.0.1)")
    p.add_argument("--port", type=port, default=5222, help="STARTTLS (default 5222); 0: off, as for the two below")
    p.add_argument("--direct-port", type=port, default=5223, help="TLS from the first byte (default 5223)")
    p.add_argument("--ws-port", type=port, default=5280, help="WebSocket, ws:// and wss:// (default 5280)")
    p.add_argument("--domain", default="localhost", help="domain that is served (default localhost)")
    p.add_argument("--data", type=Path, default=Path.home() / ".local/share/imp-echo", metavar="DIR",
                   help="database and certificate: the one that echo made, or one that `openssl` makes")
    p.add_argument("--cert", type=Path, metavar="FILE", help="certificate (PEM); read again on SIGHUP")
    p.add_argument("--key", type=Path, metavar="FILE", help="its key")
    p.add_argument("--client-ca", type=Path, metavar="FILE", help="roots of client certificates; offers EXTERNAL")
    p.add_argument("--account", action="append", default=[], metavar="NAME:PASSWORD",
                   help="repeatable; stored as SCRAM keys. Without any: alice and bob (loopback only)")
    p.add_argument("--any-account", metavar="PASSWORD", help="every name is an account (loopback only)")
    p.add_argument("--allow-plaintext", action="store_true", help="passwords may go unencrypted (loopback only)")
    p.add_argument("--no-plus", action="store_true", help="offer no SCRAM with channel binding")
    p.add_argument("--proxy-protocol", action="store_true", help="connections begin with a PROXY header")
    p.add_argument("--sm-timeout", type=int, default=60, help="seconds a lost session can be resumed (default 60)")
    p.add_argument("--sm-buffer", type=int, default=100, help="packets kept for a session (default 100)")
    p.add_argument("--sm-ack-rate", type=int, default=5, help="stanzas sent before <r/> (default 5)")
    p.add_argument("--sm-policy", choices=["return", "store", "redirect"], default="return",
                   help="what becomes of what a lost session did not take (default return)")
    p.add_argument("--sm-profile", choices=["strict", "lifted"], default="strict", help="ranges of these")
    p.add_argument("--no-sm", action="store_true", help="no stream management")
    p.add_argument("--durable", action="store_true", help="sessions survive kill -9")
    p.add_argument("--log", choices=["text", "json"], default="text", help="format of log lines and statistics")
    p.add_argument("--log-level", choices=[level.name.lower() for level in LogLevel], default="info")
    p.add_argument("--quiet", action="store_true", help="only errors and the line that says ready")
    o = p.parse_args()
    o.listen = o.listen or ["127.0.0.1"]
    loopback = all(ipaddress.ip_address(address).is_loopback for address in o.listen)
    o.demonstration = loopback and not o.account and o.any_account is None
    if not loopback and (o.any_account is not None or o.allow_plaintext):
        p.error("--any-account and --allow-plaintext are for loopback only")
    if bool(o.cert) != bool(o.key):
        p.error("--cert and --key go together")
    if not all(all(account.partition(":")) for account in o.account):
        p.error("--account wants NAME:PASSWORD")
    if not (o.port or o.direct_port or o.ws_port):
        p.error("every port is off")
    return o


def load_certificate(node: Node, o: argparse.Namespace) -> None:
    cert, key = o.cert or o.data / "certificate.pem", o.key or o.data / "key.pem"
    if not cert.exists() and not o.cert:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "730", "-subj", f"/CN={o.domain}", "-keyout", key, "-out", cert,
                        "-addext", f"subjectAltName=DNS:{o.domain},IP:127.0.0.1"], check=True, capture_output=True)
    node.set_tls(cert.read_bytes(), key.read_bytes(), o.client_ca and o.client_ca.read_bytes())


def demonstration_accounts(o: argparse.Namespace) -> list[str]:
    """alice and bob, whose password is made at the first start."""
    path = o.data / "demo-password"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(6) + "\n")
    password = path.read_text().strip()
    if not o.quiet:
        print(f"accounts alice and bob, password {password}")
    return [f"alice:{password}", f"bob:{password}"]


def make_node(o: argparse.Namespace) -> Node:
    def log(area, level, subject, text):
        when = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields = {"time": when, "level": level.name.lower(), "area": area.name.lower(), "subject": subject, "text": text}
        print(json.dumps(fields) if o.log == "json" else "{time} {level} {area} {subject}: {text}".format(**fields),
              file=sys.stderr, flush=True)

    mechanisms = Settings().mechanisms | (Mechanism.EXTERNAL if o.client_ca else 0)
    if o.no_plus:
        mechanisms &= ~sum(m for m in Mechanism if m.wire_name.endswith("-PLUS"))
    options = {"log": log, "log_level": LogLevel.ERROR if o.quiet else LogLevel[o.log_level.upper()],
               "durable": o.durable, "mechanisms": mechanisms,
               "sm": sm.Settings(enabled=not o.no_sm, timeout=o.sm_timeout, buffer_packets=o.sm_buffer,
                                 ack_rate=o.sm_ack_rate, policy=sm.Policy[o.sm_policy.upper()],
                                 profile=sm.Profile[o.sm_profile.upper()])}
    if o.any_account is not None:
        keys = [sasl.scram_keys(o.any_account, hash, iterations=4096) for hash in ("SHA-1", "SHA-256", "SHA-512")]
        keys.append(Credential(password=o.any_account))
        options |= {"get_credential": lambda name: keys, "user_exists": lambda name: True}
    return Node(o.domain, **options)


def print_stats(node: Node, o: argparse.Namespace) -> None:
    stats = node.stats()
    rows = {name: n for name, n in vars(stats).items() if isinstance(n, int)}
    rows |= {f"sm.{name}": n for name, n in vars(stats.sm).items()}
    rows |= {"messages.accepted": stats.ledger.accepted, "messages.balance": int(stats.ledger.balances)}
    rows |= {f"messages.{sm.fate_name(fate)}": n for fate, n in stats.ledger.now.items()}
    rows |= {f"dropped.{sm.drop_rule_name(rule)}": n for rule, n in stats.ledger.dropped.items()}
    print(json.dumps(rows) if o.log == "json" else "\n".join(f"{k:32} {v:12}" for k, v in rows.items()), flush=True)


async def serve(o: argparse.Namespace) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    o.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        store = stack.enter_context(SqliteStore(o.data / "echo.db", loop))
        node = stack.enter_context(make_node(o))
        node.set_store(store)
        load_certificate(node, o)
        node.handle_jid(f"echo@{o.domain}", lambda st: answer(node, st))
        server = await stack.enter_async_context(aio.Server(node))
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, done.set)
        loop.add_signal_handler(signal.SIGHUP, load_certificate, node, o)
        loop.add_signal_handler(signal.SIGUSR1, print_stats, node, o)
        for account in o.account or (demonstration_accounts(o) if o.demonstration else []):
            await server.ensure_account(*account.split(":", 1))
        await server.ready()
        for address in o.listen:
            for role, port in ((Role.C2S, o.port), (Role.C2S_TLS, o.direct_port), (Role.WEBSOCKET, o.ws_port)):
                if port:
                    await server.listen(address, port, role, allow_plaintext=o.allow_plaintext,
                                        proxy_protocol=o.proxy_protocol)
        if not o.quiet:
            print(f"echo@{o.domain} answers on {', '.join(o.listen)}; certificate {node.tls_fingerprint}")
        print(f"ready {o.domain} port={o.port} direct-port={o.direct_port} ws-port={o.ws_port}", flush=True)
        await done.wait()


if __name__ == "__main__":
    try:
        asyncio.run(serve(read_options()))
    except (ImpError, OSError, subprocess.CalledProcessError) as e:
        sys.exit(f"echo: {e}")
