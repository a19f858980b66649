"""Write expressions of a contract as Python expressions.

A call of a `pure` becomes `(yield Pure(…))`. So no comprehension and no lambda may be around an
operand. Evaluation goes from left to right, and stops where the contract's evaluation does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final, assert_never

from opord import contract as ir
from opord.codegen.imports import Imports
from opord.codegen.layout import escaped, quoted
from opord.codegen.names import Names, is_plain_enum, unions

# How tightly Python binds, loosest first.
CHOICE, OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, ATOM = range(9)

_ARITHMETIC: Final = {"+": "add", "-": "sub", "*": "mul", "/": "div", "//": "floor_div", "%": "mod"}
_PRIMITIVES: Final = {
    "bool": "bool",
    "int": "int",
    "float": "float",
    "decimal": "Decimal",
    "str": "str",
    "bytes": "bytes",
    "datetime": "datetime",
    "date": "date",
    "duration": "timedelta",
    "uuid": "UUID",
    "json": "Any",
}

Locals = Mapping[str, str]
"""The Python name of each binding in scope."""


class Expressions:
    """Writes the expressions and annotations of one contract."""

    def __init__(self, names: Names, imports: Imports) -> None:
        self.names = names
        self.imports = imports
        self.unions: dict[str, ir.Enum | ir.Failure] = {union.name: union for union in unions(names.contract)}
        self._records = {record.name: record for record in names.contract.records}
        self._spares = 0

    def write(self, expr: ir.Expr, names: Locals | None = None, *, hidden: Collection[str] = ()) -> str:
        """Write an expression that is not part of another one.

        `names` has the bound names, and `hidden` the names that hide imports.
        """
        return _Writer(self, names or {}, hidden).write(expr, CHOICE)

    def arguments(self, args: Collection[ir.Expr], names: Locals) -> str:
        """Write arguments as a tuple."""
        items = [self.write(arg, names) for arg in args]
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"

    def annotation(self, type_: ir.Type, hidden: Collection[str] = ()) -> str:
        """Write a type as an annotation in a scope that hides these names."""
        use = self.imports.use
        match type_:
            case ir.Primitive(name):
                return use(_PRIMITIVES[name], hidden)
            case ir.ListOf(item):
                return f"{use('list', hidden)}[{self.annotation(item, hidden)}]"
            case ir.MapOf(value):
                return f"{use('dict', hidden)}[{use('str', hidden)}, {self.annotation(value, hidden)}]"
            case ir.OptionalOf(item):
                return f"{self.annotation(item, hidden)} | None"
            case ir.SecretOf(item):
                return f"{use('Secret', hidden)}[{self.annotation(item, hidden)}]"
            case ir.Named(name):
                return self.imports.own(self.names.types[name], hidden)
            case ir.ProblemOf(failures, builtins):
                parts = [self.imports.own(self.names.types[name], hidden) for name in failures]
                return " | ".join(parts + [use(name, hidden) for name in builtins])
            case ir.RunInfo():
                return use("RunInfo", hidden)
            case ir.Nothing():
                return "None"
            case ir.Unknown():
                raise ValueError("a contract with errors has no Python form")
            case _:
                assert_never(type_)

    def variant(self, reference: ir.VariantRef) -> str:
        """Write a reference to a variant."""
        if not reference.type:
            return self.imports.use(reference.variant)
        return self.names.variant(reference.type, reference.variant)

    def fields_of(self, reference: ir.VariantRef) -> tuple[ir.Field, ...]:
        """Return the fields of a variant."""
        if not reference.type:
            return ()
        variants = self.unions[reference.type].variants
        return next(one.fields for one in variants if one.name == reference.variant)

    def record(self, name: str) -> ir.RecordType:
        """Return a record by its name."""
        return self._records[name]

    def spare(self) -> str:
        """Return a new name for a value that is used twice."""
        self._spares += 1
        return f"_{self._spares}"


class _Writer:
    def __init__(self, expressions: Expressions, names: Locals, hidden: Collection[str]) -> None:
        self._all = expressions
        self._names = names
        self._hidden = hidden

    def write(self, expr: ir.Expr, tightness: int) -> str:
        """Write an expression for a place where Python binds this tightly.

        Parentheses are added if needed.
        """
        text, own = self._write(expr)
        return text if own >= tightness else f"({text})"

    def _use(self, name: str) -> str:
        return self._all.imports.use(name, self._hidden)

    def _call(self, function: str, *args: ir.Expr) -> tuple[str, int]:
        return f"{self._use(function)}({', '.join(self.write(arg, CHOICE) for arg in args)})", ATOM

    def _write(self, expr: ir.Expr) -> tuple[str, int]:
        match expr:
            case ir.Constant():
                return self._constant(expr)
            case ir.Text():
                return self._text(expr), ATOM
            case ir.Var():
                return self._var(expr), ATOM
            case ir.Attribute():
                return f"{self.write(expr.of, ATOM)}.{self._attribute(expr)}", ATOM
            case ir.Index():
                return self._index(expr)
            case ir.Slice():
                return f"{self.write(expr.of, ATOM)}[{self._bounds(expr)}]", ATOM
            case ir.Unary("not", ir.Binary("in", left, right)):
                return f"{self.write(left, SUM)} not in {self.write(right, SUM)}", COMPARE
            case ir.Unary():
                return self._unary(expr)
            case ir.Binary():
                return self._binary(expr)
            case ir.Conditional(condition, yes, no):
                parts = self.write(yes, OR), self.write(condition, OR), self.write(no, CHOICE)
                return f"{parts[0]} if {parts[1]} else {parts[2]}", CHOICE
            case ir.PureCall(name, args):
                call = f"{self._use('Pure')}({quoted(name)}, {self._all.arguments(args, self._names)})"
                return f"(yield {call})", ATOM
            case ir.BuiltinCall():
                return self._builtin(expr), ATOM
            case ir.MakeRecord(record, fields):
                attributes = self._all.names.fields(self._all.record(record).fields)
                return f"{self._own(self._all.names.types[record])}({self._named(fields, attributes)})", ATOM
            case ir.WithFields(of, changes, type_):
                assert isinstance(type_, ir.Named), type_
                attributes = self._all.names.fields(self._all.record(type_.name).fields)
                return (
                    f"{self._use('replace')}({self.write(of, CHOICE)}, {self._named(changes, attributes)})",
                    ATOM,
                )
            case ir.MakeVariant():
                return self._make_variant(expr), ATOM
            case ir.MakeList(items):
                return f"[{', '.join(self.write(item, CHOICE) for item in items)}]", ATOM
            case ir.Convert(ir.Constant(value), ir.Primitive("float")):
                return repr(float(value)), ATOM  # type: ignore[arg-type]
            case ir.Convert(of, ir.Primitive("float")):
                return self._call("float", of)
            case ir.Convert(of, ir.Primitive("decimal")):
                return self._call("Decimal", of)
            case ir.Convert(type=type_):
                raise AssertionError(f"nothing is converted to {type_}")
            case ir.Hole():
                raise ValueError("a contract with errors has no Python form")
            case _:
                assert_never(expr)

    def _unary(self, expr: ir.Unary) -> tuple[str, int]:
        match expr.op:
            case "not":
                return f"not {self.write(expr.of, NOT)}", NOT
            case "-":
                return self._call("neg", expr.of)
            case _:
                assert_never(expr.op)

    def _own(self, name: str) -> str:
        return self._all.imports.own(name, self._hidden)

    def _constant(self, expr: ir.Constant) -> tuple[str, int]:
        value = expr.value
        if isinstance(value, str):
            return quoted(value), ATOM
        if isinstance(value, Decimal):
            return f'{self._use("Decimal")}("{value}")', ATOM
        if isinstance(value, timedelta):
            return _duration(value, self._use("timedelta")), ATOM
        if expr.type == ir.FLOAT and type(value) is int:
            value = float(value)
        if expr.type == ir.DECIMAL and type(value) is int:
            return f'{self._use("Decimal")}("{value}")', ATOM
        return repr(value).replace("e+", "e"), SIGN if isinstance(value, (int, float)) and value < 0 else ATOM

    def _var(self, expr: ir.Var) -> str:
        match expr.origin:
            case "input":
                return f"frame.input.{self._all.names.fields(self._all.names.contract.params)[expr.name]}"
            case "field":
                return f"state.{self._all.names.state_fields[expr.name]}"
            case "now" | "run" | "actor":
                return f"frame.{expr.origin}"
            case "call_key":
                return "call_key"
            case "binding" | "param":
                return self._names[expr.name]
            case _:
                assert_never(expr.origin)

    def _index(self, expr: ir.Index) -> tuple[str, int]:
        match expr.of.type:
            case ir.MapOf():
                return f"{self.write(expr.of, ATOM)}.get({self.write(expr.index, CHOICE)})", ATOM
            case ir.ListOf():
                return self._call("item", expr.of, expr.index)
            case other:  # open: the checker allows no other index
                raise AssertionError(f"{other} has no items")

    def _attribute(self, expr: ir.Attribute) -> str:
        match expr.of.type:
            case ir.Named(name):
                return self._all.names.fields(self._all.record(name).fields)[expr.name]
            case ir.RunInfo():
                return expr.name
            case other:  # open: the checker gives fields to no other type
                raise AssertionError(f"{other} has no fields")

    def _bounds(self, expr: ir.Slice) -> str:
        start = "" if expr.start is None else self.write(expr.start, CHOICE)
        stop = "" if expr.stop is None else self.write(expr.stop, CHOICE)
        if all(part.lstrip("-").isalnum() for part in (start, stop) if part):
            return f"{start}:{stop}"
        return f"{start} : {stop}".strip()

    def _binary(self, expr: ir.Binary) -> tuple[str, int]:
        match expr.op:
            case "or":
                return f"{self.write(expr.left, OR)} or {self.write(expr.right, AND)}", OR
            case "and":
                return f"{self.write(expr.left, AND)} and {self.write(expr.right, NOT)}", AND
            case "??":
                return self._coalesce(expr), CHOICE
            case "==" | "!=" if _is_none(expr.right) or _is_none(expr.left):
                value = expr.left if _is_none(expr.right) else expr.right
                return f"{self.write(value, SUM)} is {'not ' if expr.op == '!=' else ''}None", COMPARE
            case "==" | "!=" | "<" | "<=" | ">" | ">=" | "in":
                return f"{self.write(expr.left, SUM)} {expr.op} {self.write(expr.right, SUM)}", COMPARE
            case "+" | "-" | "*" | "/" | "//" | "%":
                return self._calculated(expr)
            case _:
                assert_never(expr.op)

    def _calculated(self, expr: ir.Binary) -> tuple[str, int]:
        match expr.type:
            case ir.Primitive("str") | ir.ListOf() if expr.op == "+":
                return f"{self.write(expr.left, SUM)} + {self.write(expr.right, PRODUCT)}", SUM
            case ir.Primitive("int" | "float" | "decimal" | "duration" | "datetime"):
                return self._call(_ARITHMETIC[expr.op], expr.left, expr.right)
            case other:  # open: the checker allows no other arithmetic
                raise AssertionError(f"nothing of {other} comes of {expr.op}")

    def _coalesce(self, expr: ir.Binary) -> str:
        other = self.write(expr.right, CHOICE)
        if isinstance(expr.left, ir.Var):
            value = self.write(expr.left, OR)
            return f"{value} if {value} is not None else {other}"
        spare = self._all.spare()
        value = self.write(expr.left, CHOICE)
        return f"{spare} if ({spare} := {value}) is not None else {other}"

    def _builtin(self, expr: ir.BuiltinCall) -> str:
        args = expr.args
        match expr.name:
            case "len":
                return self._call("len", *args)[0]
            case "min" | "max":
                if len(args) > 1:
                    return self._call(expr.name, *args)[0]
                if isinstance(expr.type, ir.OptionalOf):
                    return f"{self._use(expr.name)}({self.write(args[0], CHOICE)}, default=None)"
                return self._call("least" if expr.name == "min" else "greatest", *args)[0]
            case "round":
                return self._call("round_to_int" if len(args) == 1 else "round_to", *args)[0]
            case "count":
                assert expr.variant is not None
                return (
                    f"{self._use('count')}({self.write(args[0], CHOICE)}, {self._all.variant(expr.variant)})"
                )
            case "abs":
                return self._call("absolute", *args)[0]
            case "str":
                return self._call("text", *args)[0]
            case "int":
                return self._call("to_int", *args)[0]
            case "float":
                return self._call("to_float", *args)[0]
            case "decimal":
                return self._call("to_decimal", *args)[0]
            case _:
                assert_never(expr.name)

    def _make_variant(self, expr: ir.MakeVariant) -> str:
        union = self._all.unions[expr.variant.type]
        if is_plain_enum(union):
            return self._all.variant(expr.variant)
        declared = self._all.fields_of(expr.variant)
        fields = expr.fields
        if isinstance(union, ir.Failure):  # its class does not have every default
            defaults = {field.name: field.default for field in declared}
            fields = tuple((name, defaults[name] if value is None else value) for name, value in fields)
            optional = {field.name: field.type for field in declared}
            fields = tuple(
                (name, ir.Constant(None, optional[name]) if value is None else value)
                for name, value in fields
            )
        return f"{self._all.variant(expr.variant)}({self._named(fields, self._all.names.variant_fields(declared))})"

    def _named(self, values: Collection[tuple[str, ir.Expr | None]], attributes: Mapping[str, str]) -> str:
        present = [(name, value) for name, value in values if value is not None]
        return ", ".join(f"{attributes[name]}={self.write(value, CHOICE)}" for name, value in present)

    def _text(self, expr: ir.Text) -> str:
        fixed = "".join(part for part in expr.parts if isinstance(part, str))
        if len(expr.parts) <= 1:
            return self._joined(expr)
        quote = "'" if fixed.count('"') > fixed.count("'") else '"'
        parts = []
        for part in expr.parts:
            if isinstance(part, str):
                parts.append(escaped(part, quote).replace("{", "{{").replace("}", "}}"))
                continue
            value = self.write(part, CHOICE) if part.type == ir.INT else self._printed(part)
            # Python 3.11 allows no quotes inside the braces of an f-string, and colons have a
            # meaning there.
            if any(sign in value for sign in "\"'\\{}!:"):
                return self._joined(expr)
            parts.append(f"{{{value}}}")
        return f"f{quote}{''.join(parts)}{quote}"

    def _joined(self, expr: ir.Text) -> str:
        parts = [quoted(part) if isinstance(part, str) else self._printed(part) for part in expr.parts]
        if len(parts) <= 1:
            return parts[0] if parts else '""'
        return f'"".join(({", ".join(parts)}))'

    def _printed(self, expr: ir.Expr) -> str:
        return self.write(expr, CHOICE) if expr.type == ir.STR else self._call("text", expr)[0]


def _duration(value: timedelta, name: str) -> str:
    units: tuple[tuple[str, timedelta], ...] = (
        ("hours", timedelta(hours=1)),
        ("minutes", timedelta(minutes=1)),
        ("seconds", timedelta(seconds=1)),
        ("milliseconds", timedelta(milliseconds=1)),
        ("microseconds", timedelta(microseconds=1)),
    )
    if value.days and not value % timedelta(days=1):
        return (
            f"{name}(days={value.days})" if value >= timedelta(days=3) else f"{name}(hours={value.days * 24})"
        )
    for unit, one in units:
        if not value % one:
            return f"{name}({unit}={value // one})"
    raise AssertionError(value)


def _is_none(expr: ir.Expr) -> bool:
    return isinstance(expr, ir.Constant) and expr.value is None
