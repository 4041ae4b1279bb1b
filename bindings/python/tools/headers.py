"""Reads the public headers: what they declare, as plain data.

Not a C parser: it knows the way these headers are written, and stops at anything else, so nothing is passed over in
silence.
"""
import re
from dataclasses import dataclass, field
from pathlib import Path


class HeaderError(Exception):
    """A declaration that is not understood."""


@dataclass
class Type:
    """A C type: base name, stars, and what is special about it."""
    base: str
    stars: int = 0
    const: bool = False
    array: str = ""          # the dimension, as written
    function: "Function | None" = None  # a pointer to a function


@dataclass
class Function:
    name: str
    result: Type
    params: list[tuple[str, Type]]
    text: str = ""
    header: str = ""


@dataclass
class Headers:
    opaque: list[str] = field(default_factory=list)
    structs: dict[str, list[tuple[str, Type]]] = field(default_factory=dict)
    enums: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    aliases: dict[str, Type] = field(default_factory=dict)
    callbacks: dict[str, Function] = field(default_factory=dict)
    constants: dict[str, int | str] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    order: list[tuple[str, str]] = field(default_factory=list)   # (kind, name), as declared


def read(include: Path) -> Headers:
    """Everything in include/imp, each header after those that it includes."""
    found = Headers()
    done: set[str] = set()

    def visit(name: str) -> None:
        if name in done:
            return
        done.add(name)
        text = re.sub(r"/\*.*?\*/", " ", (include / name).read_text(), flags=re.S)
        for inner in re.findall(r"#\s*include\s*<(imp/[^>]+)>", text):
            visit(inner)
        _macros(text, found)
        _declarations(text, name, found)

    for path in sorted((include / "imp").rglob("*.h")):
        visit(str(path.relative_to(include)))
    return found


def _macros(text: str, found: Headers) -> None:
    for name, value in re.findall(r"^#\s*define (IMP_[A-Z0-9_]+)[ \t]+(\S.*)$", text, flags=re.M):
        if name == "IMP_EXTERN":
            continue
        if value.startswith('"'):
            found.constants[name] = value.strip().strip('"')
            continue
        value = re.sub(r"\(imp_\w+\)", "", value).replace("UINT64_MAX", str(2**64 - 1))
        value = re.sub(r"\b(\d+)[uU]\b", r"\1", value)
        if not re.fullmatch(r"[\d\s()<|+*-]+", value):
            raise HeaderError(f"macro {name}: {value}")
        found.constants[name] = int(eval(value))  # digits and operators only, see above


def _declarations(text: str, header: str, found: Headers) -> None:
    text = re.sub(r"\\\n", " ", text)
    text = re.sub(r"^#.*$", "", text, flags=re.M)
    text = re.sub(r'extern "C" \{', "", text)
    for declaration in _split(text):
        declaration = " ".join(declaration.split())
        if declaration in ("", "}"):
            continue
        _declaration(declaration.removeprefix("} "), header, found)


def _split(text: str, at: str = ";") -> list[str]:
    """Splits outside of brackets."""
    parts, depth, current = [], 0, ""
    for c in text:
        depth += (c in "({[") - (c in ")}]")
        if c == "}" and depth < 0:      # the end of extern "C"
            depth = 0
            continue
        if c == at and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += c
    return parts + [current]


def _declaration(text: str, header: str, found: Headers) -> None:
    if m := re.fullmatch(r"typedef struct (\w+) (\w+)", text):
        found.opaque.append(m[1])
        found.order.append(("opaque", m[1]))
    elif m := re.fullmatch(r"typedef struct (\w+) \{(.*)\} \1", text):
        found.structs[m[1]] = [member for part in _split(m[2]) if part.strip() for member in _members(part)]
        found.order.append(("struct", m[1]))
    elif m := re.fullmatch(r"typedef enum (\w+) \{(.*)\} \1", text):
        found.enums[m[1]] = _enumerators(m[2])
        found.order.append(("enum", m[1]))
    elif m := re.fullmatch(r"IMP_EXTERN (.*)", text):
        function = _prototype(m[1])
        function.text, function.header = text, header
        found.functions[function.name] = function
        found.order.append(("function", function.name))
    elif text.startswith("typedef ") and "(*" in text:
        name, kind = _parameter(text.removeprefix("typedef "))
        assert kind.function
        found.callbacks[name] = kind.function
        found.order.append(("callback", name))
    elif m := re.fullmatch(r"typedef (\w+) (\w+)", text):
        found.aliases[m[2]] = Type(m[1])
        found.order.append(("alias", m[2]))
    else:
        raise HeaderError(f"{header}: {text}")


def _enumerators(text: str) -> list[tuple[str, int]]:
    values, value = [], -1
    for part in text.split(","):
        if not part.strip():
            continue
        name, _, given = part.partition("=")
        value = int(given) if given.strip() else value + 1
        values.append((name.strip(), value))
    return values


def _members(text: str) -> list[tuple[str, Type]]:
    if "(*" in text:
        return [_parameter(text)]
    first, *more = [part.strip() for part in text.split(",")]
    name, kind = _parameter(first)
    return [(name, kind)] + [(other, kind) for other in more]


def _prototype(text: str) -> Function:
    m = re.fullmatch(r"(.*?)(\w+) ?\((.*)\)", text)
    if not m:
        raise HeaderError(text)
    return Function(m[2], _type(m[1]), _parameters(m[3]))


def _parameters(text: str) -> list[tuple[str, Type]]:
    if text.strip() == "void":
        return []
    return [_parameter(part) for part in _split(text, ",")]


def _parameter(text: str) -> tuple[str, Type]:
    """A parameter or member: its name and type."""
    text = text.strip()
    if m := re.match(r"(.*?)\(\*(\w+)\) ?\((.*)\)$", text):
        return m[2], Type("function", function=Function(m[2], _type(m[1]), _parameters(m[3])))
    m = re.fullmatch(r"(.*?)(\w+)(?:\[(\w+)\])?", text)
    if not m or not m[1].strip():
        raise HeaderError(text)
    kind = _type(m[1])
    kind.array = m[3] or ""
    return m[2], kind


def _type(text: str) -> Type:
    stars = text.count("*")
    words = text.replace("*", " ").split()
    const = "const" in words
    words = [w for w in words if w not in ("const", "struct", "enum")]
    if len(words) != 1:
        raise HeaderError(text)
    return Type(words[0], stars, const)
