"""Define what suppresses a finding that would only repeat another mistake in other words.

Each code declares its suppressors:

    CODE = code("OP301", rule="flow", title="…", suppressed_by=(Unread("in its body"),))

A finding is left out if one of its suppressors applies. If it is right, it comes back once the
other mistake is fixed. `suppression/consequences.py` decides about findings of the contract,
`syntax/parser.py` about its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

# --- Text that the parser could not read: it may contain what the finding misses ------------------

Whereabouts: TypeAlias = Literal[
    "on its line",
    "in its body",  # the body of the enclosing state or phase
    "in the head around it",  # a declaration or the header of a state that declares names
    "in the head of what it mentions",
    "in any state",
    "on a way to its state",  # according to the headers of the states
    "on a way from its state",
]
WhichName: TypeAlias = Literal["at its place", "in its message", "of any action"]


@dataclass(frozen=True, slots=True)
class Unread:
    """Unreadable text stands at this position relative to the finding."""

    where: Whereabouts


@dataclass(frozen=True, slots=True)
class UnreadName:
    """Unreadable text contains a name: at the finding's place, in its message, or an action's."""

    which: WhichName


@dataclass(frozen=True, slots=True)
class UnreadWord:
    """Unreadable text contains this word."""

    word: str


@dataclass(frozen=True, slots=True)
class NamelessWord:
    """Unreadable text contains one of these words, without the name that should follow."""

    words: tuple[str, ...]


UnreadSuppressor: TypeAlias = Unread | UnreadName | UnreadWord | NamelessWord

# --- Another finding ------------------------------------------------------------------------------


# Every dataclass costs each start of the program a third of a millisecond, so classes with the same
# fields share one. Two objects are equal only if they have the same class.
@dataclass(frozen=True, slots=True)
class _ByCode:
    code: str


@dataclass(frozen=True, slots=True)
class _Plain:
    pass


class Reported(_ByCode):
    """A finding of this code was made, at any place."""

    __slots__ = ()


class SameName(_ByCode):
    """A finding of this code is about the same name in another letter case."""

    __slots__ = ()


class LeftOut(_ByCode):
    """A finding of this code was left out because of unreadable text."""

    __slots__ = ()


FindingSuppressor: TypeAlias = Reported | SameName | LeftOut

# --- Another finding of syntax --------------------------------------------------------------------


class LostPlace(_Plain):
    """Earlier on the line the lexer found no token or the parser was stuck.

    After that, the parser always expects something else.
    """

    __slots__ = ()


class UnclosedBrace(_Plain):
    """A brace of the same declaration is never closed, so the following text is misplaced."""

    __slots__ = ()


class OnItsLine(_ByCode):
    """A finding of the lexer with this code is on the same line."""

    __slots__ = ()


SyntaxSuppressor: TypeAlias = LostPlace | UnclosedBrace | OnItsLine

Suppressor: TypeAlias = UnreadSuppressor | FindingSuppressor | SyntaxSuppressor

# --- What many codes declare ----------------------------------------------------------------------

WRONG_CASE = SameName("OP110")
USED_UNREAD = (
    NamelessWord(("commit", "perform", "goto", "on", "by", "fails", "undoes", "check")),
    UnreadName("at its place"),
)
"""Unreadable text may use a name that nothing else uses."""
WAYS_UNREAD = (Unread("in any state"), NamelessWord(("state", "commit", "perform", "goto", "on")))
"""For rules about all ways through the states: unreadable text may contain a part of a way."""

MISUNDERSTOOD = (Reported("OP103"), Reported("OP104"), Reported("OP108"))
"""A state, call or arm has an unknown name: it may be the one that a finding says is missing."""

LEAVES_OUT = (Reported("OP301"), Reported("OP401"), Reported("OP402"))
"""A path or a case has no `goto`: it may be the one that a finding says is missing."""


def undeclared(*words: str) -> tuple[Suppressor, ...]:
    """Return the suppressors of a finding about an undeclared name.

    Unreadable text with one of `words` may have declared the name.
    """
    nameless = (NamelessWord(words),) if words else ()
    return (*nameless, UnreadName("at its place"), WRONG_CASE)
