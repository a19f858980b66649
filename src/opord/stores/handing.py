"""What the connections have in common that stores hand to programs in a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

ENDED: Final = "the transaction has ended, and its connection with it"


def has_no_place(word: str) -> str:
    """Say why a program does not end a transaction by itself."""
    return f"a transaction of Opord's ends with what Opord writes, so `{word}` has no place in it"


ROLL_BACK: Final = f"{has_no_place('rollback')}; raise an exception to undo what was written"


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and what it was raised from or while handling, the outermost first."""
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__ or one.__context__
