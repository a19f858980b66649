"""A statement after a `goto`: no path ever reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from opord.contract import Block, Contract, Goto
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.suppressors import Unread
from opord.language.flow.endings import is_unread, surely_left
from opord.language.flow.graph import Graph
from opord.statements import blocks

CODE = code("OP303", rule="flow", title="a statement after goto", suppressed_by=(Unread("in its body"),))


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find in every block the first statement that no path reaches."""
    for step in graph.steps:
        several = [block for block in blocks(step.body) if len(block) > 1]
        leaving_ids = surely_left(graph, step.body) if several else frozenset()
        for block in several:
            yield from _in_block(block, leaving_ids)


def _in_block(block: Block, leaving_ids: frozenset[int]) -> Iterator[Diagnostic]:
    for statement, after in pairwise(block):
        if id(statement) in leaving_ids and not is_unread(after):
            goto = isinstance(statement, Goto)
            yield CODE.at(
                after.place,
                "this statement never runs: every path has left the state before it",
                label="nothing comes here",
                labels=(
                    Label(
                        statement.place, "the step ends here" if goto else "every path in here ends in `goto`"
                    ),
                ),
                help="remove it, or move it above the `goto`",
            )
            break
