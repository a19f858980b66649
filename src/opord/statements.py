"""Visit the parts of a body in order: statements, blocks, calls, `goto`s, and any kind of node.

Use this module to find something in a body on any path. `language/flow/walk.py` follows paths;
`language/flow/exits.py` lists the conditions before a `goto`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import chain
from typing import TypeAlias, assert_never

from opord.contract import Arm, Block, Call, CallSite, Field, Goto, If, Let, Match, Statement

Branching: TypeAlias = Call | Match
"""The statements with arms."""


def statements(block: Block) -> Iterator[Statement]:
    """Yield every statement of a block and of the blocks in it, from top to bottom."""
    # One generator for all levels, because most rules visit all statements.
    waiting: list[Iterator[Statement]] = [iter(block)]
    while waiting:
        for statement in waiting[-1]:
            yield statement
            inner = blocks_in(statement)
            if inner:
                waiting.append(chain.from_iterable(inner))
                break
        else:
            waiting.pop()


def blocks_in(statement: Statement) -> tuple[Block, ...]:
    """List the blocks directly inside a statement: branches and the bodies of arms."""
    match statement:
        case Let() | Goto():
            return ()
        case If(then=then, otherwise=otherwise):
            return (then,) if otherwise is None else (then, otherwise)
        case Call(arms=arms) | Match(arms=arms):
            return tuple(arm.body for arm in arms)
        case _:
            assert_never(statement)


def blocks(block: Block) -> Iterator[Block]:
    """Yield a block and every block in it, from top to bottom."""
    yield block
    for statement in statements(block):
        yield from blocks_in(statement)


def gotos(block: Block) -> Iterator[Goto]:
    """Yield every `goto` of a block, from top to bottom."""
    for statement in statements(block):
        match statement:
            case Goto():
                yield statement
            case Let() | Call() | If() | Match():
                pass
            case _:
                assert_never(statement)


def branching(block: Block) -> Iterator[Branching]:
    """Yield every statement of a block that has arms, from top to bottom."""
    for statement in statements(block):
        match statement:
            case Call() | Match():
                yield statement
            case Let() | If() | Goto():
                pass
            case _:
                assert_never(statement)


def called_by(statement: Branching) -> CallSite | None:
    """Return the call whose outcomes the arms of a statement take.

    Return None if the arms take a value.
    """
    match statement:
        case Call(site=site):
            return site
        case Match(subject=CallSite() as site):
            return site
        case Match():
            return None
        case _:
            assert_never(statement)


def call_sites(block: Block) -> Iterator[tuple[CallSite, tuple[Arm, ...]]]:
    """Yield every `perform` and `commit` of a block with the arms that take its outcomes."""
    for statement in branching(block):
        site = called_by(statement)
        if site is not None:
            yield site, statement.arms


# --- Nodes of every kind --------------------------------------------------------------------------


def nodes(part: object, *, types: bool = True) -> Iterator[object]:
    """Yield a part of a contract and all nodes in it: parents first, in the order of the text.

    The visit reads the members of the data classes, so new kinds of nodes are visited too. Places
    and documentation are not visited. Without `types`, the types that the checker has found are not
    visited either.
    """
    members_of = _known_members[types]
    waiting = [part]
    while waiting:
        node = waiting.pop()
        kind = type(node)
        if isinstance(node, tuple):
            waiting.extend(reversed(node))
            continue
        members = members_of.get(kind)
        if members is None:
            members = members_of[kind] = _members(kind, types)
        if members is _LEAF:
            continue
        yield node
        for name in members:
            waiting.append(getattr(node, name))


_LEAF: tuple[str, ...] = ("",)
# Members with these declared types contain no other node.
_PLAIN = (
    "str",
    "int",
    "bool",
    "float",
    "None",
    "Decimal",
    "Literal",
    "BinaryOp",
    "BuiltinName",
    "VarOrigin",
    "timedelta",
)
_known_members: dict[bool, dict[type, tuple[str, ...]]] = {True: {}, False: {}}


def _members(kind: type, types: bool) -> tuple[str, ...]:
    """Return the names of a node's members that can contain other nodes, the last one first."""
    if not dataclasses.is_dataclass(kind):
        return _LEAF
    names = [
        member.name
        for member in dataclasses.fields(kind)
        if member.compare
        and not all(word.strip().startswith(_PLAIN) for word in str(member.type).split("|"))
        and (types or member.name != "type" or kind is Field)
    ]
    return tuple(reversed(names))
