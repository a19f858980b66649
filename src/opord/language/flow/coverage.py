"""Find the cases that the arms of a `match` or of a call's `else` cover or miss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from itertools import islice
from typing import TypeAlias, assert_never
from weakref import WeakKeyDictionary

from opord.contract import (
    BOOL,
    Arm,
    Call,
    CallSite,
    ConstantPattern,
    ElsePattern,
    ListOf,
    MapOf,
    Match,
    Named,
    NonePattern,
    Nothing,
    OkPattern,
    OptionalOf,
    Pattern,
    Primitive,
    ProblemOf,
    RunInfo,
    SecretOf,
    SomePattern,
    Type,
    Unknown,
    VariantPattern,
    VariantRef,
)
from opord.language.flow.calls import IN_DOUBT
from opord.language.flow.graph import Graph
from opord.statements import Branching


@dataclass(frozen=True, slots=True)
class CaseWord:
    """A case that is a word of the language: `ok`, `some`, `none`."""

    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A case that is a value; the name of the type distinguishes `1` from `true`."""

    type: str
    value: bool | int | float | str | Decimal | timedelta


Case: TypeAlias = CaseWord | Literal | VariantRef

OK, SOME, NONE = CaseWord("ok"), CaseWord("some"), CaseWord("none")
TRUE, FALSE = Literal("bool", True), Literal("bool", False)


@dataclass(frozen=True)
class Cases:
    """All possible cases: `listed`, and any number of other values if `open`."""

    listed: tuple[Case, ...]
    open: bool = False

    @cached_property
    def listed_set(self) -> frozenset[Case]:
        """The listed cases as a set, for fast look-up."""
        return frozenset(self.listed)

    @cached_property
    def left_by_else(self) -> tuple[Case, ...]:
        """The listed cases that `else` does not cover."""
        return tuple(case for case in self.listed if left_by_else(case))


# Many statements have the same call or type.
_Cases: TypeAlias = dict[tuple[str, bool] | Type, Cases | None]
_cases: WeakKeyDictionary[Graph, _Cases] = WeakKeyDictionary()


def cases_of(graph: Graph, statement: Branching) -> Cases | None:
    """List the cases that a statement's arms must cover; None if they cannot be known."""
    cases = _cases.setdefault(graph, {})
    match statement:
        case Call(site=site):
            return _known_of_call(graph, cases, site, ok=False)
        case Match(subject=CallSite() as site):
            return _known_of_call(graph, cases, site, ok=True)
        case Match(subject=subject):
            assert not isinstance(subject, CallSite)
            type = subject.type
            if type not in cases:
                cases[type] = _of_type(graph, type)
            return cases[type]
        case _:
            assert_never(statement)


def _known_of_call(graph: Graph, cases: _Cases, site: CallSite, *, ok: bool) -> Cases | None:
    call = (site.name, ok)
    if call not in cases:
        cases[call] = _of_call(graph, site, ok=ok)
    return cases[call]


def _of_call(graph: Graph, site: CallSite, *, ok: bool) -> Cases | None:
    call = graph.calls.get(site.name)
    if call is None or any(name not in graph.variants for name in getattr(call, "fails", ())):
        return None
    failures: list[Case] = list(graph.calls.failures(site.name))
    return Cases((OK, *failures) if ok else tuple(failures))


def _of_type(graph: Graph, type: Type) -> Cases | None:
    match type:
        case OptionalOf():
            return Cases((SOME, NONE))
        case Primitive() if type == BOOL:
            return Cases((TRUE, FALSE))
        case Primitive(name="int" | "float" | "decimal" | "str" | "duration"):
            return Cases((), open=True)
        case Named(name=name):
            return _of_named(graph, [name])
        case ProblemOf(failures=failures, builtins=builtins):
            named = _of_named(graph, failures)
            return named and Cases((*named.listed, *(VariantRef("", name) for name in builtins)))
        case Primitive() | ListOf() | MapOf() | SecretOf() | RunInfo() | Nothing() | Unknown():
            return None  # `match` does not accept values of these types
        case _:
            assert_never(type)


def _of_named(graph: Graph, names: tuple[str, ...] | list[str]) -> Cases | None:
    if any(name not in graph.variants for name in names):
        return None
    return Cases(tuple(VariantRef(name, variant.name) for name in names for variant in graph.variants[name]))


def cases_in(pattern: Pattern) -> Iterator[Case]:
    """Yield the cases that a pattern names; `else` names none."""
    match pattern:
        case OkPattern():
            yield OK
        case SomePattern():
            yield SOME
        case NonePattern():
            yield NONE
        case VariantPattern(variants=variants):
            yield from variants
        case ConstantPattern(values=values):
            for value in values:
                yield Literal(type(value).__name__, value)
        case ElsePattern():
            return
        case _:
            assert_never(pattern)


def left_by_else(case: Case) -> bool:
    """Say whether `else` does not cover a case: the result of a call, and `InDoubt`."""
    return case in (OK, IN_DOUBT)


def missing(cases: Cases, arms: tuple[Arm, ...]) -> list[Case]:
    """List the cases that no arm covers."""
    return [*_missing(cases, arms)]


def first_missing(cases: Cases, arms: tuple[Arm, ...], most: int) -> list[Case]:
    """List at most `most` cases that no arm covers.

    A full list would take long if many statements miss many cases.
    """
    return [*islice(_missing(cases, arms), most)]


def _missing(cases: Cases, arms: tuple[Arm, ...]) -> Iterator[Case]:
    named = {case for arm in arms for case in cases_in(arm.pattern)}
    otherwise = any(isinstance(arm.pattern, ElsePattern) for arm in arms)
    return (case for case in (cases.left_by_else if otherwise else cases.listed) if case not in named)


def names_strangers(graph: Graph, arms: tuple[Arm, ...]) -> bool:
    """Say whether an arm names an undeclared variant, so that the covered cases are not known."""
    return any(
        isinstance(case, VariantRef) and case.type != "" and graph.variant(case) is None
        for arm in arms
        for case in cases_in(arm.pattern)
    )


def is_complete(graph: Graph, statement: Match) -> bool:
    """Say whether the arms of a `match` are known to cover all cases."""
    cases = cases_of(graph, statement)
    if cases is None or first_missing(cases, statement.arms, 1):
        return False
    return not cases.open or any(isinstance(arm.pattern, ElsePattern) for arm in statement.arms)


def spelled(case: Case) -> str:
    """Write a case as in an arm."""
    match case:
        case CaseWord(text=text):
            return text
        case VariantRef(variant=variant):
            return variant
        case Literal(value=bool() as value):
            return "true" if value else "false"
        case Literal(value=str() as value):
            return f'"{value}"'
        case Literal(value=value):
            return str(value)
        case _:
            assert_never(case)
