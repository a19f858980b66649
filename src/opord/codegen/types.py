"""Write types as annotations, and the classes of records, enums and failures."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from opord.codegen.expressions import Expressions
from opord.codegen.layout import docstring, quoted
from opord.codegen.names import is_plain_enum
from opord.contract import (
    DURATION,
    AskedWait,
    Constant,
    Enum,
    Expr,
    Failure,
    Field,
    OptionalOf,
    RecordType,
    Variant,
)
from opord.values.duration import format_duration

STRUCT_OPTIONS: Final = "frozen=True, kw_only=True"


class TypeWriter:
    """Writes the classes of a contract's types."""

    def __init__(self, expressions: Expressions) -> None:
        self._expressions = expressions
        self._names = expressions.names
        self._imports = expressions.imports

    def record(self, record: RecordType) -> list[str]:
        """Write a record as a frozen struct."""
        base = self._imports.use("Struct")
        lines = [f"class {self._names.types[record.name]}({base}, {STRUCT_OPTIONS}):"]
        return lines + self.body(record.fields, record.doc or f"The record `{record.name}`.", 1)

    def union(self, union: Enum | Failure) -> list[list[str]]:
        """Write an enum or a failure.

        If its variants have their own classes, these are several classes.
        """
        doc = union.doc
        if isinstance(union, Enum) and is_plain_enum(union):
            return [self._plain_enum(union, doc or f"The enum `{union.name}`.")]
        name = self._names.types[union.name]
        base = self._imports.use("Failure" if isinstance(union, Failure) else "Sum")
        alias = self._imports.use("TypeAlias")
        lines = [f"class {name}({base}):"]
        lines += docstring(
            doc or f"The {'failure' if isinstance(union, Failure) else 'enum'} `{union.name}`.", 1
        )
        lines += [""]
        forms = self._names.variants[union.name]
        for variant in union.variants:
            form = forms[variant.name]
            lines.append(f'    {form}: {alias} = "{name}_{form}"')
        classes = [lines]
        for variant in union.variants:
            part = f"{name}_{forms[variant.name]}"
            if isinstance(union, Failure):
                classes.append(self._failure_variant(part, name, variant))
            else:
                classes.append(self._sum_variant(part, name, variant))
        return classes

    def body(
        self,
        fields: tuple[Field, ...],
        doc: str,
        depth: int,
        *,
        defaults: bool = True,
        names: dict[str, str] | None = None,
    ) -> list[str]:
        """Write the body of a struct: its docstring and its fields."""
        margin = "    " * depth
        lines = docstring(_with_fields(doc, fields), depth)
        attributes = self._names.fields(fields) if names is None else names
        hidden = set(attributes.values())
        if fields:
            lines.append("")
        for field in fields:
            annotation = self._expressions.annotation(field.type, hidden)
            line = f"{margin}{attributes[field.name]}: {annotation}"
            lines.append(line + (self._default(field, hidden) if defaults else ""))
        return lines

    def _default(self, field: Field, hidden: Collection[str]) -> str:
        if field.default is None:
            return " = None" if isinstance(field.type, OptionalOf) else ""
        if isinstance(field.default, Constant):
            return f" = {self._expressions.write(field.default, hidden=hidden)}"
        value = self._expressions.write(field.default)
        return f" = {self._imports.use('field', hidden)}(default_factory=lambda: {value})"

    def _plain_enum(self, enum: Enum, doc: str) -> list[str]:
        lines = [
            f"class {self._names.types[enum.name]}({self._imports.use('Enum')}):",
            *docstring(doc, 1),
            "",
        ]
        forms = self._names.variants[enum.name]
        for variant in enum.variants:
            lines.append(f"    {forms[variant.name]} = {quoted(variant.name)}")
        return lines

    def _sum_variant(self, name: str, base: str, variant: Variant) -> list[str]:
        lines = [f"class {name}({base}, {self._imports.use('Struct')}, {STRUCT_OPTIONS}):"]
        attributes = self._names.variant_fields(variant.fields)
        lines += self.body(
            variant.fields, variant.doc or f"The variant `{variant.name}`.", 1, names=attributes
        )
        hidden = set(attributes.values())
        tag = (
            f"    opord_variant: {self._imports.use('ClassVar', hidden)}[{self._imports.use('str', hidden)}]"
        )
        return [*lines, *([] if variant.fields else [""]), f"{tag} = {quoted(variant.name)}"]

    def _failure_variant(self, name: str, base: str, variant: Variant) -> list[str]:
        mark, kind = _kind_of_failure(variant)
        attributes = self._names.variant_fields(variant.fields)
        hidden = set(attributes.values())
        lines = [
            f"@{self._imports.use('variant')}({quoted(variant.name)}{mark}{self._asked_wait(variant, attributes)})",
            f"class {name}({base}):",
        ]
        lines += docstring(_with_fields(variant.doc or kind, variant.fields), 1)
        if variant.fields:
            lines.append("")
        for field in variant.fields:
            annotation = self._expressions.annotation(field.type, hidden)
            default = _default_by_position(variant.fields, field)
            value = "" if default is None else f" = {self._expressions.write(default, hidden=hidden)}"
            lines.append(f"    {attributes[field.name]}: {annotation}{value}")
        return lines

    def _asked_wait(self, variant: Variant, attributes: Mapping[str, str]) -> str:
        """Return the decorator arguments that name the field with the wait, and its limit."""
        wait = variant.wait
        if wait is None:
            return ""
        limit = ""
        if wait.at_most is not None:
            limit = f", wait_at_most={self._expressions.write(Constant(wait.at_most, DURATION))}"
        return f", wait={quoted(attributes[wait.field])}{limit}"


def _kind_of_failure(variant: Variant) -> tuple[str, str]:
    """Return the decorator arguments of a failure's class, and the sentence for its docstring."""
    if variant.wait is not None:
        return ", transient=True", _asked_wait_in_words(variant.wait)
    if variant.transient:
        return ", transient=True", "May be tried again: this attempt did not take effect."
    if variant.settles:
        return ", settles=True", "Final, for every attempt under the key: none of them took effect."
    return "", "Final."


def _asked_wait_in_words(wait: AskedWait) -> str:
    limit = f", at most {format_duration(wait.at_most)}" if wait.at_most is not None else ""
    return f"May be tried again after `{wait.field}`{limit}: this attempt did not take effect."


def _default(field: Field) -> Expr | None:
    """Return what stands for a field that is left out, if it is a literal, or None."""
    if field.default is None and isinstance(field.type, OptionalOf):
        return Constant(None, field.type)
    return field.default if isinstance(field.default, Constant) else None


def _default_by_position(fields: tuple[Field, ...], field: Field) -> Expr | None:
    """Return the default of a field that may be given by its position, or None.

    There is one if this field and all later ones have one: Python takes no others in front.
    """
    later = fields[fields.index(field) :]
    return None if any(_default(each) is None for each in later) else _default(field)


def parameters(
    expressions: Expressions, fields: tuple[Field, ...], names: dict[str, str], hidden: Collection[str] = ()
) -> list[str]:
    """Write parameters that are given by name, with all defaults that are literals."""
    return [_parameter(expressions, field, _default(field), names, hidden) for field in fields]


def parameters_by_position(
    expressions: Expressions, fields: tuple[Field, ...], names: dict[str, str], hidden: Collection[str] = ()
) -> list[str]:
    """Write parameters that may be given by position: only the last ones can have defaults."""
    return [
        _parameter(expressions, field, _default_by_position(fields, field), names, hidden) for field in fields
    ]


def _parameter(
    expressions: Expressions,
    field: Field,
    default: Expr | None,
    names: dict[str, str],
    hidden: Collection[str],
) -> str:
    text = f"{names[field.name]}: {expressions.annotation(field.type, hidden)}"
    return text if default is None else f"{text} = {expressions.write(default)}"


def _with_fields(doc: str, fields: tuple[Field, ...]) -> str:
    """Add the documentation of fields to the documentation of their owner."""
    field_docs = [f"{field.name}: {' '.join(field.doc.split())}" for field in fields if field.doc]
    return doc if not field_docs else doc.rstrip() + "\n\n" + "\n".join(field_docs)
