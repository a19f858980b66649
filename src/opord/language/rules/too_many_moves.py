"""More moves than the checker follows: nothing can be said about the paths of such a contract."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Contract
from opord.language.diagnostics import Diagnostic, code
from opord.language.flow.graph import MOVES_MAX, Graph

CODE = code("OP312", rule="flow", title="more moves than can be gone through")


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Refuse a contract whose graph is too large.

    The rules that walk the graph find nothing in it.
    """
    if graph.overgrown is not None:
        yield CODE.at(
            graph.overgrown.place,
            f"`{contract.name}` has more than {MOVES_MAX:,} moves, too many to check",
            label="the moves up to here are too many",
            help="split it into several contracts, share less by phases, or commit less often in a step",
        )
