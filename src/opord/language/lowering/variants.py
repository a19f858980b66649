"""Lower variants of enums and failures: qualified, or bare if only one type has the name."""

from __future__ import annotations

from opord.contract import Expr, MakeVariant
from opord.language.diagnostics.model import Label, code
from opord.language.diagnostics.suppressors import Unread, undeclared
from opord.language.diagnostics.wording import listed
from opord.language.lowering.arguments import STRANGER, absent, lower_arguments, report_missing
from opord.language.lowering.context import Lowering
from opord.language.lowering.scope import Scope
from opord.language.lowering.symbols import TypeSymbol, VariantSymbol
from opord.language.syntax import tree
from opord.language.types import named

UNKNOWN_VARIANT = code(
    "OP108",
    rule="name",
    title="an unknown variant",
    suppressed_by=(Unread("in the head of what it mentions"), *undeclared()),
)
AMBIGUOUS = code("OP112", rule="name", title="a variant's name that two types share")


def lower_variant(
    ctx: Lowering,
    scope: Scope,
    variant: VariantSymbol,
    arguments: list[tree.Argument] | None,
    span: tree.Span,
) -> Expr:
    """Return the value of a variant; without `arguments` no field may need a value."""
    ref = variant.ref
    owner = f"`{ref.variant}`"
    arguments_by_field = lower_arguments(ctx, scope, variant.fields, arguments or [], owner, "field")
    place = ctx.place(span)
    missing = [
        name
        for name, field in variant.fields.items()
        if name not in arguments_by_field and not field.may_be_left_out
    ]
    if missing and STRANGER not in arguments_by_field and len(arguments or ()) <= len(variant.fields):
        report_missing(ctx, owner, "field", missing, place, variant.fields)
    fields: list[tuple[str, Expr | None]] = []
    for name, field in variant.fields.items():
        value = arguments_by_field.get(name)
        if value is None and not field.has_default:
            value = absent(field.type, place)
        fields.append((name, value))
    return MakeVariant(ref, tuple(fields), named(ref.type), place)


def qualified_variant(ctx: Lowering, node: tree.FieldAccess) -> VariantSymbol | None:
    """Return the variant that `Shape.Point` names; None if `Shape` is no type.

    A variant that the type lacks is reported.
    """
    subject = node.subject
    if not isinstance(subject, tree.NameExpression):
        return None
    symbol = ctx.type_named(subject.name.text)
    if symbol is None or symbol.kind == "record":
        return None
    variant = symbol.variants.get(node.name.text)
    if ctx.recorder is not None:
        ctx.recorder.refer(subject.name.span, symbol.place)
        if variant is not None:
            ctx.recorder.refer(node.name.span, variant.place)
        elif node.name.text == ctx.recorder.marker:
            ctx.recorder.marked(owner=symbol)
    if variant is None and node.name.text:
        report_unknown_variant(ctx, node.name, symbol)
    return variant


def report_unknown_variant(ctx: Lowering, name: tree.Name, symbol: TypeSymbol) -> None:
    """Report a variant that a type does not have."""
    near = ctx.near(name.text, symbol.variants)
    ctx.report(
        UNKNOWN_VARIANT,
        name.span,
        f"`{symbol.name}` has no variant `{name.text}`",
        near=near,
        help=f"it has {listed(symbol.variants)}",
        labels=[Label(symbol.place, "declared here")],
    )


def report_ambiguous(ctx: Lowering, name: tree.Name, meanings: list[VariantSymbol]) -> None:
    """Report a bare variant that more than one type has."""
    ctx.report(
        AMBIGUOUS,
        name.span,
        f"`{name.text}` is a variant of {listed([each.ref.type for each in meanings])}",
        help=f"say which one: `{meanings[0].ref.type}.{name.text}`",
        labels=[Label(each.place, f"declared in `{each.ref.type}`") for each in meanings],
    )
