"""Write types, expressions and the names that bodies bind, in form 1 of the content."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeAlias, assert_never

from opord import contract as ir

Plain: TypeAlias = dict[str, Any]


def present_members(**members: Any) -> Plain:
    """Return the members that are not `None`, `False`, an empty list or an empty object."""
    return {name: value for name, value in members.items() if not _says_nothing(value)}


def _says_nothing(value: Any) -> bool:
    return value is None or value is False or value in ([], {})


class NameNumbers:
    """The names that a body has bound so far, each with the node that binds it.

    A name gets its number at its first use, and the number is written to the node that binds the
    name. So the form does not depend on the spelling of a name, and an unused name is not in the
    form.
    """

    def __init__(self, outer: NameNumbers | None = None) -> None:
        self._outer = outer
        self._names: dict[str, tuple[Plain, str]] = {}
        self._used: list[int] = outer._used if outer is not None else [0]

    def inner(self) -> NameNumbers:
        """Return the scope of a block or arm inside this scope; it continues the numbering."""
        return NameNumbers(self)

    def bind(self, name: str | None, place: Plain, member: str = "as") -> None:
        """Bind `name`. If it is used, its number becomes the member `member` of `place`."""
        if name is not None:
            self._names[name] = place, member

    def number(self, name: str) -> int:
        """Return the number of a name; the first use gives it one.

        Raises:
            ValueError: nothing binds the name.
        """
        scope: NameNumbers | None = self
        while scope is not None:
            if name in scope._names:
                place, member = scope._names[name]
                if member not in place:
                    self._used[0] += 1
                    place[member] = self._used[0]
                number: int = place[member]
                return number
            scope = scope._outer
        raise ValueError(f"no statement binds {name!r}")


# --- Types ---------------------------------------------------------------------------------------


def type_form(type_: ir.Type) -> Any:
    """Write the type of a declaration.

    Raises:
        ValueError: no declaration can have this type.
    """
    match type_:
        case ir.Primitive() | ir.Named():
            return type_.name
        case ir.ListOf():
            return {"list": type_form(type_.item)}
        case ir.MapOf():
            return {"map": type_form(type_.value)}
        case ir.OptionalOf():
            return {"optional": type_form(type_.item)}
        case ir.SecretOf():
            return {"secret": type_form(type_.item)}
        case ir.ProblemOf() | ir.RunInfo() | ir.Nothing() | ir.Unknown():
            raise ValueError(f"nothing can be declared with the type {type_}")
        case _:
            assert_never(type_)


# --- Values --------------------------------------------------------------------------------------


def constant(value: bool | int | float | str | Decimal | timedelta | None) -> Any:
    """Write a literal so that its type is visible.

    `1`, `1.0` and `decimal("1.0")` differ, and so do the decimals `1.0` and `1.00`.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return {"float": repr(value)}
        case Decimal():
            return {"decimal": str(value)}
        case timedelta():
            return {"us": value // timedelta(microseconds=1)}
        case _:
            assert_never(value)


def microseconds(value: timedelta | None) -> int | None:
    """Write a duration in microseconds; `None` for no duration."""
    return None if value is None else value // timedelta(microseconds=1)


def expression(value: ir.Expr, scope: NameNumbers) -> Plain:
    """Write an expression.

    Raises:
        ValueError: the expression is a hole.
    """
    match value:
        case ir.Constant():
            return {"is": "constant", "value": constant(value.value)}
        case ir.Text():
            parts = [each if isinstance(each, str) else expression(each, scope) for each in value.parts]
            return {"is": "text", **present_members(parts=parts)}
        case ir.Var():
            return _name(value, scope)
        case ir.Attribute():
            return {"is": "attribute", "of": expression(value.of, scope), "name": value.name}
        case ir.Index():
            return {
                "is": "index",
                "of": expression(value.of, scope),
                "at": expression(value.index, scope),
            }
        case ir.Slice():
            return {
                "is": "slice",
                "of": expression(value.of, scope),
                **present_members(start=_maybe(value.start, scope), stop=_maybe(value.stop, scope)),
            }
        case ir.Unary():
            return {"is": "unary", "operator": value.op, "of": expression(value.of, scope)}
        case ir.Binary():
            return {
                "is": "binary",
                "operator": value.op,
                "left": expression(value.left, scope),
                "right": expression(value.right, scope),
            }
        case ir.Conditional():
            return {
                "is": "conditional",
                "condition": expression(value.condition, scope),
                "yes": expression(value.yes, scope),
                "no": expression(value.no, scope),
            }
        case ir.PureCall():
            return {"is": "pure", "name": value.name, **present_members(arguments=_all(value.args, scope))}
        case ir.BuiltinCall():
            variant = None if value.variant is None else _variant(value.variant)
            arguments = _all(value.args, scope)
            return {
                "is": "function",
                "name": value.name,
                **present_members(arguments=arguments, variant=variant),
            }
        case ir.MakeRecord():
            fields = _members(value.fields, scope)
            return {"is": "record", "name": value.record, **present_members(fields=fields)}
        case ir.WithFields():
            changes = _members(value.changes, scope)
            return {"is": "with", "of": expression(value.of, scope), **present_members(fields=changes)}
        case ir.MakeVariant():
            fields = _members(value.fields, scope)
            return {"is": "variant", "variant": _variant(value.variant), **present_members(fields=fields)}
        case ir.MakeList():
            return {"is": "list", **present_members(items=_all(value.items, scope))}
        case ir.Convert():
            return {"is": "convert", "of": expression(value.of, scope), "to": type_form(value.type)}
        case ir.Hole():
            raise ValueError("an expression could not be understood")
        case _:
            assert_never(value)


def _name(var: ir.Var, scope: NameNumbers) -> Plain:
    match var.origin:
        case "binding":
            return {"is": "bound", "number": scope.number(var.name)}
        case "input" | "field" | "param":
            return {"is": var.origin, "name": var.name}
        case "now" | "run" | "actor" | "call_key":
            return {"is": var.origin}
        case _:
            assert_never(var.origin)


def _maybe(value: ir.Expr | None, scope: NameNumbers) -> Plain | None:
    return None if value is None else expression(value, scope)


def _all(values: Sequence[ir.Expr], scope: NameNumbers) -> list[Plain]:
    return [expression(each, scope) for each in values]


def _members(fields: Sequence[tuple[str, ir.Expr | None]], scope: NameNumbers) -> list[Plain]:
    """Write the fields that have a value, in the order of the file.

    The other fields take their defaults.
    """
    return [{"name": name, "value": expression(value, scope)} for name, value in fields if value is not None]


def _variant(ref: ir.VariantRef) -> Plain:
    return {"name": ref.variant, **present_members(of=ref.type)}
