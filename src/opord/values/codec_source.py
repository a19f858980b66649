"""The functions behind codecs, written as Python source for each type and compiled.

A record of five fields is dumped on every step of every run. Straight-line code that checks plain
texts and numbers in place is several times as fast as walking a description of the type.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, assert_never

from opord.contract import (
    ListOf,
    MapOf,
    Named,
    Nothing,
    OptionalOf,
    Primitive,
    ProblemOf,
    RunInfo,
    SecretOf,
    Type,
    Unknown,
)
from opord.values.codec_refusals import mapping, missing, pick, unknown
from opord.values.codec_text import INLINE, indent, list_source, map_source
from opord.values.crossing import members_of, name_of, variant_of
from opord.values.guard import INT_MAX, INT_MIN, BadValue
from opord.values.nesting import Inside, insides, layers
from opord.values.scalars import SCALARS, check_bool, check_float, check_int, check_str, expected
from opord.values.secret import SHOWN, Secret
from opord.values.vault import UNOPENED, SecretUnreadable

Conversion: TypeAlias = Callable[[Any], Any]
VariantArm: TypeAlias = "tuple[str, type[Any], list[Member]]"

SECRET_MEMBER: Final = "$secret"  # noqa: S105 - a name, no password
"""The one member of the rest form of a secret."""

SEALED_MEMBER: Final = "$sealed"
"""The member that replaces `$secret` while the secret is sealed."""

_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Member:
    """A field: its name in JSON, its Python attribute, its type, and what makes its default."""

    name: str
    attribute: str
    type: Type
    default: Callable[[], Any] | None


@dataclass(frozen=True, slots=True)
class ObjectForm:
    """An object's name in refusals, and its members."""

    what: str
    members: Sequence[Member]


@dataclass(frozen=True, slots=True)
class Compiled:
    """The conversions of a type; see `codec.Codec`."""

    accept: Conversion
    dump: Conversion
    load: Conversion
    show: Conversion
    copy: Conversion


_OPERATIONS: Final = ("accept", "dump", "load", "show", "copy")


class ConversionSources:
    """Writes and compiles the conversions of types, once each, all in one namespace.

    `objects` and `sums` describe what was declared, by key; a sum has each variant by its name.

    A declared name is compiled when it is first needed, after all are declared, because records may
    contain each other.
    """

    def __init__(self) -> None:
        self._space: dict[str, Any] = {
            "BadValue": BadValue,
            "INT_MAX": INT_MAX,
            "INT_MIN": INT_MIN,
            "MISSING": _MISSING,
            "Secret": Secret,
            "check_bool": check_bool,
            "check_float": check_float,
            "check_int": check_int,
            "check_str": check_str,
            "expected": expected,
            "missing": missing,
            "mapping": mapping,
            "members_of": members_of,
            "pick": pick,
            "unknown": unknown,
        }
        for name, scalar in SCALARS.items():
            self._space[f"accept_{name}"] = scalar.accept
            self._space[f"dump_{name}"] = scalar.dump
            self._space[f"load_{name}"] = scalar.load or _same
            self._space[f"show_{name}"] = _same
            self._space[f"copy_{name}"] = _same
        self._space["copy_json"] = _copy_json
        self._writers: dict[str, Callable[[], None]] = {}
        self.objects: dict[str, ObjectForm] = {}
        self.sums: dict[str, dict[str, tuple[str, Sequence[Member]]]] = {}
        self._named: dict[str, list[Type]] = {}
        self._insides: dict[str, frozenset[Inside]] | None = None
        self._written: list[str] = []
        self._anonymous = 0

    def key(self, type_: Type) -> str:
        """Return the key of a type: the suffix of the names of its functions."""
        match type_:
            case Primitive(name):
                return name
            case Named(name):
                return f"t_{name}"
            case ListOf(item):
                return f"list_{self.key(item)}"
            case MapOf(value):
                return f"map_{self.key(value)}"
            case OptionalOf(item):
                return f"optional_{self.key(item)}"
            case SecretOf(item):
                return f"secret_{self.key(item)}"
            case ProblemOf() | RunInfo() | Nothing() | Unknown():
                raise TypeError(f"{type(type_).__name__} has no JSON form")
            case _:
                assert_never(type_)

    def compiled(self, key: str, type_: Type | None = None) -> Compiled:
        """Return the compiled functions of a declared key or a type."""
        self._need(key, type_)
        self._compile()
        space = self._space
        return Compiled(*(space[f"{operation}_{key}"] for operation in _OPERATIONS))

    def described(self, type_: Type) -> str:
        """Return the name of a type as the refusal of a missing member has it."""
        return _described(type_)

    def is_deep(self, type_: Type) -> bool:
        """Say whether values of a type can nest without limit.

        They can for `json`, and for types that contain themselves.
        """
        return self._has(type_, "endless")

    def declare_object(
        self, label: str, members: Sequence[Member], cls: type[Any] | None, *, anonymous: bool = False
    ) -> str:
        """Declare an object and return its key. Without a class its value is a tuple."""
        key = self._new_key(label, [member.type for member in members], anonymous)
        self.objects[key] = ObjectForm(_what(label, cls), members)
        self._writers[key] = lambda: self._write_object(key, label, members, cls, None)
        return key

    def declare_sum(
        self, label: str, arms: Sequence[VariantArm], *, anonymous: bool = False, always_objects: bool = False
    ) -> str:
        """Declare an enum with fields, or failures, and return its key.

        Each variant has a class and members.
        """
        key = self._new_key(label, [member.type for _, _, members in arms for member in members], anonymous)
        self.sums[key] = {name: (name, members) for name, _, members in arms}
        self._writers[key] = lambda: self._write_sum(key, label, arms, always_objects)
        return key

    def declare_names(self, label: str, cls: type[enum.Enum]) -> str:
        """Declare an enum in which no variant has fields."""
        key = self._new_key(label, [], anonymous=False)
        self._writers[key] = lambda: self._write_names(key, label, cls)
        return key

    def _new_key(self, label: str, parts: list[Type], anonymous: bool) -> str:
        if anonymous:
            self._anonymous += 1
            return f"o_{self._anonymous}"
        self._named[label], self._insides = parts, None
        return f"t_{label}"

    def _need(self, key: str, type_: Type | None = None) -> None:
        if f"dump_{key}" in self._space:
            return
        self._space[f"dump_{key}"] = None  # under way; types may contain themselves
        if key in self._writers:
            self._writers[key]()
        else:
            self._write_container(key, type_)

    def _has(self, type_: Type, what: Inside) -> bool:
        """Say whether a type contains something of that sort, at any depth."""
        layers_around, name = layers(type_)
        if what in layers_around or name is None:
            return what in layers_around
        if self._insides is None:
            self._insides = insides(self._named)
        return what in self._insides[name]

    def is_fixed(self, type_: Type) -> bool:
        """Say whether values of a type are immutable: it contains no list, map or `json`."""
        return not self._has(type_, "changeable")

    def _is_native(self, type_: Type) -> bool:
        match type_:
            case Primitive(name):
                return SCALARS[name].load is None
            case ListOf(inner) | MapOf(inner) | OptionalOf(inner):
                return self._is_native(inner)
            case SecretOf() | Named() | ProblemOf() | RunInfo() | Nothing() | Unknown():
                return False
            case _:
                assert_never(type_)

    def _lines(self, operation: str, type_: Type, v: str) -> list[str]:
        """Write the inlined conversion of the variable `v`; no lines if nothing is to do."""
        if operation == "show" and not self._has(type_, "secret"):
            return []
        if operation == "load" and self._is_native(type_):
            return []
        if operation == "copy":
            if self.is_fixed(type_):
                return []
            if isinstance(type_, ListOf) and self.is_fixed(type_.item):
                return [f"{v} = {v}[:]"]
        if isinstance(type_, OptionalOf):
            inner = self._lines(operation, type_.item, v)
            return [f"if {v} is not None:", *(f"    {line}" for line in inner)] if inner else []
        if operation != "copy" and isinstance(type_, Primitive) and type_.name in INLINE:
            return [INLINE[type_.name].format(v=v)]
        key = self.key(type_)
        self._need(key, type_)
        return [f"{v} = {operation}_{key}({v})"]

    def _define(self, source: str) -> None:
        self._written.append(source)

    def _compile(self) -> None:
        source, self._written = "".join(self._written), []
        exec(compile(source, "<opord codec>", "exec"), self._space)  # noqa: S102 - our own text

    def _write_container(self, key: str, type_: Type | None) -> None:
        match type_:
            case ListOf(item):
                for operation in _OPERATIONS:
                    self._define(list_source(key, operation, self._lines(operation, item, "x")))
            case MapOf(value):
                for operation in _OPERATIONS:
                    self._define(map_source(key, operation, self._lines(operation, value, "x")))
            case OptionalOf():
                for operation in _OPERATIONS:
                    lines = self._lines(operation, type_, "v")
                    self._define(f"def {operation}_{key}(v):\n" + indent([*lines, "return v"], 4))
            case SecretOf(item):
                inner = self.key(item)
                self._need(inner, item)
                self._space.update(_secret_functions(key, inner, self._space))
            case Primitive() | Named() | ProblemOf() | RunInfo() | Nothing() | Unknown() | None:
                raise TypeError(f"{key} has no JSON form")
            case _:
                assert_never(type_)

    def _write_object(
        self, key: str, label: str, members: Sequence[Member], cls: type[Any] | None, tag: str | None
    ) -> None:
        self._space[f"cls_{key}"] = cls or tuple
        self._space[f"names_{key}"] = [member.name for member in members] + ([] if tag is None else ["type"])
        self._space[f"attributes_{key}"] = _names_by_attribute(members)
        for number, member in enumerate(members):
            self._space[f"default_{key}_{number}"] = member.default
        what = repr(_what(label, cls))
        values = [f"a{number}" for number in range(len(members))]
        if cls is None:
            construction = "(" + "".join(f"{value}, " for value in values) + ")"
        else:
            pairs = (f"{member.attribute}={value}" for member, value in zip(members, values, strict=True))
            construction = f"cls_{key}({', '.join(pairs)})"
        self._define(self._accept_source(key, what, members, construction, tag, is_tuple=cls is None))
        self._define(self._dump_source(key, what, members, cls is None, tag))
        loads: list[str] = []
        for member, value in zip(members, values, strict=True):
            loads += [f"{value} = r[{member.name!r}]", *self._lines("load", member.type, value)]
        self._define(f"def load_{key}(r):\n" + indent([*loads, f"return {construction}"], 4))
        shows: list[str] = []
        for member in members:
            lines = self._lines("show", member.type, "x")
            if lines:
                shows += [
                    f"x = r.get({member.name!r})",
                    "if x is not None:",
                    *(f"    {line}" for line in lines),
                ]
                shows += [f"    shown[{member.name!r}] = x"]
        body = ["shown = dict(r)", *shows, "return shown"] if shows else ["return r"]
        self._define(f"def show_{key}(r):\n" + indent(body, 4))
        self._define(self._copy_source(key, members, construction, is_tuple=cls is None))

    def _accept_source(
        self,
        key: str,
        what: str,
        members: Sequence[Member],
        construction: str,
        tag: str | None,
        *,
        is_tuple: bool,
    ) -> str:
        body: list[str] = []
        read = f"mapping(w, {what})" if is_tuple else f"members_of(w, {what}, cls_{key}, attributes_{key})"
        for number, member in enumerate(members):
            v = f"a{number}"
            absent = (
                f"missing({_described(member.type)!r})"
                if member.default is None
                else f"default_{key}_{number}()"
            )
            body += [
                f"at = {member.name!r}",
                f"{v} = w.get({member.name!r}, MISSING)",
                f"if {v} is MISSING:",
                f"    {v} = {absent}",
                "else:",
                "    given += 1",
                *(f"    {line}" for line in self._lines("accept", member.type, v)),
            ]
        return (
            f"def accept_{key}(w):\n"
            f"    if type(w) is not dict:\n"
            f"        if type(w) is cls_{key}: return load_{key}(dump_{key}(w))\n"
            f"        w = {read}\n"
            f"    given = {int(tag is not None)}\n"
            f"    at = None\n"
            f"    try:\n{indent(body or ['pass'], 8)}"
            f"    except BadValue as bad:\n"
            f"        raise bad.within(at)\n"
            f"    if given != len(w): unknown(w, names_{key}, {what})\n"
            f"    return {construction}\n"
        )

    def _dump_source(
        self, key: str, what: str, members: Sequence[Member], is_tuple: bool, tag: str | None
    ) -> str:
        body: list[str] = []
        for number, member in enumerate(members):
            v = f"a{number}"
            body += [f"at = {member.name!r}"]
            body += [] if is_tuple else [f"{v} = v.{member.attribute}"]
            body += self._lines("dump", member.type, v)
        if is_tuple:
            unpack = "".join(f"a{number}, " for number in range(len(members)))
            head = f"    if type(v) is not tuple or len(v) != {len(members)}: expected({what}, v)\n"
            head += f"    {unpack}= v\n" if members else ""
        else:
            head = f"    if type(v) is not cls_{key}: expected({what}, v)\n"
        pairs = [] if tag is None else [f"'type': {tag!r}"]
        pairs += [f"{member.name!r}: a{number}" for number, member in enumerate(members)]
        return (
            f"def dump_{key}(v):\n{head}"
            f"    at = None\n"
            f"    try:\n{indent(body or ['pass'], 8)}"
            f"    except BadValue as bad:\n"
            f"        raise bad.within(at)\n"
            f"    return {{{', '.join(pairs)}}}\n"
        )

    def _copy_source(self, key: str, members: Sequence[Member], construction: str, *, is_tuple: bool) -> str:
        lines = [self._lines("copy", member.type, f"a{number}") for number, member in enumerate(members)]
        if not any(lines):
            return f"def copy_{key}(v):\n    return v\n"
        body: list[str] = []
        if is_tuple:
            body.append("".join(f"a{number}, " for number in range(len(members))) + "= v")
        for number, member in enumerate(members):
            body += [] if is_tuple else [f"a{number} = v.{member.attribute}"]
            body += lines[number]
        return f"def copy_{key}(v):\n" + indent([*body, f"return {construction}"], 4)

    def _write_sum(self, key: str, label: str, arms: Sequence[VariantArm], always_objects: bool) -> None:
        by_name: dict[str, tuple[str, bool]] = {}
        by_class: dict[type[Any], str] = {}
        by_class_name: dict[str, tuple[str, dict[str, str]]] = {}
        for number, (name, cls, members) in enumerate(arms):
            arm = f"{key}_{number}"
            by_name[name] = arm, all(member.default is not None for member in members)
            by_class[cls] = arm
            by_class_name[cls.__qualname__] = name, _names_by_attribute(members)
            self._write_object(arm, name, members, cls, name)
            if not members and not always_objects:
                self._define(f"def dump_{arm}(v):\n    return {name!r}\n")
        space = self._space
        type_name = next((cls.__mro__[1].__qualname__ for cls in by_class), label)

        def accept(wire: Any) -> Any:
            own = by_class.get(type(wire))
            if own is not None:
                return space[f"load_{own}"](space[f"dump_{own}"](wire))
            wire = name_of(wire, type_name)
            if type(wire) is str:
                arm, bare = pick(wire, by_name, label)
                if not bare:
                    raise BadValue("", f'expected `{wire}` with its fields: {{"type": "{wire}", …}}')
                return space[f"accept_{arm}"]({"type": wire})
            other = variant_of(wire, by_class_name)
            wire = mapping(wire, label) if other is None else other
            if "type" not in wire:
                raise BadValue("", f"`type` is missing: it names the variant of {label}")
            if type(wire["type"]) is not str:
                expected("the name of a variant under `type`", wire["type"])
            return space[f"accept_{pick(wire['type'], by_name, label)[0]}"](wire)

        def dump(value: Any) -> Any:
            own = by_class.get(type(value))
            if own is None:
                expected(label, value)
            return space[f"dump_{own}"](value)

        def load(rest: Any) -> Any:
            bare = type(rest) is str
            return space[f"load_{by_name[rest if bare else rest['type']][0]}"]({} if bare else rest)

        def show(rest: Any) -> Any:
            return rest if type(rest) is str else space[f"show_{by_name[rest['type']][0]}"](rest)

        def copy(value: Any) -> Any:
            return space[f"copy_{by_class[type(value)]}"](value)

        functions = {"accept": accept, "dump": dump, "load": load, "show": show, "copy": copy}
        space |= {f"{operation}_{key}": function for operation, function in functions.items()}

    def _write_names(self, key: str, label: str, cls: type[enum.Enum]) -> None:
        by_name = {str(one.value): one for one in cls}

        def accept(wire: Any) -> Any:
            if type(wire) is cls:
                return wire
            wire = name_of(wire, cls.__qualname__)
            if type(wire) is not str:
                expected(f"{label} as text", wire)
            return pick(wire, by_name, label)

        def dump(value: Any) -> Any:
            if type(value) is not cls:
                expected(label, value)
            return value._value_

        functions = {"accept": accept, "dump": dump, "load": by_name.__getitem__, "show": _same}
        functions["copy"] = _same
        self._space |= {f"{operation}_{key}": function for operation, function in functions.items()}


def _secret_functions(key: str, inner: str, space: dict[str, Any]) -> dict[str, Conversion]:
    def guarded(convert: str, value: Any) -> Any:
        try:
            return space[convert](value)
        except BadValue:
            pass  # the message might show the value, or a part of it
        raise BadValue("", "the secret does not have the type that the contract says")

    def accept(wire: Any) -> Any:
        return Secret(guarded(f"accept_{inner}", wire.reveal() if type(wire) is Secret else wire))

    def dump(value: Any) -> Any:
        if type(value) is not Secret:
            raise BadValue("", "expected a Secret; wrap the value: opord.Secret(…)")
        held = value.reveal()
        return {SECRET_MEMBER: UNOPENED if held is UNOPENED else guarded(f"dump_{inner}", held)}

    def load(rest: Any) -> Any:
        if SEALED_MEMBER in rest:
            raise SecretUnreadable("a secret is encrypted, and no key is configured; set OPORD_SECRET_KEYS")
        value = rest[SECRET_MEMBER]
        return Secret(UNOPENED if value is UNOPENED else space[f"load_{inner}"](value))

    def show(_: Any) -> Any:
        return SHOWN

    def copy(value: Any) -> Any:
        held = value.reveal()
        return value if held is UNOPENED else Secret(space[f"copy_{inner}"](held))

    functions = {"accept": accept, "dump": dump, "load": load, "show": show, "copy": copy}
    return {f"{operation}_{key}": function for operation, function in functions.items()}


def _what(label: str, cls: type[Any] | None) -> str:
    return label if cls is not None else f"the members of {label}"


def _names_by_attribute(members: Sequence[Member]) -> dict[str, str]:
    return {member.attribute: member.name for member in members}


def _same(value: Any) -> Any:
    return value


def _copy_json(plain: Any) -> Any:
    if type(plain) is dict:
        return {name: _copy_json(item) for name, item in plain.items()}
    if type(plain) is list:
        return [_copy_json(item) for item in plain]
    return plain


def _described(type_: Type) -> str:
    match type_:
        case Primitive(name) | Named(name):
            return name
        case ListOf():
            return "list"
        case MapOf():
            return "map"
        case OptionalOf(item):
            return _described(item)
        case SecretOf(item):
            return f"secret {_described(item)}"
        case ProblemOf() | RunInfo() | Nothing() | Unknown():
            return "a value"
        case _:
            assert_never(type_)
