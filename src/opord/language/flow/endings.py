"""Find where a path ends without `goto`, and after which statements no path continues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, assert_never

from opord.contract import Arm, Block, Call, CallSite, Goto, Hole, If, Let, Match, Pattern, Place, Statement
from opord.language.flow.coverage import is_complete
from opord.language.flow.graph import Graph
from opord.language.flow.walk import PathWalk
from opord.statements import Branching


def is_unread(statement: Statement) -> bool:
    """Say whether a statement replaces text that could not be read and has been reported."""
    return isinstance(statement, Let) and isinstance(statement.value, Hole) and not statement.name


class End(NamedTuple):
    """A place where a path ends without `goto`.

    `of_if`: the condition of an `if` is false there.
    """

    place: Place
    of_if: bool = False


def open_ends(block: Block, otherwise: Place) -> tuple[End, ...]:
    """List each place where a path of `block` ends without `goto`.

    `otherwise` is for an empty block.

    An `if` without `else` is always such a place, whatever its branch does. After text that could
    not be read, the path is unknown and gives no place.
    """
    return _Ends().block(block, (End(otherwise),)) or ()


_Ended = tuple[End, ...]


class _Ends(PathWalk[_Ended]):
    """Carry the places where the paths would end if no statement followed."""

    def called(self, site: CallSite, pattern: Pattern | None, at: _Ended) -> _Ended:
        return at

    def went(self, goto: Goto, at: _Ended) -> None:
        pass

    def join(self, ways: Sequence[_Ended], before: _Ended) -> _Ended:
        return tuple(end for way in ways for end in way)

    def bound(self, let: Let, at: _Ended) -> _Ended | None:
        return None if is_unread(let) else at

    def tested(self, statement: If, at: _Ended) -> tuple[_Ended, _Ended]:
        branch = (End(statement.place),)
        return branch, branch

    def arm(self, statement: Branching, arm: Arm, at: _Ended) -> _Ended | None:
        return self.block(arm.body, (End(arm.place),))

    def passed(self, statement: Statement, before: _Ended, after: _Ended | None) -> _Ended | None:
        if after is None:
            return None
        match statement:
            case Let() | Call():
                return (End(statement.place),)
            case If(otherwise=None):
                return (End(statement.place, of_if=True),)
            case If() | Match() | Goto():
                return after
            case _:
                assert_never(statement)


def surely_left(graph: Graph, block: Block) -> frozenset[int]:
    """Return the `id` of each statement in a block after which no path continues.

    All paths of such a statement end in a `goto`, and the arms of each `match` are known to cover
    all cases.
    """
    walk = _SurelyLeft(graph)
    walk.block(block, True)
    return frozenset(walk.leaving_ids)


class _SurelyLeft(PathWalk[bool]):
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.leaving_ids: set[int] = set()

    def called(self, site: CallSite, pattern: Pattern | None, at: bool) -> bool:
        return at

    def went(self, goto: Goto, at: bool) -> None:
        pass

    def join(self, ways: Sequence[bool], before: bool) -> bool:
        return before

    def passed(self, statement: Statement, before: bool, after: bool | None) -> bool | None:
        if after is None and isinstance(statement, Match) and not is_complete(self._graph, statement):
            return before
        if after is None:
            self.leaving_ids.add(id(statement))
        return after
