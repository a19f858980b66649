"""Match arguments and field values with their parameters and fields."""

from __future__ import annotations

from collections.abc import Iterable

from opord.contract import Constant, Expr, Hole, OptionalOf, Place, Type
from opord.language.diagnostics.model import Label, code
from opord.language.diagnostics.suppressors import Unread
from opord.language.diagnostics.wording import listed
from opord.language.lowering.context import Lowering
from opord.language.lowering.dispatch import lower, lower_to
from opord.language.lowering.scope import Scope
from opord.language.lowering.symbols import Fields, TypeSymbol
from opord.language.syntax import tree
from opord.language.types import UNKNOWN

UNKNOWN_FIELD = code(
    "OP107",
    rule="name",
    title="an unknown field or parameter",
    suppressed_by=(Unread("in the head of what it mentions"),),
)
MISSING = code(
    "OP204",
    rule="type",
    title="missing or surplus arguments",
    suppressed_by=(Unread("in the head of what it mentions"),),
)
GIVEN_TWICE = code("OP119", rule="name", title="an argument or field given twice")


# The key for an argument with an unknown name. It may have been meant for any missing parameter, so
# nothing is reported as missing.
STRANGER = ""


def lower_arguments(
    ctx: Lowering,
    scope: Scope,
    params: Fields,
    arguments: list[tree.Argument],
    owner: str,
    noun: str,
) -> dict[str, Expr]:
    """Return the arguments by the name of their parameter. Missing arguments are not reported here.

    `owner` describes the callee in messages ("`charge_card`"), `noun` is "parameter" or "field".
    """
    values: dict[str, Expr] = {}
    names = list(params)
    surplus: tree.Argument | None = None
    named = False
    for position, argument in enumerate(arguments):
        if argument.name is not None:
            named = True
            name: str | None = _named(ctx, params, values, argument, owner, noun)
        elif named:
            name = None  # reported by the parser
        elif position < len(names):
            name = names[position]
        else:
            surplus = surplus or argument
            name = None
        if name is None:
            lower(ctx, scope, argument.value)
        else:
            type = params[name].type
            value = lower(ctx, scope, argument.value, type)
            if value.type is not type:
                value = ctx.fit(value, type, f"the {noun} `{name}` of {owner}", params[name].place)
            values[name] = value
    if ctx.recorder is not None:
        ctx.recorder.marked_among(scope, arguments, params)
    if surplus is not None:
        count = f"{len(names)} {noun}{'s' if len(names) != 1 else ''}" if names else f"no {noun}s"
        ctx.report(
            MISSING,
            surplus.span,
            f"{owner} has {count}, and {len(arguments)} {'are' if len(arguments) > 1 else 'is'} given",
            help=f"its {noun}s are {listed(names)}" if names else "remove the arguments",
        )
    return values


def _named(
    ctx: Lowering, params: Fields, values: dict[str, Expr], argument: tree.Argument, owner: str, noun: str
) -> str | None:
    assert argument.name is not None
    name = argument.name.text
    if name in params and ctx.recorder is not None:
        ctx.recorder.refer(argument.name.span, params[name].place)
    if name in values:
        ctx.report(
            GIVEN_TWICE,
            argument.name.span,
            f"`{name}` of {owner} is given twice",
            help="remove one of the two",
            labels=[Label(values[name].place, "given here")] if not isinstance(values[name], Hole) else (),
        )
        return None
    if name in params:
        return name
    near = ctx.near(name, (each for each in params if each not in values))
    hint = f"its {noun}s are {listed(params)}" if params else f"it has no {noun}s"
    ctx.report(UNKNOWN_FIELD, argument.name.span, f"{owner} has no {noun} `{name}`", near=near, help=hint)
    values[near or STRANGER] = Hole(UNKNOWN, ctx.place(argument.span))
    return None


def complete(
    ctx: Lowering,
    params: Fields,
    arguments: dict[str, Expr],
    owner: str,
    noun: str,
    span: tree.Span,
    *,
    short: bool = False,
) -> tuple[tuple[str, Expr], ...]:
    """Return a value for every parameter, in order: the argument, the default, or `none`.

    Missing arguments are reported, except with `short`: the caller then has reported wrong
    arguments.
    """
    place = ctx.place(span)
    values: list[tuple[str, Expr]] = []
    missing: list[str] = []
    for name, param in params.items():
        value = arguments.get(name)
        if value is None:
            if not param.may_be_left_out:
                missing.append(name)
            value = param.default or absent(param.type, place)
        values.append((name, value))
    if missing and not short and STRANGER not in arguments:
        report_missing(ctx, owner, noun, missing, place, params)
    return tuple(values)


def absent(type: Type, place: Place) -> Expr:
    """Return the value of a field without default and argument: `none` or a hole."""
    return Constant(None, type, place) if isinstance(type, OptionalOf) else Hole(UNKNOWN, place)


def report_missing(
    ctx: Lowering, owner: str, noun: str, missing: list[str], place: Place, params: Fields, extra: str = ""
) -> None:
    """Report parameters or fields that have no value."""
    given = ", ".join(f"{name}: …" for name in missing)
    ctx.report(
        MISSING,
        place,
        f"nothing is given for the {noun}{'s' if len(missing) > 1 else ''} {listed(missing)} of {owner}",
        help=f"add `{given}`{extra}",
        labels=[Label(params[missing[0]].place, "declared here")],
    )


def lower_field_values(
    ctx: Lowering, scope: Scope, values: Iterable[tree.FieldValue], symbol: TypeSymbol
) -> dict[str, Expr]:
    """Return the values in a record literal or after `with`, by field."""
    values_by_field: dict[str, Expr] = {}
    for each in values:
        name = each.name.text
        field = symbol.fields.get(name)
        if ctx.recorder is not None:
            if field is not None:
                ctx.recorder.refer(each.name.span, field.place)
            elif name == ctx.recorder.marker:
                ctx.recorder.marked(scope, owner=symbol)
        if field is None:
            lower(ctx, scope, each.value)
            if name:
                report_unknown_field(ctx, each.name, symbol)
            near = ctx.near(name, symbol.fields)
            values_by_field.setdefault(near or STRANGER, Hole(UNKNOWN, ctx.place(each.span)))
            continue
        what = f"the field `{name}` of `{symbol.name}`"
        value = lower_to(ctx, scope, each.value, field.type, what, field.place)
        if name in values_by_field and not isinstance(values_by_field[name], Hole):
            ctx.report(
                GIVEN_TWICE,
                each.name.span,
                f"`{name}` of `{symbol.name}` is given twice",
                help="remove one of the two",
            )
        values_by_field[name] = value
    return values_by_field


def report_unknown_field(ctx: Lowering, name: tree.Name, symbol: TypeSymbol) -> None:
    """Report a field that a record does not have."""
    near = ctx.near(name.text, symbol.fields)
    hint = f"it has {listed(symbol.fields)}" if symbol.fields else ""
    ctx.report(
        UNKNOWN_FIELD,
        name.span,
        f"`{symbol.name}` has no field `{name.text}`",
        near=near,
        help=hint,
        labels=[Label(symbol.place, "declared here")],
    )
