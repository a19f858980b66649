"""Define the facts about a word of the language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

WordPlace: TypeAlias = Literal[
    "file",  # starts a declaration
    "phase",  # starts a declaration that may stand in a phase
    "contract",  # a clause of `contract`
    "event",  # a clause of `event`
    "call",  # a clause of `effect` and `action`
    "variant",  # after a variant of a `failure`
    "variant part",  # continues what stands after a variant
    "outcome",  # ends a `final state`
    "policy",  # starts a policy, in the braces of an effect or action
    "doubt",  # a rule for a doubt
    "policy part",  # continues a policy
    "statement",  # starts a statement
    "arrow",  # starts a statement that may follow `->`
    "handler",  # starts a handler
    "handler part",  # continues the head of a handler
    "child",  # starts a line about child runs, for a later version
    "pattern",  # starts a pattern
    "promise",  # starts the claim of an `ensure`
    "claim",  # stands between the names of an `ensure`
    "promise part",  # continues a promise
    "upgrade",  # a part of `upgrade`, for a later version
    "type",
    "collection",  # a type that contains other types
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
    """A completion that is longer than the word. `text` has gaps to fill in."""

    label: str
    detail: str
    text: str


@dataclass(frozen=True, slots=True)
class Word:
    """One meaning of a word: its text, its places, and a sentence of help.

    A text with several meanings has one row for each. `forms` show the context of the word: `N` is
    a whole number, `D` a duration, `Name` and `name` are names, and brackets enclose optional
    parts. `of` lists the declarations to which the policy or clause belongs. `leads_to` says what
    follows the word, if that is not a list of arguments: an expression (`"value"`) or something
    else (`"other"`). `takes` says which values a function takes.
    """

    text: str
    places: tuple[WordPlace, ...]
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
        """The form of the word in one line."""
        return " or ".join(self.forms) or self.text

    @property
    def parts(self) -> list[str]:
        """The single words of the text: `at most once` has three."""
        return self.text.split()
