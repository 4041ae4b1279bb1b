"""Tests that a host can run on what it wrote for the library (imp/testkit.h)."""
import ctypes
from typing import Any, Callable

from . import _abi
from ._lib import lib
from .core import Registry, callback, check, dec

__all__ = ["check_store"]

_running = Registry()


def check_store(store: Any, run: Callable[[], None] | None = None, reopen: Callable[[], Any] | None = None,
                set_failing: Callable[[bool], None] | None = None) -> None:
    """Checks that a store does what imp/sys/store.h says. It must be empty, and holds test data afterwards.

    `run` lets the host's loop go on while an answer is awaited; `reopen` closes the store without a flush, as if the
    process had ended, and returns it opened again; `set_failing` makes every flush fail from now on, or no more. Raises
    Corrupt, with what was wrong.
    """
    vtable, ctx = store._door()
    text = ctypes.create_string_buffer(300)
    kit = _abi.imp_testkit_store(size=ctypes.sizeof(_abi.imp_testkit_store), vtable=vtable, ctx=ctx)
    kept: list[Any] = [store]
    number = _running.add((run, reopen, kept, set_failing))
    kit.user_data = number
    if run:
        kit.run = _run
    if reopen:
        kit.reopen = _reopen
    if set_failing:
        kit.set_failing = _set_failing
    try:
        check(lib.imp_testkit_store_check(ctypes.byref(kit), text, len(text)), lambda: dec(text.value))
    finally:
        _running.pop(number)


@callback(_abi.imp_testkit_store_run)
def _run(number):
    _running.get(number)[0]()


@callback(_abi.imp_testkit_store_reopen)
def _reopen(number, ctx):
    _, reopen, kept, _ = _running.get(number)
    kept[:] = [reopen()]
    return kept[0]._door()[1]


@callback(_abi.imp_testkit_store_set_failing)
def _set_failing(number, ctx, failing):
    _running.get(number)[3](bool(failing))
