"""Child processes that a handler forks: they end when they come back to the worker.

A forked child is a copy of the worker, with its leases and its connection to the store. While it
does what the handler forked it for, it is the handler's. But if it comes back, for instance because
the handler's code returns in it, it would carry the worker's runs a second time.
"""

from __future__ import annotations

import contextlib
import os
import traceback
from typing import NoReturn

generation: int = 0
"""A number that is different in each forked child: what was made before the fork compares it."""


def end_child(error: BaseException | None = None) -> NoReturn:
    """End a forked child that came back to the worker. Nothing of the worker's is cleaned up.

    The exit status is that of a `SystemExit`, and 1 otherwise.
    """
    if isinstance(error, SystemExit):
        code = error.code
        os._exit(code if isinstance(code, int) else int(code is not None))
    why = "" if error is None else "".join(traceback.format_exception(error))
    _say(
        f"{why}opord: the process {os.getpid()}, which a handler forked, went on into the worker's code and "
        "was ended; end a forked process with os._exit(0), or use multiprocessing or subprocess\n"
    )
    os._exit(1)


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # perhaps nobody reads it
        os.write(2, text.encode(errors="replace"))


def _in_child() -> None:
    global generation
    generation += 1


if hasattr(os, "register_at_fork"):  # where processes can fork
    os.register_at_fork(after_in_child=_in_child)
