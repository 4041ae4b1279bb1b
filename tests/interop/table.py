#!/usr/bin/python3
"""Writes FOLDER/interop.md: client × property, from what run.py recorded, and prints it."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from clients import CLIENTS                                     # noqa: E402

COLUMNS = ("starttls", "direct", "ws", "wss", "SASL2, FAST", "chat", "carbons", "resume downstream",
           "resume upstream", "kill -9")
TITLES = {"starttls": "STARTTLS", "direct": "direct TLS"}


def load(folder, client):
    try:
        with open(os.path.join(folder, "cells", client + ".json")) as f:
            return json.load(f)
    except OSError:
        return {"client": client, "version": "", "cells": {}}


def symbol(cell, notes):
    """The cell's text; why something failed or does not apply goes below the table."""
    if cell is None:
        return "not run"
    if cell["state"] == "pass":
        return "pass" if cell["text"] == "pass" else "pass: " + cell["text"]
    reason = cell["text"].replace("|", "¦").replace("\n", " ")
    if reason not in notes:
        notes.append(reason)
    return "%s (%d)" % ("**fail**" if cell["state"] == "fail" else "n/a",
                        notes.index(reason) + 1)


def table(folder):
    notes = []
    lines = ["| client | " + " | ".join(TITLES.get(c, c) for c in COLUMNS) + " |",
             "|---" * (len(COLUMNS) + 1) + "|"]
    for name in CLIENTS:
        row = load(folder, name)
        cells = [symbol(row["cells"].get(c), notes) for c in COLUMNS]
        lines.append("| %s %s | %s |" % (name, row["version"], " | ".join(cells)))
    lines.append("")
    lines += ["%d. %s" % (i + 1, note) for i, note in enumerate(notes)]
    return "\n".join(lines) + "\n"


def main():
    folder = sys.argv[1]
    text = table(folder)
    with open(os.path.join(folder, "interop.md"), "w") as f:
        f.write("# Real clients against the echo server\n\nA login cell lists the SASL mechanisms "
                "that were used one after the other.\n\n" + text)
    print(text)


if __name__ == "__main__":
    main()
