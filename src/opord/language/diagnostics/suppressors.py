"""What suppresses a finding, for it would only repeat another mistake in other words. Each code declares its suppressors.

    CODE = code("OP301", rule="flow", title="a path without goto", suppressed_by=(Unread("in its body"),))

A finding is left out where one of its suppressors is there, and comes back, if it is right, once that other mistake is
mended. `suppression/consequences.py` decides about findings of the contract, `syntax/parser.py` about its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

# --- Text that the parser could not read and skipped: it may have said just what the finding misses -------------------

Whereabouts: TypeAlias = Literal[
    "on its line",
    "in its body",  # of the state or phase around it
    "in the head around it",  # a declaration, or the header of a state, that gives names their shape
    "in the head of what it mentions",
    "in any state",
    "on a way to its state",  # by what the headers of the states list
    "on a way from its state",
]
WhichName: TypeAlias = Literal["at its place", "in its message", "of any action"]


@dataclass(frozen=True, slots=True)
class Unread:
    """Some text could not be read, and stands there, as seen from the finding."""

    where: Whereabouts


@dataclass(frozen=True, slots=True)
class UnreadName:
    """Text that could not be read has a name in it: that at the place of the finding, one of its message, or an action's."""

    which: WhichName


@dataclass(frozen=True, slots=True)
class UnreadWord:
    """Text that could not be read has this word in it."""

    word: str


@dataclass(frozen=True, slots=True)
class NamelessWord:
    """Text that could not be read has one of these words in it, and not the name that should follow."""

    words: tuple[str, ...]


UnreadSuppressor: TypeAlias = Unread | UnreadName | UnreadWord | NamelessWord

# --- Another finding --------------------------------------------------------------------------------------------------


# Every dataclass costs each start of the program a third of a millisecond, so those of one form share theirs. Two of them
# are equal only if they are of one class.
@dataclass(frozen=True, slots=True)
class _ByCode:
    code: str


@dataclass(frozen=True, slots=True)
class _Plain:
    pass


class Reported(_ByCode):
    """A finding of this code was made, wherever it points."""

    __slots__ = ()


class SameName(_ByCode):
    """A finding of this code is about the same name, written in another case."""

    __slots__ = ()


class LeftOut(_ByCode):
    """A finding of this code is itself left out for text that could not be read."""

    __slots__ = ()


FindingSuppressor: TypeAlias = Reported | SameName | LeftOut

# --- Another finding of syntax ----------------------------------------------------------------------------------------


class LostPlace(_Plain):
    """Before it on its line the lexer found no token, or the parser lost its place: something else is always expected."""

    __slots__ = ()


class UnclosedBrace(_Plain):
    """A brace of the same declaration is never closed, so that what follows stands where it cannot."""

    __slots__ = ()


class OnItsLine(_ByCode):
    """A finding of this code, made by the lexer, is on the same line."""

    __slots__ = ()


SyntaxSuppressor: TypeAlias = LostPlace | UnclosedBrace | OnItsLine

Suppressor: TypeAlias = UnreadSuppressor | FindingSuppressor | SyntaxSuppressor

# --- What many codes declare ------------------------------------------------------------------------------------------

WRONG_CASE = SameName("OP110")
USED_UNREAD = (
    NamelessWord(("commit", "perform", "goto", "on", "by", "fails", "undoes", "check")),
    UnreadName("at its place"),
)
"""Text that could not be read may use what nothing else uses."""
WAYS_UNREAD = (Unread("in any state"), NamelessWord(("state", "commit", "perform", "goto", "on")))
"""For what is decided over all ways through the states, one of which may have been torn."""

MISUNDERSTOOD = (Reported("OP103"), Reported("OP104"), Reported("OP108"))
"""A state, a call or an arm is not known by its name: what is said not to come may stand there."""


def undeclared(*words: str) -> tuple[Suppressor, ...]:
    """Give the suppressors of a finding that nothing declares a name: one of these words, unread, may have declared it."""
    nameless = (NamelessWord(words),) if words else ()
    return (*nameless, UnreadName("at its place"), WRONG_CASE)
