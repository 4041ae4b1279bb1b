"""Finds and loads the C libraries, and tells ctypes what they export.

libimp is looked for, in this order:
  1. where the environment variable LIBIMP_LIBRARY points: the file, or a build directory;
  2. in build/ of the source tree that this package lies in;
  3. as the system's dynamic linker does, by its soname (libimp.so.0).
Adapters (libimp-sqlite.so.0) are looked for beside it first.
"""
import ctypes
import os
from pathlib import Path

from . import _abi

_INSIDE = {"imp": ("lib", ""), "imp-sqlite": ("lib/adapters/sqlite", "adapters/sqlite", "")}


def _inside(directory: Path, name: str) -> Path | None:
    for folder in _INSIDE[name]:
        path = directory / folder / f"lib{name}.so.0"
        if path.exists():
            return path
    return None


def find(name: str) -> str:
    """The path of a library of the project, or its soname: then the dynamic linker looks for it."""
    given = os.environ.get("LIBIMP_LIBRARY")
    if given:
        path = Path(given)
        if path.is_file() and name == "imp":
            return str(path)
        found = _inside(path if path.is_dir() else path.parent, name)
        if found or name == "imp":
            return str(found or path)
    package = Path(__file__).resolve().parent
    if package.parts[-3:] == ("bindings", "python", "libimp"):
        found = _inside(package.parents[2] / "build", name)
        if found:
            return str(found)
    return f"lib{name}.so.0"


def load(name: str) -> ctypes.CDLL:
    """Loads a library and declares its functions. Raises ImportError with what to do about it."""
    path = find(name)
    try:
        library = ctypes.CDLL(path)
    except OSError as e:
        raise ImportError(f"lib{name} cannot be loaded ({e}): build it, install it, or set LIBIMP_LIBRARY") from None
    for function, (result, arguments) in _abi.FUNCTIONS[name].items():
        try:
            f = getattr(library, function)
        except AttributeError:
            raise ImportError(f"{path} has no {function}: it is older than this package ({_abi.IMP_VERSION})") from None
        f.restype, f.argtypes = result, list(arguments)
    return library


lib = load("imp")
