"""Dispatch from the node of an expression to the function that lowers it.

The modules that know the nodes fill `LOWER`. `lower` finds the type from the parts; `expected` is
only a hint for an expression without a type of its own (`2.5`, `none`, `[]`, the items of a list).
`lower_to` also converts the result to the expected type and reports a mismatch.
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
    """Return the typed expression. Wrong parts have been reported and have the type `Unknown`."""
    return LOWER[type(node)](ctx, scope, node, expected)


def lower_to(
    ctx: Lowering,
    scope: Scope,
    node: tree.Expression,
    expected: Type,
    what: str,
    declared: Place | None = None,
) -> Expr:
    """Return the expression as a value of the expected type; report a mismatch.

    `what` describes the place of the value in messages: "the field `id`". `declared` is the place
    of that declaration.
    """
    value = LOWER[type(node)](ctx, scope, node, expected)
    return value if value.type is expected else ctx.fit(value, expected, what, declared)


def lower_condition(ctx: Lowering, scope: Scope, node: tree.Expression, what: str = "a condition") -> Expr:
    """Return a condition, which must be a `bool`. A secret is reported."""
    value = LOWER[type(node)](ctx, scope, node, BOOL)
    if value.type is BOOL or ctx.refuse_secret(value, what):
        return value
    return ctx.fit(value, BOOL, f"what {what} takes" if what.startswith("`") else what)
