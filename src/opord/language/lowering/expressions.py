"""Lower names, fields and indexes, conditionals and records."""

from __future__ import annotations

from typing import assert_never

from opord.contract import (
    DATETIME,
    INT,
    JSON,
    STR,
    Attribute,
    Conditional,
    Expr,
    Hole,
    Index,
    ListOf,
    MakeRecord,
    MapOf,
    Named,
    Nothing,
    OptionalOf,
    Primitive,
    ProblemOf,
    RunInfo,
    SecretOf,
    Slice,
    Type,
    Unknown,
    Var,
    WithFields,
)
from opord.language.diagnostics.model import code
from opord.language.diagnostics.suppressors import Unread, undeclared
from opord.language.diagnostics.wording import listed
from opord.language.lowering.arguments import (
    STRANGER,
    UNKNOWN_FIELD,
    absent,
    lower_field_values,
    report_missing,
    report_unknown_field,
)
from opord.language.lowering.context import MISMATCH, Lowering, a, is_unknown, wrong
from opord.language.lowering.dispatch import LOWER, lower, lower_condition
from opord.language.lowering.scope import Scope
from opord.language.lowering.symbols import TypeSymbol
from opord.language.lowering.typenodes import UNKNOWN_TYPE
from opord.language.lowering.variants import lower_variant, qualified_variant, report_ambiguous
from opord.language.syntax import tree
from opord.language.types import RUN, UNKNOWN, join, named, optional

UNKNOWN_VARIABLE = code(
    "OP102",
    rule="name",
    title="an unknown name in an expression",
    suppressed_by=(Unread("in the head around it"), *undeclared("let", "pure")),
)
OTHER_KIND = code("OP113", rule="name", title="the name of something else", suppressed_by=undeclared())
OUT_OF_PLACE = code(
    "OP117", rule="name", title="a name that is not known in this place", suppressed_by=undeclared()
)
NO_PARTS = code(
    "OP205",
    rule="type",
    title="a value without such parts",
    suppressed_by=(Unread("in the head of what it mentions"),),
)

_RUN_FIELDS: dict[str, Type] = {"id": STR, "started_at": DATETIME}


# --- Names ----------------------------------------------------------------------------------------


def _name(ctx: Lowering, scope: Scope, node: tree.NameExpression, expected: Type | None) -> Expr:
    text = node.name.text
    binding = scope.names.get(text)
    if binding is not None:
        if binding.origin == "call_key":
            ctx.report(
                OUT_OF_PLACE,
                node.span,
                "`call` alone is not a value",
                help="write `call.key`, the key that the attempt in doubt was made with",
            )
            return Hole(UNKNOWN, ctx.place(node.span))
        if ctx.recorder is not None:
            ctx.recorder.variable(node.name, binding)
        return Var(text, binding.origin, binding.type, ctx.place(node.span))
    variants = ctx.variants.get(text)
    if variants is not None:
        if len(variants) > 1:
            report_ambiguous(ctx, node.name, variants)
            return Hole(UNKNOWN, ctx.place(node.span))
        if ctx.recorder is not None:
            ctx.recorder.refer(node.name.span, variants[0].place)
        return lower_variant(ctx, scope, variants[0], None, node.span)
    if ctx.recorder is not None:
        if text == ctx.recorder.marker:
            ctx.recorder.marked(scope, expected=expected)
        elif (symbol := ctx.type_named(text)) is not None:
            ctx.recorder.refer(node.name.span, symbol.place)
    if text:
        report_unknown_variable(ctx, scope, node.name)
    return Hole(UNKNOWN, ctx.place(node.span))


def report_unknown_variable(ctx: Lowering, scope: Scope, name: tree.Name) -> None:
    """Report a name that is not a variable; say what else has this name, if anything."""
    text = name.text
    if ctx.may_be_unread(text):
        return
    if text in scope.elsewhere:
        ctx.report(
            OUT_OF_PLACE, name.span, f"`{text}` is not known in {scope.where}", help=scope.elsewhere[text]
        )
    elif text in ctx.calls:
        call = ctx.calls[text]
        verb = {"pure": "", "effect": "perform ", "action": "commit "}[call.kind]
        ctx.report(
            OTHER_KIND,
            name.span,
            f"`{text}` is {'an' if call.kind != 'pure' else 'a'} {call.kind}, not a value",
            help=f"call it: `{verb}{text}(…)`",
        )
    elif ctx.type_named(text) is not None:
        symbol = ctx.types[text]
        how = (
            f"{text} {{ … }}"
            if symbol.kind == "record"
            else f"{text}.{next(iter(symbol.variants), 'Variant')}"
        )
        ctx.report(OTHER_KIND, name.span, f"`{text}` is a type, not a value", help=f"make one: `{how}`")
    elif text in ctx.states:
        ctx.report(
            OTHER_KIND, name.span, f"`{text}` is a state, not a value", help=f"`goto {text}` goes there"
        )
    elif ctx.swamped:
        ctx.report(
            UNKNOWN_VARIABLE, name.span, f"there is no `{text}` here", help=f"bind it with `let {text} = …`"
        )
    else:
        words = {"True": "true", "False": "false", "None": "none", "null": "none", "nil": "none"}
        near = words.get(text) or ctx.near(text, (*scope.names, *ctx.variants))
        names = listed((name for name in scope.names if name not in ("now", "run")), most=8)
        ctx.report(
            UNKNOWN_VARIABLE,
            name.span,
            f"there is no `{text}` here",
            near=near,
            help=f"known here: {names}" if names != "none" else f"bind it with `let {text} = …`",
        )


def _field_access(ctx: Lowering, scope: Scope, node: tree.FieldAccess, expected: Type | None) -> Expr:
    subject = node.subject
    if isinstance(subject, tree.NameExpression):
        text = subject.name.text
        binding = scope.names.get(text)
        if binding is None:
            variant = qualified_variant(ctx, node)
            if variant is not None:
                return lower_variant(ctx, scope, variant, None, node.span)
            symbol = ctx.type_named(text)
            if symbol is not None and symbol.unread:
                return Hole(UNKNOWN, ctx.place(node.span))
            if symbol is not None and symbol.kind != "record":
                return Hole(named(text), ctx.place(node.span))  # reported with the variant
            if text == "call" and node.name.text == "key":
                ctx.report(
                    OUT_OF_PLACE,
                    node.span,
                    "`call.key` is known only in the arguments of `in doubt check`",
                    help="a handler gets the key as `call.key` by itself",
                )
                return Hole(STR, ctx.place(node.span))
        elif binding.origin == "call_key" and node.name.text == "key":
            return Var("call.key", "call_key", STR, ctx.place(node.span))
    value = lower(ctx, scope, subject)
    return _attribute(ctx, value, node)


def _attribute(ctx: Lowering, value: Expr, node: tree.FieldAccess) -> Expr:
    place = ctx.place(node.span)
    name = node.name.text
    type = value.type
    if ctx.recorder is not None and name == ctx.recorder.marker:
        ctx.recorder.marked(part_of=type)
    if isinstance(type, Named):
        symbol = ctx.types[type.name]
        if symbol.kind == "record":
            field = symbol.fields.get(name)
            if field is not None:
                if ctx.recorder is not None:
                    ctx.recorder.refer(node.name.span, field.place)
                return Attribute(value, name, field.type, place)
            if name:
                report_unknown_field(ctx, node.name, symbol)
            return wrong(place, value)
    elif type is RUN or isinstance(type, RunInfo):
        if name in _RUN_FIELDS:
            return Attribute(value, name, _RUN_FIELDS[name], place)
        ctx.report(
            UNKNOWN_FIELD,
            node.name.span,
            f"the run has no `{name}`",
            near=ctx.near(name, _RUN_FIELDS),
            help="it has `run.id` and `run.started_at`",
        )
        return wrong(place, value)
    if is_unknown(type) or ctx.refuse_secret(value, f"`.{name}`"):
        return wrong(place, value)
    help = ""
    if isinstance(type, OptionalOf):
        help = "it may be `none`: first use `match` with `some` and `none`, or `… ?? other`"
    elif isinstance(type, Named):
        help = f"take the variants of `{type.name}` apart with `match`"
    elif isinstance(type, ProblemOf):
        help = "name the variants whose fields are needed in arms of their own"
    elif type == JSON:
        help = "a contract cannot look into a `json`; declare a record with the fields that you need"
    elif isinstance(type, MapOf):
        help = f'write `["{name}"]`'
    elif name in ("length", "len", "size", "count"):
        help = "write `len(…)`"
    elif isinstance(type, ListOf):
        help = "take one with `[index]`, or let a `pure` compute it"
    elif isinstance(type, Primitive):
        help = f"it has no parts; let a `pure` compute `{name}`"
    else:
        help = "only a record has fields"
    ctx.report(NO_PARTS, node.name.span, f"{a(type)} has no field `{name}`", help=help)
    return wrong(place, value)


# --- Parts ----------------------------------------------------------------------------------------


def _index(ctx: Lowering, scope: Scope, node: tree.Index, expected: Type | None) -> Expr:
    place = ctx.place(node.span)
    of = lower(ctx, scope, node.subject)
    match of.type:
        case ListOf(item):
            return Index(of, _position(ctx, scope, node.index), optional(item), place)
        case MapOf(item):
            value = lower(ctx, scope, node.index, STR)
            if not ctx.refuse_secret(value, "the key of a map"):
                value = ctx.fit(value, STR, "the key of a map")
            return Index(of, value, optional(item), place)
        case (
            Primitive()
            | OptionalOf()
            | SecretOf()
            | Named()
            | ProblemOf()
            | RunInfo()
            | Nothing()
            | Unknown()
        ):
            pass
        case _:
            assert_never(of.type)
    index = lower(ctx, scope, node.index)
    _refuse_parts(ctx, of, "no items", "`[ ]` looks", "a list or a map has items")
    return wrong(place, of, index)


def _position(ctx: Lowering, scope: Scope, node: tree.Expression) -> Expr:
    value = lower(ctx, scope, node, INT)
    return value if ctx.refuse_secret(value, "an index") else ctx.fit(value, INT, "an index")


def _slice(ctx: Lowering, scope: Scope, node: tree.Slice, expected: Type | None) -> Expr:
    place = ctx.place(node.span)
    of = lower(ctx, scope, node.subject)
    start = _position(ctx, scope, node.start) if node.start is not None else None
    stop = _position(ctx, scope, node.stop) if node.stop is not None else None
    if isinstance(of.type, ListOf) or of.type == STR:
        return Slice(of, start, stop, of.type, place)
    _refuse_parts(ctx, of, "no slices", "a slice", "a list or a text has slices")
    return wrong(place, *(each for each in (of, start, stop) if each is not None))


def _refuse_parts(ctx: Lowering, of: Expr, what: str, who: str, having: str) -> None:
    if is_unknown(of.type) or ctx.refuse_secret(of, who):
        return
    if of.type == STR:
        help = "a piece of a text is a slice: `[0:1]`"
    elif isinstance(of.type, OptionalOf):
        help = "it may be `none`: first use `match` with `some` and `none`, or `… ?? other`"
    elif isinstance(of.type, Named):
        help = "a field is written `.field`"
    else:
        help = f"only {having}"
    ctx.report(NO_PARTS, of.place, f"{a(of.type)} has {what}", help=help)


# --- Choices and records --------------------------------------------------------------------------


def _conditional(ctx: Lowering, scope: Scope, node: tree.Conditional, expected: Type | None) -> Expr:
    place = ctx.place(node.span)
    condition = lower_condition(ctx, scope, node.condition)
    if expected is None and isinstance(node.then, tree.NoneLiteral | tree.ListLiteral | tree.NumberLiteral):
        no = lower(ctx, scope, node.otherwise)
        yes = lower(ctx, scope, node.then, no.type)
    else:
        yes = lower(ctx, scope, node.then, expected)
        no = lower(ctx, scope, node.otherwise, expected or yes.type)
    type = join(yes.type, no.type)
    if type is None:
        ctx.report(
            MISMATCH,
            no.place,
            f"both sides of `if … then … else …` are of one type; here they are {a(yes.type)} and {a(no.type)}",
            help=f"give {a(yes.type)} here as well",
        )
        return wrong(place, condition, yes, no)
    return Conditional(
        condition, ctx.fit(yes, type, "the first side"), ctx.fit(no, type, "the other side"), type, place
    )


def _record(ctx: Lowering, scope: Scope, node: tree.RecordLiteral, expected: Type | None) -> Expr:
    place = ctx.place(node.span)
    symbol = ctx.type_named(node.name.text)
    if symbol is not None and ctx.recorder is not None:
        ctx.recorder.refer(node.name.span, symbol.place)
    if symbol is not None and symbol.kind == "record" and not symbol.unread:
        values = lower_field_values(ctx, scope, node.fields, symbol)
        missing = [
            name for name, field in symbol.fields.items() if name not in values and not field.may_be_left_out
        ]
        if missing and STRANGER not in values:
            report_missing(
                ctx, f"`{symbol.name}`", "field", missing, ctx.place(node.name.span), symbol.fields
            )
        fields: list[tuple[str, Expr | None]] = []
        for name, field in symbol.fields.items():
            value = values.get(name)
            if value is None and not field.has_default:
                value = absent(field.type, place)
            fields.append((name, value))
        return MakeRecord(symbol.name, tuple(fields), named(symbol.name), place)
    parts = [lower(ctx, scope, each.value) for each in node.fields]
    if symbol is None or not symbol.unread:
        _refuse_record(ctx, node, symbol)
    return wrong(place, *parts)


def _refuse_record(ctx: Lowering, node: tree.RecordLiteral, symbol: TypeSymbol | None) -> None:
    text = node.name.text
    if not text:
        return
    if symbol is not None:
        ctx.report(
            OTHER_KIND,
            node.name.span,
            f"`{text}` is {'an' if symbol.kind == 'enum' else 'a'} {symbol.kind}, not a record",
            help=f"make one of its variants: `{text}.{next(iter(symbol.variants), 'Variant')}`",
        )
    elif text in ctx.variants:
        ref = ctx.variants[text][0].ref
        ctx.report(
            OTHER_KIND,
            node.name.span,
            f"`{text}` is a variant of `{ref.type}`, not a record",
            help=f"its fields stand in parentheses: `{ref.type}.{text}(…)`",
        )
    else:
        near = ctx.near(
            text, (each.name for each in ctx.types.values() if each.visible and each.kind == "record")
        )
        ctx.report(
            UNKNOWN_TYPE,
            node.name.span,
            f"there is no record `{text}`",
            near=near,
            help=f"declare it: `record {text} {{ … }}`",
        )


def _with(ctx: Lowering, scope: Scope, node: tree.With, expected: Type | None) -> Expr:
    place = ctx.place(node.span)
    of = lower(ctx, scope, node.subject, expected)
    symbol = ctx.types.get(of.type.name) if isinstance(of.type, Named) else None
    if symbol is None or symbol.kind != "record":
        parts = [lower(ctx, scope, each.value) for each in node.fields]
        if not is_unknown(of.type) and not ctx.refuse_secret(of, "`with`"):
            ctx.report(NO_PARTS, of.place, f"`with` changes fields of a record, and this is {a(of.type)}")
        return wrong(place, of, *parts)
    values = lower_field_values(ctx, scope, node.fields, symbol)
    values.pop(STRANGER, None)
    return WithFields(of, tuple(values.items()), of.type, place)


LOWER.update(
    {
        tree.NameExpression: _name,
        tree.FieldAccess: _field_access,
        tree.Index: _index,
        tree.Slice: _slice,
        tree.Conditional: _conditional,
        tree.RecordLiteral: _record,
        tree.With: _with,
    }
)
