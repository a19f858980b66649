"""Lower calls of the built-in functions: `len min max abs round str int float decimal count`."""

from __future__ import annotations

from collections.abc import Callable

from opord.contract import (
    BOOL,
    BYTES,
    DECIMAL,
    DURATION,
    FLOAT,
    INT,
    STR,
    BuiltinCall,
    BuiltinName,
    Expr,
    ListOf,
    MapOf,
    Named,
    OptionalOf,
    Place,
    ProblemOf,
    Type,
    VariantRef,
)
from opord.language import words
from opord.language.diagnostics.model import code
from opord.language.diagnostics.wording import quoted
from opord.language.lowering.context import Lowering, a, is_unknown, wrong
from opord.language.lowering.dispatch import lower
from opord.language.lowering.scope import Scope
from opord.language.lowering.variants import qualified_variant, report_unknown_variant
from opord.language.syntax import tree
from opord.language.types import ORDERED, PRINTED, coerce, join

BUILTIN = code("OP210", rule="type", title="a built-in function that does not take such values")

BUILTINS = frozenset(words.texts("function"))
_NUMBERS = (INT, FLOAT, DECIMAL)


def lower_builtin(
    ctx: Lowering, scope: Scope, name: BuiltinName, node: tree.CallExpression, expected: Type | None
) -> Expr:
    """Return a call of a built-in function."""
    place = ctx.place(node.span)
    positional = [each.value for each in node.arguments if each.name is None]
    if name == "count" and len(positional) == 2 and len(node.arguments) == 2:
        return _count(ctx, scope, positional[0], positional[1], place)
    hint = expected if name in ("min", "max", "abs", "round") and expected in _NUMBERS else None
    args = [lower(ctx, scope, each.value, hint) for each in node.arguments]
    if len(positional) == len(args):
        # A literal beside a decimal is a decimal.
        if name in ("min", "max") and any(arg.type == DECIMAL for arg in args) and hint is None:
            args = [
                lower(ctx, scope, each, DECIMAL) if isinstance(each, tree.NumberLiteral) else arg
                for each, arg in zip(positional, args, strict=True)
            ]
        for arg in args:
            if ctx.refuse_secret(arg, f"`{name}`"):
                return wrong(place, *args)
        if any(is_unknown(arg.type) for arg in args):
            return wrong(place, *args)
        signature = _SIGNATURES[name](ctx, args)
        if signature is not None:
            result, args = signature
            return BuiltinCall(name, tuple(args), result, None, place)
        types = ", ".join(a(arg.type) for arg in args) or "nothing"
        help = f"it is written {_usage(name)}"
        if len(args) == 1 and isinstance(args[0].type, OptionalOf):
            help = "give a value for `none`: `… ?? other`"
        ctx.report(BUILTIN, place, f"`{name}` does not take {types}", help=help)
    else:
        ctx.report(BUILTIN, place, f"`{name}` takes no named arguments", help=f"it is written {_usage(name)}")
    return wrong(place, *args)


def _count(
    ctx: Lowering, scope: Scope, items: tree.Expression, variant: tree.Expression, place: Place
) -> Expr:
    of = lower(ctx, scope, items)
    if is_unknown(of.type):
        return wrong(place, of)
    item = of.type.item if isinstance(of.type, ListOf) else None
    symbol = ctx.types.get(item.name) if isinstance(item, Named) else None
    if symbol is None or symbol.kind == "record":
        if not ctx.refuse_secret(of, "`count`"):
            ctx.report(
                BUILTIN,
                of.place,
                f"`count` counts a variant in a list of an enum, and this is {a(of.type)}",
                help=f"it is written {_usage('count')}",
            )
        return wrong(place, of)
    name: tree.Name | None = None
    if isinstance(variant, tree.NameExpression):
        name = variant.name
    elif isinstance(variant, tree.FieldAccess):
        match = qualified_variant(ctx, variant)
        if match is not None and match.ref.type == symbol.name:
            name = variant.name
        elif (
            match is None
            and isinstance(variant.subject, tree.NameExpression)
            and ctx.type_named(variant.subject.name.text)
        ):
            return wrong(place, of)
    if name is None:
        ctx.report(
            BUILTIN,
            variant.span,
            f"`count` counts a variant of `{symbol.name}`, and this is not one",
            help=f"it is written {_usage('count')}",
        )
        return wrong(place, of)
    if name.text not in symbol.variants:
        report_unknown_variant(ctx, name, symbol)
        return wrong(place, of)
    if ctx.recorder is not None:
        ctx.recorder.refer(name.span, symbol.variants[name.text].place)
    return BuiltinCall("count", (of,), INT, VariantRef(symbol.name, name.text), place)


def _usage(name: BuiltinName) -> str:
    word = words.function(name)
    assert word is not None, "the table has a row for each built-in function"
    forms = quoted((form.partition(" -> ")[0] for form in word.forms), "or")
    return f"{forms}, of {word.takes}" if word.takes else forms


Signature = Callable[[Lowering, list[Expr]], tuple[Type, list[Expr]] | None]


def _len(ctx: Lowering, args: list[Expr]) -> tuple[Type, list[Expr]] | None:
    if len(args) == 1 and (isinstance(args[0].type, ListOf | MapOf) or args[0].type in (STR, BYTES)):
        return INT, args
    return None


def _extreme(ctx: Lowering, args: list[Expr]) -> tuple[Type, list[Expr]] | None:
    if len(args) == 1:
        of = args[0].type
        return (of.item, args) if isinstance(of, ListOf) and of.item in ORDERED else None
    if not args:
        return None
    joined: Type | None = args[0].type
    for arg in args[1:]:
        joined = join(joined, arg.type) if joined is not None else None
    if joined is None or joined not in ORDERED:
        return None
    return joined, [coerce(arg, joined) or arg for arg in args]


def _abs(ctx: Lowering, args: list[Expr]) -> tuple[Type, list[Expr]] | None:
    return (args[0].type, args) if len(args) == 1 and args[0].type in (*_NUMBERS, DURATION) else None


def _round(ctx: Lowering, args: list[Expr]) -> tuple[Type, list[Expr]] | None:
    if len(args) == 1 and args[0].type in _NUMBERS:
        return INT, args
    if len(args) == 2 and args[0].type in _NUMBERS and args[1].type == INT:
        return args[0].type, args
    return None


def _str(ctx: Lowering, args: list[Expr]) -> tuple[Type, list[Expr]] | None:
    if len(args) != 1:
        return None
    of = args[0].type
    printed = of in PRINTED or isinstance(of, ProblemOf)
    if not printed and isinstance(of, Named):
        printed = ctx.types[of.name].kind != "record"
    return (STR, args) if printed else None


def _to(target: Type) -> Signature:
    taken = (*_NUMBERS, STR, BOOL) if target == INT else (*_NUMBERS, STR)

    def signature(ctx: Lowering, args: list[Expr]) -> tuple[Type, list[Expr]] | None:
        return (target, args) if len(args) == 1 and args[0].type in taken else None

    return signature


def _never(ctx: Lowering, args: list[Expr]) -> tuple[Type, list[Expr]] | None:
    return None


_SIGNATURES: dict[BuiltinName, Signature] = {
    "len": _len,
    "min": _extreme,
    "max": _extreme,
    "abs": _abs,
    "round": _round,
    "str": _str,
    "int": _to(INT),
    "float": _to(FLOAT),
    "decimal": _to(DECIMAL),
    "count": _never,
}
