"""Compare the header of a state with the states that its steps go to."""

from __future__ import annotations

from dataclasses import dataclass

from opord.contract import State
from opord.language.flow.endings import is_unread
from opord.language.flow.graph import Graph
from opord.language.flow.holes import has_hole
from opord.statements import statements


@dataclass(frozen=True, slots=True)
class HeaderGap:
    """Where a header and the steps of its state differ.

    `missing` are the declared states that a `goto` names and the header does not list, in the order
    of the first `goto` to each. `idle` are the positions in `State.targets` of the declared states
    that no `goto` names.
    """

    missing: tuple[str, ...]
    idle: tuple[int, ...]

    @property
    def replaced(self) -> dict[str, int]:
        """For a missing name, the position of the idle name that stands in its place, if any.

        A name that is missing and a name that is idle are one mistake: the wrong name was written.
        """
        return dict(zip(self.missing, self.idle, strict=False))


def header_gap(graph: Graph, state: State) -> HeaderGap:
    """Compare the header of a state with its own steps and those that its phase shares.

    Unknown names have their own findings: an unknown name in the header may be a missing state, and
    an unknown name after `goto` may be an idle one.
    """
    gone_to = list(dict.fromkeys(goto.state for moment in graph.moments(state) for goto in moment.gotos))
    missing = tuple(name for name in gone_to if name in graph.states and name not in state.targets)
    unknown = sum(name not in graph.states for name in state.targets)
    idle = [index for index, name in enumerate(state.targets) if name in graph.states and name not in gone_to]
    return HeaderGap(
        missing if len(missing) > unknown else (),
        tuple(idle) if idle and _is_whole(graph, state) else (),
    )


def _is_whole(graph: Graph, state: State) -> bool:
    """Say whether all moves of a state are known.

    A final state has none. An empty or unread body, a missing arm or `goto`, and an unknown state
    have their own findings.
    """
    moments = graph.moments(state)
    if state.kind == "final" or any(
        goto.state not in graph.states for moment in moments for goto in moment.gotos
    ):
        return False
    if state.kind == "acting" and all(moment.shared for moment in moments):
        return False
    if any(is_unread(statement) for moment in moments for statement in statements(moment.body)):
        return False
    return not has_hole(graph, state)
