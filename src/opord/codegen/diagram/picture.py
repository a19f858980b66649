"""What a diagram of a contract shows, independent of how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

ArrowCauseKind: TypeAlias = Literal["event", "timer", "call", "condition", "plain"]
NodeKind: TypeAlias = Literal["acting", "waiting", "final", "missing"]
StateSign: TypeAlias = Literal["acting", "waiting", "success", "failure", "cancelled", "missing"]


@dataclass(frozen=True, slots=True)
class ArrowCause:
    """Why a move is made: `text` is short, for the arrow; `full` is the text of the tooltip."""

    text: str
    full: str
    kind: ArrowCauseKind


@dataclass(frozen=True, slots=True)
class Work:
    """A call that a step makes: a commit of an action, or an effect.

    `transaction` says that the action is in transaction.
    """

    verb: Literal["commit", "perform"]
    name: str
    transaction: bool = False

    @property
    def text(self) -> str:
        """The call in words, without its marker."""
        return f"{self.verb} {self.name}"

    @property
    def marked(self) -> str:
        """The call after its marker, which is filled for an action and open for an effect.

        For an action in transaction, it has corners.
        """
        marker = "○" if self.verb == "perform" else "◆" if self.transaction else "●"
        return f"{marker} {self.text}"


@dataclass(frozen=True, slots=True)
class StateNode:
    """A state as drawn. A `missing` state is the target of a move, but is not declared."""

    name: str
    kind: NodeKind
    initial: bool = False
    outcome: Literal["success", "failure", "cancelled"] | None = None
    phase: str | None = None
    work: tuple[Work, ...] = ()
    notes: tuple[str, ...] = ()
    line: int = 0

    @property
    def sign(self) -> StateSign:
        """The sign of the state: how it ends, or else what it does."""
        return self.outcome or ("failure" if self.kind == "final" else self.kind)


@dataclass(frozen=True, slots=True)
class PhaseFrame:
    """A phase as drawn. `shares` says that moves start at any of its states."""

    name: str
    states: tuple[str, ...]
    shares: bool = False
    work: tuple[Work, ...] = ()
    notes: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Arrow:
    """All moves from one state, or from any state of one phase, to one state.

    `states` has the states in which the moves start: the source itself, or the states of the phase
    to which the shared handlers apply.
    """

    source: str
    target: str
    causes: tuple[ArrowCause, ...]
    states: tuple[str, ...]
    of_phase: bool = False
    line: int = 0

    @property
    def id(self) -> str:
        """A name that stays the same as long as the contract has the move."""
        return f"edge-{self.source}-{self.target}"

    def lines(self, most: int = 4) -> list[str]:
        """The short causes, at most `most` lines.

        If there are more, the last line says how many.
        """
        texts = list(dict.fromkeys(cause.text for cause in self.causes))
        if len(texts) > most:
            return [*texts[: most - 1], f"+{len(texts) - most + 1} more"]
        return texts


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole diagram, in the order of the file."""

    name: str
    version: int
    doc: str
    nodes: tuple[StateNode, ...]
    frames: tuple[PhaseFrame, ...]
    arrows: tuple[Arrow, ...]

    @property
    def title(self) -> str:
        """The contract's name and version; empty if the contract has no header."""
        return f"{self.name or 'A contract'}, version {self.version}"
