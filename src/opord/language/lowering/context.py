"""Hold the state of lowering: the file, its symbols and the findings so far; report findings."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import assert_never

from opord.contract import (
    Expr,
    Hole,
    ListOf,
    MakeList,
    MapOf,
    Named,
    Nothing,
    OptionalOf,
    Place,
    Primitive,
    ProblemOf,
    RunInfo,
    SecretOf,
    Type,
    Unknown,
)
from opord.language.diagnostics.model import Code, Diagnostic, Edit, Label, code
from opord.language.diagnostics.suggest import nearest, surely_meant
from opord.language.diagnostics.suppressors import Unread
from opord.language.diagnostics.wording import meant
from opord.language.lowering.recorder import Recorder
from opord.language.lowering.scope import Binding, Scope
from opord.language.lowering.symbols import (
    CallSymbol,
    EventSymbol,
    Fields,
    StateSymbol,
    TypeSymbol,
    VariantSymbol,
)
from opord.language.syntax import tree
from opord.language.syntax.letter_case import LetterCase, has_case, in_case
from opord.language.syntax.source import Source
from opord.language.syntax.tree import Span
from opord.language.types import UNKNOWN, coerce, compatible, is_secret, names_in, show, without_secret

DUPLICATE = code("OP109", rule="name", title="a name declared twice")
CASE = code("OP110", rule="name", title="a name in the wrong case")
HIDES = code("OP111", rule="name", title="a name that hides what must stay in sight")
MISMATCH = code(
    "OP201",
    rule="type",
    title="a value of the wrong type",
    suppressed_by=(Unread("in the head of what it mentions"),),
)
SECRET_LEAKS = code("OP601", rule="secret", title="a secret that flows into something not secret")
SECRET_USED = code("OP602", rule="secret", title="a secret that something looks into")

# A frozen dataclass sets its fields in a slow way. A contract of a thousand states has 70,000
# places.
_new_place = object.__new__
_set_file, _set_line, _set_column, _set_end_line, _set_end_column = (
    getattr(Place, name).__set__ for name in ("file", "line", "column", "end_line", "end_column")
)

# Comparing every unknown name with every known name takes quadratic time in a hostile file.
_COMPARED_MAX = 50_000

NEVER_HIDDEN = {
    "now": "the instant of the step",
    "run": "the run",
    "actor": "the sender of an event",
}


class Lowering:
    """The state of lowering one file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.findings: list[Diagnostic] = []
        self.recorder: Recorder | None = None  # records what names mean, for editors; None in a normal check
        self.torn = False  # part of the file could not be read; something missing may have been there
        self.types: dict[str, TypeSymbol] = {}
        self.variants: dict[str, list[VariantSymbol]] = {}
        self.variants_of: dict[
            tuple[str, ...], dict[str, list[VariantSymbol]]
        ] = {}  # for subjects of several types
        self.calls: dict[str, CallSymbol] = {}
        self.events: dict[str, EventSymbol] = {}
        self.roles: dict[str, Place] = {}
        self.states: dict[str, StateSymbol] = {}
        self.phases: dict[str, Place] = {}
        self.params: Fields = {}
        self.input: dict[str, Binding] = {}
        self._holding_secrets: set[str] | None = None  # None until the types are known
        self._compared = 0
        self._slips: set[tuple[str, str]] = set()  # (written name, the only name that can be meant)
        self._path = source.path
        self._starts = source.line_starts
        # The line of the last place: its number, its first offset, and the first offset of the next
        # line.
        self._line, self._line_at, self._line_after = 1, 0, 0

    def place(self, span: Span) -> Place:
        """Turn a span into a place.

        The result equals that of `Source.place`. This is faster, because every node needs it.
        """
        start, end = span
        at = self._line_at
        # Neighbouring nodes are usually on the same line.
        if not at <= start < self._line_after:
            starts = self._starts
            self._line = bisect_right(starts, start)
            self._line_at = at = starts[self._line - 1]
            self._line_after = starts[self._line] if self._line < len(starts) else len(self.source.text) + 1
        line = self._line
        place = _new_place(Place)
        _set_file(place, self._path)
        _set_line(place, line)
        _set_column(place, start - at + 1)
        if end >= self._line_after:
            line = bisect_right(self._starts, end)
            at = self._starts[line - 1]
        _set_end_line(place, line)
        _set_end_column(place, end - at + 1)
        return place

    def report(
        self,
        kind: Code,
        at: Span | Place,
        message: str,
        *,
        help: str = "",
        near: str | None = None,
        label: str = "",
        labels: Iterable[Label] = (),
    ) -> None:
        """Keep a finding.

        `near` is the name that was probably meant; it replaces `help` and gives a fix.
        """
        place = at if isinstance(at, Place) else self.place(at)
        fix: tuple[Edit, ...] = ()
        if near is not None and not isinstance(at, Place):
            help = meant(near)
            safe = (self.source.slice(at), near) in self._slips
            fix = (Edit(place, near, f"change to `{near}`", safe),)
        self.findings.append(kind.at(place, message, help=help, label=label, labels=tuple(labels), fix=fix))

    def near(self, name: str, candidates: Iterable[str]) -> str | None:
        """Return the candidate that `name` probably means.

        Return None if no candidate is similar, or the file has too many unknown names.
        """
        if self.swamped:
            return None
        names = [*candidates]
        self._compared += len(names)
        suggestion = nearest(name, names)
        if suggestion is not None and surely_meant(name, suggestion, names):
            self._slips.add((name, suggestion))
        return suggestion

    @property
    def swamped(self) -> bool:
        """Say whether the file has too many unknown names to search for suggestions."""
        return self._compared > _COMPARED_MAX

    # --- Names ------------------------------------------------------------------------------------

    def declared(self, name: tree.Name, kind: str, case: LetterCase) -> None:
        """Report a declared name in the wrong letter case."""
        if not name.text or has_case(name.text, case):
            return
        better = in_case(name.text, "PascalCase" if case == "either" else case)
        wanted = "PascalCase or snake_case" if case == "either" else case
        self.report(
            CASE,
            name.span,
            f"{kind} is named in {wanted}, and `{name.text}` is not",
            help=f"call it `{better}`" if has_case(better, case) else "",
        )

    def duplicate(self, kind: str, name: tree.Name, first: Place) -> None:
        """Report a name that is declared twice, with both places."""
        self.report(
            DUPLICATE,
            name.span,
            f"{kind} `{name.text}` is declared already",
            help="give one of the two another name, or remove it",
            label="again here",
            labels=(Label(first, "first here"),),
        )

    def bind(self, scope: Scope, name: tree.Name, binding: Binding) -> None:
        """Bind a name in a body, unless it would hide a name that must stay visible.

        `_` binds nothing.
        """
        text = name.text
        if not text or text == "_":
            return
        self.declared(name, "a variable", "snake_case")
        before = scope.names.get(text)
        if text in NEVER_HIDDEN:
            self.report(
                HIDES,
                name.span,
                f"`{text}` always means {NEVER_HIDDEN[text]}, and cannot be given another meaning",
                help="choose another name",
            )
            return
        if before is not None and before.is_let:
            labels = (Label(self.place(before.span), "the `let`"),) if before.span else ()
            self.report(
                HIDES,
                name.span,
                f"`{text}` would hide the `let` of the same name in the same body",
                help="choose another name",
                labels=labels,
            )
        binding.span = name.span
        scope.bind(binding)
        if self.recorder is not None:
            self.recorder.bound(name, binding)

    def type_named(self, name: str) -> TypeSymbol | None:
        """Return the visible type with this name."""
        symbol = self.types.get(name)
        return symbol if symbol is not None and symbol.visible else None

    def may_be_unread(self, name: str) -> bool:
        """Say whether a name may be a type or variant of a used file that could not be read."""
        return name[:1].isupper() and any(symbol.unread for symbol in self.types.values())

    # --- Types ------------------------------------------------------------------------------------

    def fit(self, value: Expr, expected: Type, what: str, declared: Place | None = None) -> Expr:
        """Return the value converted to the expected type; report a value that does not fit.

        `what` describes the place of the value in messages: "the field `reason` of `Rejected`".
        `declared` is the place of that declaration.
        """
        if value.type is expected:
            return value
        fitting = coerce(value, expected)
        if fitting is not None:
            return fitting
        actual = value.type
        labels = [Label(declared, "declared here")] if declared is not None and declared.line else []
        if self.flows_out(actual, expected):
            self.report(
                SECRET_LEAKS,
                value.place,
                f"{what} is {a(expected)}, which is not secret: this `{show(actual)}` would be seen there",
                help=f"declare it as `{show(actual)}`, or leave the secret out",
                labels=labels,
            )
        else:
            self.report(
                MISMATCH,
                value.place,
                f"{what} is {a(expected)}, and this is {a(actual)}",
                help=_way_from(actual, expected)
                or self._part_of(actual, expected)
                or f"give {a(expected)} here",
                labels=labels,
            )
        return value

    def _part_of(self, actual: Type, expected: Type) -> str:
        """Suggest a field of the record, if exactly one field has the expected type."""
        symbol = self.type_named(actual.name) if isinstance(actual, Named) else None
        fitting = [] if symbol is None else [each for each in symbol.fields.values() if each.type == expected]
        return f"take its field: `….{fitting[0].name}`" if len(fitting) == 1 else ""

    def flows_out(self, actual: Type, expected: Type) -> bool:
        """Say whether the mismatch is a secret that would go to a place that is not secret."""
        plain = without_secret(actual)
        if plain == actual:
            return False
        return (is_secret(actual) and not is_secret(expected)) or compatible(plain, expected)

    def refuse_secret(self, value: Expr, what: str) -> bool:
        """Report a secret that `what` ("the operator `+`") cannot take.

        Say whether the value is a secret.
        """
        if not is_secret(value.type):
            return False
        self.report(
            SECRET_USED,
            value.place,
            f"{what} cannot take a secret: a `{show(value.type)}` is only passed on, whole",
            help="pass it into a `secret` field or parameter, and look into it in a handler",
        )
        return True

    def refuse_holder(self, value: Expr, what: str) -> None:
        """Report a value that contains a secret, where `what` would look into the value."""
        self.report(
            SECRET_USED,
            value.place,
            f"{what} cannot look into {a(value.type)}, because it has a secret in it",
            help="compare the fields that are not secret",
        )

    def holds_secret(self, type: Type) -> bool:
        """Say whether a value of this type is a secret or contains one."""
        if self._holding_secrets is None:
            self._holding_secrets = self._find_holders()
        return _has_secret(type, self._holding_secrets)

    def _find_holders(self) -> set[str]:
        """Return the names of the types that contain a secret, directly or through other types."""
        users: dict[str, list[str]] = {}
        holders: set[str] = set()
        for symbol in self.types.values():
            for each in symbol.all_fields():
                if _has_secret(each.type, holders):
                    holders.add(symbol.name)
                for name in names_in(each.type):
                    users.setdefault(name, []).append(symbol.name)
        waiting = list(holders)
        while waiting:
            for user in users.get(waiting.pop(), ()):
                if user not in holders:
                    holders.add(user)
                    waiting.append(user)
        return holders


def _has_secret(type: Type, holders: set[str]) -> bool:
    match type:
        case SecretOf():
            return True
        case Named(name):
            return name in holders
        case ListOf(item) | MapOf(item) | OptionalOf(item):
            return _has_secret(item, holders)
        case Primitive() | ProblemOf() | RunInfo() | Nothing() | Unknown():
            return False
        case _:
            assert_never(type)


def wrong(place: Place, *parts: Expr) -> Expr:
    """Return a replacement for an expression that is wrong as a whole.

    A `MakeList` of unknown type keeps the valid parts, so that the names in them count as used.
    """
    items = tuple(part for part in parts if not isinstance(part, Hole))
    return MakeList(items, UNKNOWN, place) if items else Hole(UNKNOWN, place)


def is_unknown(type: Type) -> bool:
    """Say whether the type is unknown because of a finding."""
    return isinstance(type, Unknown)


def a(type: Type) -> str:
    """Describe a value of a type with its article: "a `list[int]`", "the run", "`none`"."""
    if isinstance(type, RunInfo):
        return "the run"
    shown = show(type)
    if shown in ("none", "[]"):
        return f"`{shown}`"
    return f"an `{shown}`" if shown[0] in "aeioAEIOU" else f"a `{shown}`"


def _way_from(actual: Type, expected: Type) -> str:
    """Suggest how to convert a value from one type to another."""
    if is_secret(expected) and not is_secret(actual):
        return f"declare it as `{show(expected)}` where it comes from"
    have, want = show(actual), show(expected).removesuffix("?")
    if have == f"{want}?":
        return "give a value for `none`: `… ?? other`, or `match` with `some` and `none`"
    if want in ("str", "int", "float", "decimal") and have in ("str", "int", "float", "decimal"):
        return f"convert it: `{want}(…)`"
    if want == "str" and have in ("bool", "datetime", "date", "duration", "uuid"):
        return 'write it into a text: `"{…}"`'
    if want == "duration" and have == "int":
        return "give it a unit, as in `10s`"
    if want == "bool":
        return _question(actual)
    if have == "duration" and want == "datetime":
        return "add it to an instant, as in `now + 10s`"
    if have == "datetime" and want == "duration":
        return "take the time until then: `… - now`"
    if isinstance(actual, ProblemOf):
        return "handle what does not fit in an arm of its own"
    return ""


def _question(type_: Type) -> str:
    """Suggest a condition about a value that is used as a condition but is no bool."""
    if isinstance(type_, OptionalOf):
        return "check that it is there: `… != none`"
    if isinstance(type_, ListOf | MapOf):
        return "check that it is not empty: `len(…) > 0`"
    if show(type_) == "str":
        return 'compare it, as in `… != ""`'
    if show(type_) in ("int", "float", "decimal"):
        return "compare it, as in `… > 0`"
    return ""
