#!/usr/bin/python3
"""Drives one real client against the server and records what held.

    run.py CLIENT [--echo EXECUTABLE | --prosody] [--out FOLDER] [--only PROPERTY]

Exit status: 0 all held, 1 something failed or the client is missing, 77 it is missing and may be skipped.
"""
import argparse
import asyncio
import contextlib
import json
import os
import shutil
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from clients import CLIENTS                                     # noqa: E402
from clients.base import Unavailable                            # noqa: E402
from harness import properties                                  # noqa: E402
from harness.scene import Scene                                # noqa: E402
from harness.servers import Echo, Prosody                       # noqa: E402

MODES = ("starttls", "direct", "ws", "wss")


class Run:
    def __init__(self, options):
        self.options = options
        self.cls = CLIENTS[options.client]
        self.folder = os.path.join(options.out, "run-" + options.client.replace(".", ""))
        shutil.rmtree(self.folder, ignore_errors=True)
        Echo.executable = options.echo
        self.server = self.new_server("server", options.server_option, 0)
        self.no_plus = None
        self.cells = {}
        self.made = 0

    def new_server(self, name, options, salt):
        kind = Prosody if self.options.prosody else Echo
        return kind(os.path.join(self.folder, name), options=options, salt=salt)

    def server_for(self, mech):
        """The server, or one that offers no channel binding."""
        if not (self.cls.claims_binding and mech and mech.startswith("SCRAM")
                and not mech.endswith("-PLUS")) or self.options.prosody:
            return self.server
        if not self.no_plus:
            self.no_plus = self.new_server("no-plus", ["--no-plus"], 1)
            self.no_plus.start()
        return self.no_plus

    async def attempt(self, what, property_, *args, server=None, **kwargs):
        """Runs one property; returns (held, text)."""
        begin = time.monotonic()
        server = server or self.server

        def make(**settings):
            self.made += 1
            return self.cls(server, self.options, **settings,
                            folder=os.path.join(self.folder, "client-%d" % self.made))

        try:
            async with Scene(server, make) as scene:
                result = await asyncio.wait_for(property_(scene, *args, **kwargs), 90)
            text = "pass"
        except Exception as error:  # every way to fail is one cell
            result, text = None, "FAIL: %s" % (str(error) or type(error).__name__)
            if not isinstance(error, AssertionError):
                traceback.print_exc()
        print("%-44s %5.1f s  %s" % (what, time.monotonic() - begin, text[:300]), flush=True)
        return text == "pass", result if text == "pass" else text

    def record(self, column, results, passed="pass"):
        """results: (label, held, text). One failure makes the cell a failure."""
        bad = ["%s: %s" % (label, text) for label, held, text in results if not held]
        if bad:
            self.cells[column] = {"state": "fail", "text": "; ".join(bad)}
        else:
            self.cells[column] = {"state": "pass", "text": passed}

    def not_applicable(self, column, why):
        self.cells[column] = {"state": "n/a", "text": why}

    def wanted(self, column):
        return not self.options.only or self.options.only == column

    async def logins(self, mode):
        if mode not in self.cls.modes:
            return self.not_applicable(mode, "not offered by the client")
        results = []
        mechanisms = [None]
        if self.cls.mechanisms:
            mechanisms = [m for m in self.cls.mechanisms
                          if not (m == "PLAIN" and mode == "ws")     # unencrypted
                          and (m is None or m in (self.server.mechanisms or self.cls.mechanisms))]
        for mech in mechanisms:
            held, text = await self.attempt("login %s %s" % (mode, mech or "(its choice)"),
                                            properties.login, mode, mech,
                                            server=self.server_for(mech))
            if held and not mech and text != "its choice":
                text += " (its choice)"
            results.append((mech or mode, held, text))
        taken = ", ".join(text for _, held, text in results if held)
        self.record(mode, results, taken)

    async def resumption(self, column, property_, able, why_not, variants=({},)):
        if not able:
            return self.not_applicable(column, why_not)
        results = []
        for mode in self.cls.resume_modes:
            for variant in variants:
                held, text = await self.attempt("%s %s %s" % (column, mode, variant or ""),
                                                property_, mode, **variant)
                results.append((mode, held, text))
        passed = ", ".join(self.cls.resume_modes)
        if property_ is properties.resume_downstream and self.cls.resumptions_in_a_row == 1:
            held, text = await self.attempt("rebind", properties.rebind, self.cls.resume_modes[0])
            results.append(("rebind", held, text))
            passed += ", then bound anew"
        self.record(column, results, passed)

    async def single(self, column, property_, able=True, why_not=""):
        if not able:
            return self.not_applicable(column, why_not)
        held, text = await self.attempt(column, property_)
        self.record(column, [(column, held, text)], text or "pass")

    async def kill(self):
        """On a server of its own, whose sessions are durable."""
        cls = self.cls
        if not cls.resumes or not self.server.has_echo:
            return self.not_applicable("kill -9", cls.why_not_resumes or "no durable sessions")
        server = self.new_server("durable", ["--durable"], 2)
        server.start()
        mode = cls.resume_modes[0]
        held, text = await self.attempt("kill -9 " + mode, properties.survive_kill, mode,
                                        server=server)
        self.record("kill -9", [(mode, held, text)], mode)
        self.stop_server(server)

    async def everything(self):
        cls = self.cls
        for mode in MODES:
            if self.wanted(mode):
                await self.logins(mode)
        if self.wanted("chat"):
            await self.single("chat", properties.chat)
        if self.wanted("carbons"):
            await self.single("carbons", properties.carbons, cls.carbons, cls.why_not_carbons)
        if self.wanted("SASL2, FAST"):
            await self.single("SASL2, FAST", properties.fast, cls.fast and self.server.has_echo,
                              "not offered by the client")
        if self.wanted("resume downstream"):
            await self.resumption("resume downstream", properties.resume_downstream, cls.resumes,
                                  cls.why_not_resumes, ({}, {"half_dead": True}))
        if self.wanted("resume upstream"):
            await self.resumption("resume upstream", properties.resume_upstream, cls.resends,
                                  cls.why_not_resends)
        if self.wanted("kill -9"):
            await self.kill()

    def stop_server(self, server):
        """How it ends is part of the result."""
        try:
            code = server.stop()
            text = None if self.options.prosody or code == 0 else "ended with %s" % code
        except AssertionError as error:
            text = str(error)
        if text:
            print("server: " + text)
            self.cells["server"] = {"state": "fail", "text": text}

    def main(self):
        self.server.start()
        try:
            asyncio.run(self.everything())
        finally:
            self.stop_server(self.server)
            if self.no_plus:
                self.stop_server(self.no_plus)
        return not any(c["state"] == "fail" for c in self.cells.values())


def cells_file(options):
    folder = os.path.join(options.out, "cells")
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, options.client + ".json")


def write(options, version, cells):
    with open(cells_file(options), "w") as f:
        json.dump({"client": options.client, "version": version, "cells": cells}, f, indent=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("--echo", help="the echo server's executable")
    parser.add_argument("--prosody", action="store_true", help="prove the drivers on Prosody")
    parser.add_argument("--out", default="interop-out")
    parser.add_argument("--strophe-agent")
    parser.add_argument("--only", help="one column of the table")
    parser.add_argument("--server-option", action="append", default=[])
    options = parser.parse_args()
    options.out = os.path.abspath(options.out)
    cls = CLIENTS[options.client]
    with contextlib.suppress(FileNotFoundError):    # of an earlier run: this one may not get to its end
        os.remove(cells_file(options))
    try:
        cls.require(options)
    except Unavailable as reason:
        skipped = reason.may_be_skipped()
        text = "%s: %s" % ("skipped" if skipped else "missing (IMP_MAY_SKIP=1 skips it)", reason)
        print(text)
        write(options, "", {"starttls": {"state": "n/a" if skipped else "fail", "text": text}})
        return 77 if skipped else 1
    run = Run(options)
    held = run.main()
    write(options, cls.version(options), run.cells)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
