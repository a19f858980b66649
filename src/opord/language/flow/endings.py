"""Where a block ends: whether a path can fall out of it, and at which statement it does."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Block, Call, Goto, Hole, If, Let, Match, Place, Statement
from opord.language.flow.coverage import is_complete
from opord.language.graph import Graph


def is_unread(statement: Statement) -> bool:
    """Say whether a statement stands for text that could not be read; a finding already speaks of it."""
    return isinstance(statement, Let) and isinstance(statement.value, Hole) and not statement.name


def open_ends(block: Block, otherwise: Place) -> Iterator[Place]:
    """Yield each place where a path of `block` ends without `goto`; `otherwise` is that of an empty block.

    An `if` without `else` ends there itself, whatever its branch does. Where text could not be read, nobody
    knows where the path goes.
    """
    if not block:
        yield otherwise
    elif not any(always_leaves(statement) or is_unread(statement) for statement in block):
        yield from _ends_after(block[-1])


def _ends_after(statement: Statement) -> Iterator[Place]:
    match statement:
        case If(then=then, otherwise=otherwise, place=place) if otherwise is not None:
            yield from open_ends(then, place)
            yield from open_ends(otherwise, place)
        case Match(arms=arms):
            for arm in arms:
                yield from open_ends(arm.body, arm.place)
        case _:
            yield statement.place


def always_leaves(statement: Statement) -> bool:
    """Say whether every path of a statement ends in a `goto`; a `match` is taken to have all its arms."""
    match statement:
        case Goto():
            return True
        case If(then=then, otherwise=otherwise):
            return otherwise is not None and _block_leaves(then) and _block_leaves(otherwise)
        case Match(arms=arms):
            return all(_block_leaves(arm.body) for arm in arms)
        case _:
            return False


def _block_leaves(block: Block) -> bool:
    return any(always_leaves(statement) or is_unread(statement) for statement in block)


def surely_leaves(graph: Graph, statement: Statement) -> bool:
    """Say whether nothing after a statement can ever be taken: a `match` here has to be complete as well."""
    match statement:
        case Goto():
            return True
        case If(then=then, otherwise=otherwise):
            return otherwise is not None and all(
                any(surely_leaves(graph, inner) for inner in branch) for branch in (then, otherwise)
            )
        case Match(arms=arms):
            return is_complete(graph, statement) and all(
                any(surely_leaves(graph, inner) for inner in arm.body) for arm in arms
            )
        case Let() | Call():
            return False
