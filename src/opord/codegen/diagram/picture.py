"""What a diagram of a contract shows, before anybody decides how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

CauseKind: TypeAlias = Literal["event", "timer", "call", "condition", "plain"]
NodeKind: TypeAlias = Literal["acting", "waiting", "final", "missing"]
Sign: TypeAlias = Literal["acting", "waiting", "success", "failure", "cancelled", "missing"]


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a move is made: `text` in short for the arrow, `full` for whoever points at it."""

    text: str
    full: str
    kind: CauseKind


@dataclass(frozen=True, slots=True)
class Work:
    """A call that a step makes: a commitment, or an effect."""

    verb: Literal["commit", "perform"]
    name: str

    @property
    def text(self) -> str:
        """The call in words, without its marker."""
        return f"{self.verb} {self.name}"

    @property
    def marked(self) -> str:
        """The call behind its marker: filled for a commitment, open for an effect."""
        return f"{'●' if self.verb == 'commit' else '○'} {self.text}"


@dataclass(frozen=True, slots=True)
class Node:
    """A state as drawn. `missing`: somebody goes to it, and nobody has declared it."""

    name: str
    kind: NodeKind
    initial: bool = False
    outcome: Literal["success", "failure", "cancelled"] | None = None
    phase: str | None = None
    work: tuple[Work, ...] = ()
    notes: tuple[str, ...] = ()
    line: int = 0

    @property
    def sign(self) -> Sign:
        """What the state's sign says: how it ends, or else what it does."""
        return self.outcome or ("failure" if self.kind == "final" else self.kind)


@dataclass(frozen=True, slots=True)
class Frame:
    """A phase as drawn; `shares` says that moves start at any state of it."""

    name: str
    states: tuple[str, ...]
    shares: bool = False
    work: tuple[Work, ...] = ()
    notes: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Arrow:
    """All moves from one state, or from any state of one phase, to one state.

    `states` are those that the moves start at: the source itself, or those of the phase in which the shared
    handlers are in force.
    """

    source: str
    target: str
    causes: tuple[Cause, ...]
    states: tuple[str, ...]
    of_phase: bool = False
    line: int = 0

    @property
    def id(self) -> str:
        """A name that stays the same while the contract has the move."""
        return f"edge-{self.source}-{self.target}"

    def lines(self, most: int = 4) -> list[str]:
        """The causes in short, at most so many lines; the last one then says how many more there are."""
        texts = list(dict.fromkeys(cause.text for cause in self.causes))
        if len(texts) > most:
            return [*texts[: most - 1], f"+{len(texts) - most + 1} more"]
        return texts


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole diagram: everything in the order of the file."""

    name: str
    version: int
    doc: str
    nodes: tuple[Node, ...]
    frames: tuple[Frame, ...]
    arrows: tuple[Arrow, ...]

    @property
    def title(self) -> str:
        """The contract's name and version; a contract whose header is not there has none."""
        return f"{self.name or 'A contract'}, version {self.version}"
