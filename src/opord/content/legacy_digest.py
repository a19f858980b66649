"""Compute digests in form 0, which was used before the content had a form of its own. Frozen.

Form 0 wrote the objects of `contract/` with the names of their classes and members, in the order
of the file. Stores, archives and generated modules of that time have such digests. The names below
are those of that time: never change them when `contract/` changes.
"""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from decimal import Decimal
from typing import Any

from opord import contract as ir
from opord.values import canonical

_MEMBERS: dict[type[Any], tuple[str, tuple[str, ...]]] = {
    ir.Primitive: ("Primitive", ("name",)),
    ir.ListOf: ("ListOf", ("item",)),
    ir.MapOf: ("MapOf", ("value",)),
    ir.OptionalOf: ("OptionalOf", ("item",)),
    ir.SecretOf: ("SecretOf", ("item",)),
    ir.Named: ("Named", ("name",)),
    ir.ProblemOf: ("ProblemOf", ("failures", "builtins")),
    ir.RunInfo: ("RunInfo", ()),
    ir.Nothing: ("Nothing", ()),
    ir.Unknown: ("Unknown", ()),
    ir.Constant: ("Constant", ("value", "type")),
    ir.Text: ("Text", ("parts", "type")),
    ir.Var: ("Var", ("name", "origin", "type")),
    ir.Attribute: ("Attribute", ("of", "name", "type")),
    ir.Index: ("Index", ("of", "index", "type")),
    ir.Slice: ("Slice", ("of", "start", "stop", "type")),
    ir.Unary: ("Unary", ("op", "of", "type")),
    ir.Binary: ("Binary", ("op", "left", "right", "type")),
    ir.Conditional: ("Conditional", ("condition", "yes", "no", "type")),
    ir.PureCall: ("PureCall", ("name", "args", "type")),
    ir.BuiltinCall: ("BuiltinCall", ("name", "args", "type", "variant")),
    ir.MakeRecord: ("MakeRecord", ("record", "fields", "type")),
    ir.WithFields: ("WithFields", ("of", "changes", "type")),
    ir.MakeVariant: ("MakeVariant", ("variant", "fields", "type")),
    ir.MakeList: ("MakeList", ("items", "type")),
    ir.Convert: ("Convert", ("of", "type")),
    ir.VariantRef: ("VariantRef", ("type", "variant")),
    ir.CallSite: ("CallSite", ("verb", "name", "args")),
    ir.Let: ("Let", ("name", "value")),
    ir.Call: ("Call", ("site", "name", "type", "arms")),
    ir.If: ("If", ("condition", "then", "otherwise")),
    ir.Goto: ("Goto", ("state", "args")),
    ir.Match: ("Match", ("subject", "arms")),
    ir.Arm: ("Arm", ("pattern", "body")),
    ir.OkPattern: ("OkPattern", ("name", "type")),
    ir.VariantPattern: ("VariantPattern", ("variants", "names")),
    ir.SomePattern: ("SomePattern", ("name", "type")),
    ir.NonePattern: ("NonePattern", ()),
    ir.ConstantPattern: ("ConstantPattern", ("values",)),
    ir.ElsePattern: ("ElsePattern", ("name", "type")),
    ir.Field: ("Field", ("name", "type", "default")),
    ir.RecordType: ("Record", ("name", "fields")),
    ir.Variant: ("Variant", ("name", "fields", "transient")),
    ir.Enum: ("Enum", ("name", "variants")),
    ir.Failure: ("Failure", ("name", "variants")),
    ir.Role: ("Role", ("name",)),
    ir.Event: ("Event", ("name", "params", "roles", "key", "keep")),
    ir.Retry: ("Retry", ("times", "base", "cap")),
    ir.Key: ("Key", ("expr", "window")),
    ir.Repeat: ("Repeat", ()),
    ir.Check: ("Check", ("effect", "args", "after")),
    ir.Ask: ("Ask", ("within",)),
    ir.Skip: ("Skip", ()),
    ir.Report: ("Report", ()),
    ir.Pure: ("Pure", ("name", "params", "result")),
    ir.Effect: ("Effect", ("name", "params", "result", "fails", "retry", "timeout")),
    ir.Action: (
        "Action",
        ("name", "params", "result", "fails", "undoes", "retry", "timeout", "key", "repeatable", "doubt"),
    ),
    ir.EventHandler: ("EventHandler", ("event", "names", "guard", "body", "ignore")),
    ir.Timer: ("Timer", ("kind", "when", "body")),
    ir.State: (
        "State",
        (
            "name", "kind", "initial", "fields", "targets", "body", "handlers", "timers", "phase", "outcome",
        ),
    ),
    ir.Phase: ("Phase", ("name", "states", "handlers", "timers")),
    ir.Promise: ("Promise", ("kind", "subjects", "others", "within")),
    ir.Contract: (
        "Contract",
        (
            "name", "version", "params", "key", "records", "enums", "failures", "roles", "events", "pures", "effects",
            "actions", "states", "phases", "promises",
        ),
    ),
}  # fmt: skip
"""The name of each kind of node in form 0, and the names of its members."""

_FOR_READERS: dict[type[Any], frozenset[str]] = {
    ir.Key: frozenset({"shared"}),
    ir.Action: frozenset({"stands"}),
}
"""Members added later that are not part of a contract's identity. They are left out of form 0."""


def legacy_digest(contract: ir.Contract) -> str | None:
    """Return the digest of a contract in form 0.

    Return `None` if the contract uses anything that is newer than form 0.
    """
    try:
        return canonical.digest(canonical.encode(_plain(contract)))
    except _Later:
        return None


class _Later(Exception):
    """The contract uses a part of the language that is newer than form 0."""


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, timedelta):
        return {"is": "duration", "us": value // timedelta(microseconds=1)}
    if isinstance(value, Decimal):
        return {"is": "decimal", "text": str(value)}
    if isinstance(value, float):
        return {"is": "float", "text": repr(value)}
    if not dataclasses.is_dataclass(value):
        return value
    name, members = _kind(type(value))
    if _says_more(value, members):
        raise _Later
    return {"is": name, **{member: _plain(getattr(value, member)) for member in members}}


def _kind(cls: type[Any]) -> tuple[str, tuple[str, ...]]:
    for base in cls.__mro__:
        if base in _MEMBERS:
            return _MEMBERS[base]
    raise _Later


def _says_more(value: Any, members: tuple[str, ...]) -> bool:
    """Say whether a newer member has a value other than its default."""
    ignored = {name for kind, names in _FOR_READERS.items() if isinstance(value, kind) for name in names}
    return any(
        getattr(value, member.name) != _default(member)
        for member in dataclasses.fields(value)
        if member.compare and member.name not in members and member.name not in ignored
    )


def _default(member: dataclasses.Field[Any]) -> Any:
    if member.default_factory is not dataclasses.MISSING:
        return member.default_factory()
    return member.default
