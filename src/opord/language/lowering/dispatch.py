"""The way from an expression's node to what lowers it. `LOWER` is filled by the modules that know the nodes.

`lower` works out the type from below; `expected` is only a hint for what has no type of its own (`2.5`,
`none`, `[]`, the items of a list). `lower_to` also makes the result fit, and reports it where it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opord.contract import BOOL, Expr, Place, Type
from opord.language.lowering.context import Lowering
from opord.language.lowering.scope import Scope
from opord.language.syntax import tree

LOWER: dict[type, Callable[[Lowering, Scope, Any, Type | None], Expr]] = {}


def lower(ctx: Lowering, scope: Scope, node: tree.Expression, expected: Type | None = None) -> Expr:
    """Return the typed expression; what makes no sense in it has been reported and has the type `Unknown`."""
    return LOWER[type(node)](ctx, scope, node, expected)


def lower_to(
    ctx: Lowering,
    scope: Scope,
    node: tree.Expression,
    expected: Type,
    what: str,
    declared: Place | None = None,
) -> Expr:
    """Return the expression as one of the expected type. `what` says what expects it: "the field `id`".

    `declared` is where that is said.
    """
    value = LOWER[type(node)](ctx, scope, node, expected)
    return value if value.type is expected else ctx.fit(value, expected, what, declared)


def lower_condition(ctx: Lowering, scope: Scope, node: tree.Expression, what: str = "a condition") -> Expr:
    """Return a condition; a secret is none."""
    value = LOWER[type(node)](ctx, scope, node, BOOL)
    if value.type is BOOL or ctx.refuse_secret(value, what):
        return value
    return ctx.fit(value, BOOL, f"what {what} takes" if what.startswith("`") else what)
