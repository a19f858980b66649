"""Lower `transient wait`: which field says how long to wait, and how much of it counts."""

from __future__ import annotations

from typing import Final

from opord.contract import DURATION, AskedWait, OptionalOf
from opord.language.diagnostics.model import Label, code
from opord.language.diagnostics.wording import listed
from opord.language.lowering.context import Lowering
from opord.language.lowering.literals import duration
from opord.language.lowering.symbols import FieldSymbol, VariantSymbol
from opord.language.syntax import tree
from opord.language.types import UNKNOWN, show

NO_LENGTH = code("OP218", rule="type", title="a `wait` that does not say how long")


_HINTS: Final = ("wait", "after", "delay", "pause", "retry", "second", "time", "_s", "_ms")
"""Parts of the names that fields have which say how long, in another type."""


def lower_asked_wait(ctx: Lowering, node: tree.Variant, variant: VariantSymbol) -> AskedWait | None:
    """Return the wait of a variant; None if it has none, or if nothing says how long."""
    if node.wait is None:
        return None
    field = _length_field(ctx, node, node.wait, variant)
    at_most = None if node.wait.at_most is None else duration(ctx, node.wait.at_most)
    if node.wait.at_most is not None and _is_zero(ctx, node.wait.at_most):
        written = ctx.source.slice(node.wait.at_most.span)
        ctx.report(
            NO_LENGTH,
            node.wait.at_most.span,
            f"`at most {written}` leaves nothing to wait for",
            help="write a longer one, such as `at most 5m`, or remove `wait`",
        )
    if field is None or node.transient is None:
        return None
    return AskedWait(field.name, at_most, ctx.place(node.wait.span))


def _is_zero(ctx: Lowering, node: tree.DurationLiteral) -> bool:
    # A literal without digits: the parser has reported the missing duration.
    return node.milliseconds == 0 and ctx.source.slice(node.span)[:1].isdigit()


def _length_field(
    ctx: Lowering, node: tree.Variant, wait: tree.AskedWait, variant: VariantSymbol
) -> FieldSymbol | None:
    """Return the one field of type `duration`; report if there is none, or more than one."""
    fields = [*variant.fields.values()]
    lengths = [field for field in fields if field.type == DURATION]
    if len(lengths) == 1:
        return lengths[0]
    name = f"`{variant.ref.variant}`"
    if lengths:
        ctx.report(
            NO_LENGTH,
            wait.span,
            f"{name} has {len(lengths)} fields of type `duration`, {listed([field.name for field in lengths], 'and')}: "
            "which of them is the wait?",
            help="keep one of them; give the others another type, such as `int`",
            labels=[Label(field.place, "a duration") for field in lengths],
        )
    elif not any(field.type is UNKNOWN for field in fields):
        ctx.report(
            NO_LENGTH,
            wait.span,
            f"{name} has no field of type `duration`, so it does not say how long to wait",
            help=_advice(variant, fields),
            labels=[Label(variant.place, "declared here")],
        )
    return None


def _advice(variant: VariantSymbol, fields: list[FieldSymbol]) -> str:
    optional = next((field for field in fields if field.type == OptionalOf(DURATION)), None)
    if optional is not None:
        return (
            f"write `{optional.name}: duration`; a handler gives a duration of zero where the other side "
            "does not say how long"
        )
    field = next((each for each in fields if any(hint in each.name for hint in _HINTS)), None)
    if field is not None:
        return f"write `{field.name}: duration` instead of `{field.name}: {show(field.type)}`"
    return f"add the field: `{variant.ref.variant}({', '.join([*(f.name + ': …' for f in fields), 'wait: duration'])})`"
