"""Find the modules that distinguish between members of a union of classes."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

from tests.closed.matches import parsed

PACKAGE = Path(__file__).parent.parent.parent / "src" / "opord"


def branching(members: Collection[str]) -> set[str]:
    """Return the modules that distinguish between two or more of these classes of the contract.

    They use `isinstance`, a class pattern, or `type(x)`. `ir.Let` is a class of the contract;
    `tree.Let` is another class.
    """
    return {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if len(set(_asked_for(parsed(path.read_text(encoding="utf-8")))) & set(members)) > 1
    }


def _asked_for(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Name("isinstance"), args=[_, classes]):
                yield from _classes(classes)
            case ast.MatchClass(cls=cls):
                yield from _classes(cls)
            case ast.Compare(left=ast.Call(func=ast.Name("type")), comparators=[classes]):
                yield from _classes(classes)
            case _:
                pass


def _classes(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Name(name) | ast.Attribute(ast.Name("ir"), name):
            yield name
        case ast.BinOp(left, _, right):
            yield from _classes(left)
            yield from _classes(right)
        case ast.Tuple(items):
            for item in items:
                yield from _classes(item)
        case _:
            pass
