"""What all of lowering shares: the file, its symbols, the findings so far, and how to report one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from opord.contract import (
    Expr,
    Hole,
    MakeList,
    Named,
    Place,
    RunInfo,
    SecretOf,
    Type,
    Unknown,
)
from opord.language import tree
from opord.language.diagnostics.model import Code, Diagnostic, Label, code
from opord.language.lowering.symbols import (
    CallSymbol,
    EventSymbol,
    Fields,
    StateSymbol,
    TypeSymbol,
    VariantSymbol,
)
from opord.language.names import Binding, Case, Scope, has_case, in_case
from opord.language.source import Source
from opord.language.tree import Span
from opord.language.types import UNKNOWN, coerce, compatible, is_secret, show, without_secret

DUPLICATE = code("OP109", rule="name", title="a name declared twice")
CASE = code("OP110", rule="name", title="a name in the wrong case")
HIDES = code("OP111", rule="name", title="a name that hides what must stay in sight")
MISMATCH = code("OP201", rule="type", title="a value of the wrong type")
SECRET_LEAKS = code("OP601", rule="secret", title="a secret that flows into something not secret")
SECRET_USED = code("OP602", rule="secret", title="a secret that something looks into")

NEVER_HIDDEN = {
    "now": "the instant of the step",
    "run": "the run",
    "actor": "the sender of an event",
}


class Lowering:
    """One file on its way from tree to contract."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.findings: list[Diagnostic] = []
        self.torn = False  # something in the file could not be read: what seems missing may have been there
        self.types: dict[str, TypeSymbol] = {}
        self.variants: dict[str, list[VariantSymbol]] = {}
        self.calls: dict[str, CallSymbol] = {}
        self.events: dict[str, EventSymbol] = {}
        self.roles: dict[str, Place] = {}
        self.states: dict[str, StateSymbol] = {}
        self.phases: dict[str, Place] = {}
        self.params: Fields = {}
        self.input: dict[str, Binding] = {}
        self._holding_secrets: dict[str, bool] = {}
        self._path = source.path
        self._starts = source.line_starts
        # The line that the last place was on: its number, where it starts, and where the next one does.
        self._line, self._line_at, self._line_after = 1, 0, 0

    def place(self, span: Span) -> Place:
        """Turn a span into a place. The same as the source's, in one call, since it is needed for every node."""
        start, end = span
        at = self._line_at
        # One node after the other stands on the same line.
        if not at <= start < self._line_after:
            starts = self._starts
            self._line = bisect_right(starts, start)
            self._line_at = at = starts[self._line - 1]
            self._line_after = starts[self._line] if self._line < len(starts) else len(self.source.text) + 1
        line = self._line
        if end < self._line_after:
            return Place(self._path, line, start - at + 1, line, end - at + 1)
        end_line = bisect_right(self._starts, end)
        return Place(self._path, line, start - at + 1, end_line, end - self._starts[end_line - 1] + 1)

    def report(
        self,
        kind: Code,
        at: Span | Place,
        message: str,
        *,
        help: str = "",
        label: str = "",
        labels: Iterable[Label] = (),
    ) -> None:
        """Keep a finding."""
        place = at if isinstance(at, Place) else self.place(at)
        self.findings.append(kind.at(place, message, help=help, label=label, labels=tuple(labels)))

    # --- Names ---------------------------------------------------------------------------------------

    def declared(self, name: tree.Name, kind: str, case: Case) -> None:
        """Report a declared name in the wrong case."""
        if not name.text or has_case(name.text, case):
            return
        better = in_case(name.text, "PascalCase" if case == "either" else case)
        wanted = "PascalCase or snake_case" if case == "either" else case
        self.report(
            CASE,
            name.span,
            f"{kind} has a name in {wanted}, and `{name.text}` is not",
            help=f"call it `{better}`" if has_case(better, case) else "",
        )

    def duplicate(self, kind: str, name: tree.Name, first: Place) -> None:
        """Report a name that has a meaning already, with both places."""
        self.report(
            DUPLICATE,
            name.span,
            f"{kind} `{name.text}` is there already",
            help="give one of the two another name, or remove it",
            label="again here",
            labels=(Label(first, "first here"),),
        )

    def bind(self, scope: Scope, name: tree.Name, binding: Binding) -> None:
        """Bind a name in a body, unless it would hide what must stay in sight. `_` binds nothing."""
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

    def type_named(self, name: str) -> TypeSymbol | None:
        """Return the type that has this name here."""
        symbol = self.types.get(name)
        return symbol if symbol is not None and symbol.visible else None

    def may_be_unread(self, name: str) -> bool:
        """Say whether a name may be a type or variant of a used file that could not be read."""
        return name[:1].isupper() and any(symbol.unread for symbol in self.types.values())

    # --- Types ---------------------------------------------------------------------------------------

    def fit(self, value: Expr, expected: Type, what: str) -> Expr:
        """Return the value as one of the expected type; report it where it does not fit.

        `what` says what expects it: "the field `reason` of `Rejected`".
        """
        if value.type is expected:
            return value
        fitting = coerce(value, expected)
        if fitting is not None:
            return fitting
        actual = value.type
        if self.flows_out(actual, expected):
            self.report(
                SECRET_LEAKS,
                value.place,
                f"{what} is {a(expected)}, which is not secret: this `{show(actual)}` would be seen there",
                help=f"declare it as `{show(actual)}`, or leave the secret out",
            )
        else:
            self.report(
                MISMATCH,
                value.place,
                f"{what} is {a(expected)}, and this is {a(actual)}",
                help=_way_from(actual, expected),
            )
        return value

    def flows_out(self, actual: Type, expected: Type) -> bool:
        """Say whether what does not fit is a secret on its way to a place that is not secret."""
        plain = without_secret(actual)
        if plain == actual:
            return False
        return (is_secret(actual) and not is_secret(expected)) or compatible(plain, expected)

    def refuse_secret(self, value: Expr, what: str) -> bool:
        """Report a secret that `what` ("the operator `+`") would look into, and say whether it is one."""
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
        """Report a value with a secret somewhere in it, which `what` would look into."""
        self.report(
            SECRET_USED,
            value.place,
            f"{what} cannot look into {a(value.type)}, since there is a secret in it",
            help="compare the fields that are not secret",
        )

    def holds_secret(self, type: Type) -> bool:
        """Say whether a value of this type is a secret or has one somewhere in it."""
        if isinstance(type, SecretOf):
            return True
        if isinstance(type, Named):
            known = self._holding_secrets.get(type.name)
            if known is None:
                self._holding_secrets[type.name] = False  # meanwhile, for types that contain themselves
                known = any(self.holds_secret(inner) for inner in self._inner(type.name))
                self._holding_secrets[type.name] = known
            return known
        inner = getattr(type, "item", None) or getattr(type, "value", None)
        return inner is not None and self.holds_secret(inner)

    def _inner(self, name: str) -> list[Type]:
        symbol = self.types.get(name)
        if symbol is None:
            return []
        fields = [*symbol.fields.values()]
        for variant in symbol.variants.values():
            fields.extend(variant.fields.values())
        return [each.type for each in fields]


def wrong(place: Place, *parts: Expr) -> Expr:
    """Stand for an expression that makes no sense as a whole.

    A `MakeList` of unknown type keeps the parts that do, so that what they use still counts as used.
    """
    kept = tuple(part for part in parts if not isinstance(part, Hole))
    return MakeList(kept, UNKNOWN, place) if kept else Hole(UNKNOWN, place)


def is_unknown(type: Type) -> bool:
    """Say whether a finding speaks of this already."""
    return isinstance(type, Unknown)


def a(type: Type) -> str:
    """Name a value of a type in a sentence: "a `list[int]`", "the run", "`none`"."""
    if isinstance(type, RunInfo):
        return "the run"
    shown = show(type)
    if shown in ("none", "[]"):
        return f"`{shown}`"
    return f"an `{shown}`" if shown[0] in "aeioAEIOU" else f"a `{shown}`"


def _way_from(actual: Type, expected: Type) -> str:
    """Suggest how to get from one type to another."""
    if is_secret(expected) and not is_secret(actual):
        return f"declare it as `{show(expected)}` where it comes from"
    have, want = show(actual), show(expected).removesuffix("?")
    if have == f"{want}?":
        return "say what holds where it is `none`: `… ?? other`, or `match` with `some` and `none`"
    if want in ("str", "int", "float", "decimal") and have in ("str", "int", "float", "decimal"):
        return f"convert it: `{want}(…)`"
    if want == "str" and have in ("bool", "datetime", "date", "duration", "uuid"):
        return 'write it into a text: `"{…}"`'
    if want == "duration" and have == "int":
        return "give it a unit, as in `10s`"
    return ""
