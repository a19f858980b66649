"""What there is to say about a word of the language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Place: TypeAlias = Literal[
    "file",  # starts a declaration
    "phase",  # starts a declaration that may stand in a phase
    "contract",  # a clause of `contract`
    "event",  # a clause of `event`
    "call",  # a clause of `effect` and `action`
    "variant",  # behind a variant of a `failure`
    "outcome",  # ends a `final state`
    "policy",  # starts a policy, in the braces of an effect or action
    "doubt",  # what to do in doubt
    "policy part",  # goes on with a policy
    "statement",  # starts a statement
    "arrow",  # starts a statement that may follow `->`
    "handler",  # starts a handler
    "handler part",  # goes on with the head of a handler
    "child",  # starts a line about children, which a later version will have
    "pattern",  # starts a pattern
    "promise",  # starts what an `ensure` says
    "claim",  # stands between what an `ensure` speaks of
    "promise part",  # goes on with a promise
    "upgrade",  # a part of `upgrade`, which a later version will have
    "type",
    "collection",  # a type of other types
    "type modifier",
    "function",
    "value",
    "doubt value",  # a value in the arguments of `in doubt check`
    "built-in event",
    "built-in failure",
    "operator",
    "copy",  # the operator that copies a record
    "choice",  # a part of `if … then … else …`
    "literal",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snippet:
    """A completion that is more than the word: its label, what it is, and its text with places to fill in."""

    label: str
    detail: str
    text: str


@dataclass(frozen=True, slots=True)
class Word:
    """One meaning of a word: how it is written, where it may stand, and help in a sentence.

    A text with several meanings has a row for each. `forms` show what stands around the word: `N` is a whole
    number, `D` a duration, `Name` and `name` are names, what stands in brackets may be left out. `of` lists the
    declarations whose policy or clause it is. `leads_to` says what follows, where an expression can start there
    (`"value"`) or something else than arguments (`"other"`). `takes` says of a function what values it takes.
    """

    text: str
    places: tuple[Place, ...]
    meaning: str
    example: str
    forms: tuple[str, ...] = ()
    snippets: tuple[Snippet, ...] = ()
    of: tuple[str, ...] = ()
    leads_to: Literal["", "value", "other"] = ""
    reserved: bool = False
    later: bool = False
    takes: str = ""

    @property
    def form(self) -> str:
        """How it is written, in one line."""
        return " or ".join(self.forms) or self.text

    @property
    def parts(self) -> list[str]:
        """The words that it is made of: `at most once` has three."""
        return self.text.split()
