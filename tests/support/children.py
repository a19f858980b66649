"""A forked child of a test, and what it says."""

from __future__ import annotations

import os
from collections.abc import Callable


def answer_of_child(job: Callable[[], str]) -> str:
    """Do a job in a forked child and return what it says."""
    came, gone = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = job()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(gone, said.encode())
        os._exit(0)
    os.close(gone)
    with os.fdopen(came, encoding="utf-8") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said
