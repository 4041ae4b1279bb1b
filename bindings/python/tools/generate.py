#!/usr/bin/env python3
"""Makes libimp/_abi.py, the mirror of the public headers, from the headers themselves.

    tools/generate.py            writes it
    tools/generate.py --check    says whether it is up to date (exit status 1: it is not)
    tools/generate.py --probe    prints C that makes a compiler confirm every size, offset, value and prototype

Whatever is declared with IMP_EXTERN is either in the mirror or in UNBOUND below, with a reason.
"""
import argparse
import difflib
import re
import sys
from pathlib import Path

import headers
from headers import Function, Headers, Type

HERE = Path(__file__).resolve().parent
MIRROR = HERE.parent / "libimp" / "_abi.py"
INCLUDE = HERE.parents[2] / "include"

_LOOP = "takes or gives a uv_loop_t, which Python does not have; libimp.aio is the loop"
UNBOUND = {name: _LOOP for name in (
    "imp_uv_callbacks", "imp_uv_new", "imp_uv_listen", "imp_uv_shutdown", "imp_uv_post", "imp_uv_poster",
    "imp_uv_loop", "imp_uv_node", "imp_uv_last_error", "imp_uv_connections", "imp_uv_del",
    "imp_curl_new", "imp_curl_vtable", "imp_curl_pause", "imp_curl_get_stats", "imp_curl_del")}
UNBOUND_STRUCTS = {"imp_uv_listen_options": _LOOP, "imp_curl_options": _LOOP, "imp_curl_stats": _LOOP}
LIBRARY_OF = {"imp/sqlite.h": "imp-sqlite"}

# C enum: (Python class, what every enumerator begins with)
ENUMS = {
    "imp_error": ("Error", ("IMP_ERR_", "IMP_")),
    "imp_log_level": ("LogLevel", ("IMP_LOG_",)),
    "imp_log_area": ("LogArea", ("IMP_LOG_",)),
    "imp_stanza_kind": ("StanzaKind", ("IMP_STANZA_",)),
    "imp_stanza_type": ("StanzaType", ("IMP_TYPE_",)),
    "imp_role": ("Role", ("IMP_ROLE_",)),
    "imp_sasl_result": ("SaslResult", ("IMP_SASL_",)),
    "imp_fate": ("Fate", ("IMP_FATE_",)),
    "imp_drop_rule": ("DropRule", ("IMP_DROP_",)),
    "imp_sm_policy": ("SmPolicy", ("IMP_SM_",)),
    "imp_sm_profile": ("SmProfile", ("IMP_SM_PROFILE_",)),
    "imp_sm_settled": ("Settled", ("IMP_SM_",)),
    "imp_sm_resume_result": ("ResumeResult", ("IMP_SM_",)),
    "imp_subscription": ("Subscription", ("IMP_SUBSCRIPTION_",)),
    "imp_presence_state": ("PresenceState", ("IMP_PRESENCE_",)),
    "imp_source_kind": ("SourceKind", ("IMP_SOURCE_",)),
    "imp_status_text": ("StatusText", ("IMP_STATUS_TEXT_",)),
    "imp_conflict": ("Conflict", ("IMP_CONFLICT_",)),
    "imp_session_state": ("SessionState", ("IMP_SESSION_",)),
    "imp_session_event": ("SessionEvent", ("IMP_SESSION_",)),
    "imp_busy_kind": ("BusyKind", ("IMP_BUSY_",)),
    "imp_tentative": ("Tentative", ("IMP_TENTATIVE_",)),
    "imp_gateway_kind": ("GatewayKind", ("IMP_GATEWAY_",)),
    "imp_gateway_health": ("GatewayHealth", ("IMP_GATEWAY_",)),
    "imp_http_auth": ("HttpAuth", ("IMP_HTTP_AUTH_",)),
}
# Enumerators that only say how many there are.
COUNTS = {"IMP_LOG_AREAS", "IMP_FATES", "IMP_DROP_RULES", "IMP_PRESENCE_STATES", "IMP_SOURCES"}

PLAIN = {"int": "c_int", "size_t": "c_size_t", "uint8_t": "c_uint8", "uint16_t": "c_uint16", "uint32_t": "c_uint32",
         "int32_t": "c_int32", "uint64_t": "c_uint64", "int64_t": "c_int64"}


class Generator:
    def __init__(self, found: Headers):
        self.found = found
        self.lines: list[str] = []
        self.known: set[str] = set()

    def base(self, name: str) -> str:
        if name in PLAIN:
            return PLAIN[name]
        if name in self.found.enums:
            return "c_int"
        if name in self.found.aliases:
            return self.base(self.found.aliases[name].base)
        if name in self.found.structs or name in self.found.callbacks:
            return name
        raise headers.HeaderError(f"what is {name}?")

    def ctype(self, kind: Type, owner: str, result: bool = False) -> str:
        """The ctypes type; `owner` names functions that are declared in place."""
        if kind.function:
            return self.callback(owner, kind.function)
        if kind.array and not result:
            inner = self.ctype(Type(kind.base, kind.stars, kind.const), owner)
            count = self.found.constants.get(kind.array) or self.enum_value(kind.array)
            return f"{inner} * {count}"
        if kind.stars == 0:
            return "None" if kind.base == "void" else self.base(kind.base)
        if kind.stars == 1:
            if kind.base == "char":   # text that is given away must keep its address, to be freed
                return "c_void_p" if result and not kind.const else "c_char_p"
            if kind.base == "void" or kind.base in self.found.opaque:
                return "c_void_p"
            return f"POINTER({self.base(kind.base)})"
        return f"POINTER({self.ctype(Type(kind.base, kind.stars - 1, kind.const), owner)})"

    def param(self, kind: Type, owner: str) -> str:
        if kind.array:   # decays
            return f"POINTER({self.ctype(Type(kind.base, kind.stars, kind.const), owner)})"
        return self.ctype(kind, owner)

    def enum_value(self, name: str) -> int:
        for values in self.found.enums.values():
            if name in dict(values):
                return dict(values)[name]
        return int(name)

    def callback(self, name: str, function: Function) -> str:
        if name not in self.known:
            self.known.add(name)
            result = self.ctype(function.result, name)
            params = [self.param(kind, f"{name}_{inner}") for inner, kind in function.params]
            self.add(f"{name} = CFUNCTYPE({', '.join([result] + params)})")
        return name

    def add(self, line: str = "") -> None:
        if len(line) > 116 and "(" in line:
            head, _, tail = line.partition("(")
            indent, pieces, out = " " * 4 if not head.startswith(" ") else " " * 8, headers._split(tail, ","), []
            current = indent
            for i, piece in enumerate(pieces):
                piece = piece.strip() + ("," if i + 1 < len(pieces) else "")
                if len(current) + len(piece) > 110:
                    out.append(current.rstrip())
                    current = indent
                current += piece + " "
            self.lines.append(head + "(")
            self.lines += out + [current.rstrip()]
            return
        self.lines.append(line)

    def enum(self, name: str) -> None:
        python, prefixes = ENUMS[name]
        self.add()
        self.add()
        self.add(f"class {python}(IntEnum):")
        self.add(f'    """{name}"""')
        for c_name, value in self.found.enums[name]:
            if c_name in COUNTS:
                continue
            prefix = next(p for p in prefixes if c_name.startswith(p))
            self.add(f"    {c_name.removeprefix(prefix)} = {value}")
        self.add()

    def struct(self, name: str) -> None:
        fields = [(member, self.ctype(kind, f"{name}_{member}")) for member, kind in self.found.structs[name]]
        self.add()
        self.add()
        self.add(f"class {name}(Structure):")
        self.add("    _fields_ = [")
        for member, kind in fields:
            self.add(f'        ("{member}", {kind}),')
        self.add("    ]")
        self.add()

    def function(self, function: Function) -> None:
        library = LIBRARY_OF.get(function.header, "imp")
        result = self.ctype(function.result, function.name, result=True)
        params = [self.param(kind, f"{function.name}_{inner}") for inner, kind in function.params]
        self.functions.setdefault(library, []).append(
            f'    "{function.name}": ({result}, ({"".join(p + ", " for p in params).rstrip()})),')

    def run(self) -> str:
        self.functions: dict[str, list[str]] = {}
        for line in HEAD:
            self.add(line)
        for name, value in self.found.constants.items():
            self.add(f"{name} = {value!r}")
        for kind, name in self.found.order:
            if kind == "enum":
                self.enum(name)
            elif kind == "struct" and name not in UNBOUND_STRUCTS:
                self.struct(name)
            elif kind == "callback":
                self.callback(name, self.found.callbacks[name])
            elif kind == "function" and name not in UNBOUND:
                self.function(self.found.functions[name])
        self.add()
        self.add("#: library: function: (result, arguments)")
        self.add("FUNCTIONS: dict[str, dict[str, tuple[Any, tuple[Any, ...]]]] = {")
        for library, rows in self.functions.items():
            self.add(f'  "{library}": {{')
            for row in rows:
                self.add(row)
            self.add("  },")
        self.add("}")
        return re.sub(r"\n{4,}", "\n\n\n", "\n".join(self.lines)) + "\n"


HEAD = [
    '"""The C interface as ctypes sees it. Made by tools/generate.py from include/imp: do not edit."""',
    "# flake8: noqa",
    "from ctypes import (CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int32, c_size_t, c_uint16, c_uint32,",
    "                    c_uint64, c_void_p)",
    "from enum import IntEnum",
    "from typing import Any",
    "",
]


# ---- the probe ----

PROBE_HEAD = """\
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <imp/imp.h>
#include <imp/bus.h>
#include <imp/calendar.h>
#include <imp/pep.h>
#include <imp/presence.h>
#include <imp/status.h>
#include <imp/sqlite.h>
#include <imp/testkit.h>
#include <imp/sys/http.h>
#include <imp/sys/mem.h>
#include <imp/sys/op.h>

int main(void) {
"""


def probe(found: Headers) -> str:
    """C whose output tests/python/test_abi.py compares with the mirror; it compiles only if every prototype is as read."""
    out = [PROBE_HEAD]
    for name, members in found.structs.items():
        if name in UNBOUND_STRUCTS:
            continue
        out.append(f'  printf("struct {name} %zu\\n", sizeof({name}));')
        for member, _ in members:
            out.append(f'  printf("member {name} {member} %zu %zu\\n", offsetof({name}, {member}), '
                       f"sizeof((({name} *)0)->{member}));")
    for name, values in found.enums.items():
        out.append(f'  printf("enum {name} %zu\\n", sizeof({name}));')
        for c_name, _ in values:
            out.append(f'  printf("value {c_name} %lld\\n", (long long){c_name});')
    for name, value in found.constants.items():
        if isinstance(value, str):
            out.append(f'  printf("text {name} %s\\n", {name});')
        else:
            out.append(f'  printf("number {name} %llu\\n", (unsigned long long){name});')
    for name, function in found.functions.items():
        if name in UNBOUND:
            continue
        kinds = [_spell(function.result)] + [_spell(kind, True) for _, kind in function.params]
        args = ", ".join(kinds[1:]) or "void"
        out.append(f'  _Static_assert(_Generic(&{name}, {kinds[0]} (*)({args}): 1, default: 0), "{name}");')
        out.append(f'  printf("function {name} {len(function.params)}\\n");')
    return "\n".join(out) + "\n  return 0;\n}\n"


def _spell(kind: Type, decays: bool = False) -> str:
    if kind.function:
        args = ", ".join(_spell(inner, True) for _, inner in kind.function.params) or "void"
        return f"{_spell(kind.function.result)} (*)({args})"
    stars = kind.stars + (1 if decays and kind.array else 0)
    return ("const " if kind.const else "") + kind.base + (" " + "*" * stars if stars else "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--probe", action="store_true")
    parser.add_argument("--include", type=Path, default=INCLUDE)
    options = parser.parse_args()
    found = headers.read(options.include)
    gone = [name for name in UNBOUND if name not in found.functions]
    if gone:
        print("in UNBOUND, but in no header:", *gone, file=sys.stderr)
        return 1
    if options.probe:
        print(probe(found))
        return 0
    text = Generator(found).run()
    if not options.check:
        MIRROR.write_text(text)
        return 0
    difference = list(difflib.unified_diff(MIRROR.read_text().splitlines(), text.splitlines(), "libimp/_abi.py",
                                           "include/imp", lineterm=""))
    print("\n".join(difference))
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
