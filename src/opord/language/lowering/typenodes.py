"""Lower written types: look up their names and report impossible types."""

from __future__ import annotations

from typing import assert_never

from opord.contract import STR, ListOf, MapOf, Named, OptionalOf, SecretOf, Type
from opord.language.diagnostics.model import Label, code
from opord.language.diagnostics.suppressors import undeclared
from opord.language.lowering.context import Lowering
from opord.language.lowering.symbols import TypeSymbol
from opord.language.syntax import tree
from opord.language.types import PRIMITIVES, UNKNOWN, named, show

UNKNOWN_TYPE = code(
    "OP101", rule="name", title="an unknown type", suppressed_by=undeclared("record", "enum", "failure")
)
IMPOSSIBLE_TYPE = code("OP207", rule="type", title="a type that cannot be")

# Names of types in other languages.
_ELSEWHERE = {
    "string": "str", "String": "str", "text": "str", "integer": "int", "Int": "int", "number": "float",
    "double": "float", "boolean": "bool", "Bool": "bool", "timestamp": "datetime", "DateTime": "datetime",
    "timedelta": "duration", "Decimal": "decimal", "UUID": "uuid", "any": "json", "object": "json", "dict": "map[str, …]",
    "array": "list[…]", "list": "list[…]", "map": "map[str, …]",
}  # fmt: skip


def lower_type(ctx: Lowering, node: tree.TypeNode) -> Type:
    """Return the written type; `Unknown` if it cannot be known."""
    match node:
        case tree.NamedType(name):
            return _named(ctx, name)
        case tree.ListType(element):
            return ListOf(lower_type(ctx, element))
        case tree.MapType(key, value):
            key_type = lower_type(ctx, key)
            if key_type not in (STR, UNKNOWN):
                ctx.report(
                    IMPOSSIBLE_TYPE,
                    key.span,
                    f"the keys of a map are texts, not `{show(key_type)}`",
                    help="write `map[str, T]`, or use a list of records",
                )
            return MapOf(lower_type(ctx, value))
        case tree.OptionalType(inner):
            item = lower_type(ctx, inner)
            if isinstance(item, OptionalOf):
                ctx.report(
                    IMPOSSIBLE_TYPE,
                    node.span,
                    f"`{show(item)}` is optional already",
                    help="remove one `?`",
                )
            return item if isinstance(item, OptionalOf) or item is UNKNOWN else OptionalOf(item)
        case tree.SecretType(inner):
            return _secret(ctx, node, lower_type(ctx, inner))
        case tree.Unparsed():
            return UNKNOWN
        case _:
            assert_never(node)


def _secret(ctx: Lowering, node: tree.SecretType, item: Type) -> Type:
    if isinstance(item, SecretOf):
        ctx.report(
            IMPOSSIBLE_TYPE, node.span, f"`{show(item)}` is secret already", help="remove one `secret`"
        )
        return item
    if isinstance(item, OptionalOf):  # an indirect `secret (T?)`, which means `secret T?`
        return item if isinstance(item.item, SecretOf) else OptionalOf(SecretOf(item.item))
    return item if item is UNKNOWN else SecretOf(item)


def _named(ctx: Lowering, name: tree.Name) -> Type:
    text = name.text
    primitive = PRIMITIVES.get(text)
    if primitive is not None:
        return primitive
    symbol = ctx.types.get(text)
    if symbol is not None and symbol.visible:
        if ctx.recorder is not None:
            ctx.recorder.refer(name.span, symbol.place)
        return UNKNOWN if symbol.unread else named(text)
    return _report_unknown(ctx, name, symbol) if text else UNKNOWN


def _report_unknown(ctx: Lowering, name: tree.Name, hidden: TypeSymbol | None) -> Type:
    """Report an unknown type; return the type that was clearly meant, or `Unknown`."""
    text = name.text
    help = ""
    near: str | None = None
    meant_type: Type = UNKNOWN
    if hidden is not None:
        help = f'add `{text}` to the names in `use "{hidden.used_from}"`'
    elif text in _ELSEWHERE:
        help = f"it is written `{_ELSEWHERE[text]}` here"
        meant_type = PRIMITIVES.get(_ELSEWHERE[text], UNKNOWN)
    elif text in ctx.states:
        help = "a state is not a type: declare a `record` with what it carries"
    elif not ctx.swamped:
        visible = (each.name for each in ctx.types.values() if each.visible and not each.unread)
        near = ctx.near(text, (*visible, *PRIMITIVES))
        help = f"declare it: `record {text} {{ … }}`"
        if near is not None:
            meant_type = PRIMITIVES.get(near) or named(near)
    ctx.report(UNKNOWN_TYPE, name.span, f"there is no type `{text}`", help=help, near=near)
    return meant_type


def refuse_endless(ctx: Lowering) -> None:
    """Report types whose values would be endless: each contains another of the same type."""
    waiting = dict(ctx.types)
    finite: set[str] = set()
    users: dict[str, list[str]] = {}
    for name, symbol in ctx.types.items():
        for field in symbol.all_fields():
            inner = _direct(field.type)
            if inner is not None:
                users.setdefault(inner, []).append(name)
    queue = list(ctx.types)
    while queue:
        name = queue.pop()
        if name in waiting and _ends(waiting[name], finite):
            del waiting[name]
            finite.add(name)
            queue.extend(users.get(name, ()))
    reported: set[str] = set()
    for name, symbol in waiting.items():
        if name in reported or symbol.used_from is not None:
            continue
        circle = _circle(waiting, name, finite)
        reported.update(circle)
        first = next(
            field
            for field in waiting[circle[0]].all_fields()
            if _direct(field.type) == circle[1 % len(circle)]
        )
        chain = " contains ".join(
            f"`{each}`" for each in (*circle[:6], *(["…"] if len(circle) > 6 else []), circle[0])
        )
        ctx.report(
            IMPOSSIBLE_TYPE,
            first.place,
            f"no value of `{circle[0]}` can ever be complete: {chain}",
            help=f"make it `{first.name}: {show(first.type)}?` or a list",
            labels=[Label(waiting[each].place, "declared here") for each in circle[:6]],
        )


def _circle(waiting: dict[str, TypeSymbol], start: str, finite: set[str]) -> list[str]:
    """Follow fields from an endless type until a type repeats; return the types of this circle."""
    path = [start]
    positions = {start: 0}
    while True:
        after = next(
            name
            for field in waiting[path[-1]].all_fields()
            if (name := _direct(field.type)) and name not in finite
        )
        if after in positions:
            return path[positions[after] :]
        positions[after] = len(path)
        path.append(after)


def _ends(symbol: TypeSymbol, finite: set[str]) -> bool:
    if symbol.kind == "record":
        return all(_field_ends(each.type, finite) for each in symbol.fields.values())
    if not symbol.variants:
        return True
    return any(
        all(_field_ends(each.type, finite) for each in variant.fields.values())
        for variant in symbol.variants.values()
    )


def _field_ends(type: Type, finite: set[str]) -> bool:
    name = _direct(type)
    return name is None or name in finite


def _direct(type: Type) -> str | None:
    """Return the type of which every value of `type` contains one.

    Lists, maps and optionals can be empty.
    """
    if isinstance(type, SecretOf):
        return _direct(type.item)
    return type.name if isinstance(type, Named) else None
