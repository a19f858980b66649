"""A statement that stands after a `goto`: no path ever comes to it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from opord.contract import Block, Contract, Goto
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.flow.endings import is_unread, surely_leaves
from opord.language.flow.walk import blocks_in
from opord.language.graph import Graph

CODE = code("OP303", rule="flow", title="a statement after goto")


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find in every block the first statement that all paths leave before."""
    for step in graph.steps:
        yield from _in_block(graph, step.body)


def _in_block(graph: Graph, block: Block) -> Iterator[Diagnostic]:
    for statement, after in pairwise(block):
        if surely_leaves(graph, statement) and not is_unread(after):
            goto = isinstance(statement, Goto)
            yield CODE.at(
                after.place,
                "this statement can never be taken: every path has left the state before it",
                label="nothing comes here",
                labels=(
                    Label(
                        statement.place, "the step ends here" if goto else "every path in here ends in `goto`"
                    ),
                ),
                help="remove it, or move it above the `goto`",
            )
            break
    for statement in block:
        for inner in blocks_in(statement):
            yield from _in_block(graph, inner)
