"""Carry values along a path: express each by the values that the state had where the path began.

`KnownFields` are what is known after some moves: the values of the present state's fields, and
facts that conditions on the way have proved. A field that got a value from outside is `CHANGED`: it
is not the value of before, and nothing else is known of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, assert_never

from opord.language.flow.known_values import (
    COUNT_MAX,
    NamedVariant,
    WorthMark,
    Worths,
    holds,
    proved,
    worth_of,
)
from opord.language.flow.value_flow import (
    UNREAD,
    CopiedField,
    KnownValue,
    MadeValue,
    OutsideValue,
    Requirement,
    Value,
    make_value,
)

CHANGED = OutsideValue()

# A value with more parts than this is not carried on, so that a round cannot make it grow for ever.
_SIZE_MAX = 30
# Parts of other values.
_PARTS = frozenset({"attribute", "part", "unwrap"})
# Of these values something is known, even if a part has changed.
_HALF_KNOWN = frozenset({"wrap", "record", "with", "variant", "beyond"})


@dataclass(frozen=True, slots=True)
class KnownFields:
    """What is known in a state: the values of its fields by name, and facts about other values."""

    fields: tuple[tuple[str, Value], ...]
    facts: frozenset[tuple[Value, Any]] = frozenset()


class StepValues:
    """One step: the values in it, as its conditions prove more and more.

    `first` is true for the first step of the path. There, fields and values from outside stand for
    themselves. In later steps they have changed, unless `at` says otherwise.
    """

    def __init__(self, at: KnownFields, *, first: bool) -> None:
        self._fields = dict(at.fields)
        self._known = dict(at.facts)
        self._first = first

    def meets(self, requirements: Iterable[Requirement]) -> bool:
        """Assume that these conditions hold, the last one first; return False if one cannot.

        A condition that could not be read counts as one that cannot hold.
        """
        for requirement in [*requirements][::-1]:
            if requirement.of == UNREAD:
                return False
            of = self.value(requirement.of)
            met = Requirement(of, requirement.holds, requirement.pattern, requirement.before)
            if holds(met, self._known) is False:
                return False
            for value, worth in proved(met):
                if not isinstance(value, KnownValue) and not has_changed(value):
                    self._known.setdefault(value, worth)
        return True

    def then(self, requirement: Requirement) -> StepValues | None:
        """Return the step with one more condition; None if that cannot hold."""
        step = StepValues(KnownFields(()), first=self._first)
        step._fields = self._fields
        step._known = dict(self._known)
        return step if step.meets((requirement,)) else None

    def value(self, value: Value) -> Value:
        """Return a value of this step, expressed by the values where the path began."""
        match value:
            case KnownValue():
                return value
            case CopiedField(field):
                expressed = self._fields.get(field)
                if expressed is None:
                    expressed = value if self._first else CHANGED
            case MadeValue(how="outside"):
                expressed = value if self._first else CHANGED
            case MadeValue(how=how, parts=parts, names=names):
                expressed = reduced(how, tuple(self.value(part) for part in parts), names)
            case OutsideValue():
                return CHANGED
            case _:
                assert_never(value)
        return self.with_facts(expressed)

    def with_facts(self, value: Value) -> Value:
        """Return the literal that a value is known to be, else the value itself."""
        worth = worth_of(value, self._known)
        return value if isinstance(worth, WorthMark | dict | NamedVariant) else KnownValue(worth)

    def proves(self, value: Value) -> Value:
        """Return a value from the start of the path, with its known parts filled in."""
        if isinstance(value, MadeValue) and value.parts:
            value = reduced(value.how, tuple(self.proves(part) for part in value.parts), value.names)
        return self.with_facts(value)

    @property
    def known(self) -> Worths:
        """What has been proved so far."""
        return self._known


def reduced(how: str, parts: tuple[Value, ...], names: tuple[str, ...]) -> Value:
    """Make a value from others, as simple as it can be computed."""
    match how, parts:
        case "large", _:
            return CHANGED
        case "attribute", (MadeValue(how="record" | "with") as of,):
            return _attribute(of, names[0])
        case "part", (MadeValue(how="variant", parts=values, names=(_, _, *fields)),) if names[0] in fields:
            return values[fields.index(names[0])]
        case "unwrap", (MadeValue(how="wrap", parts=(of,)),):
            return of
        case "wrap", (MadeValue(how="unwrap", parts=(of,)),):
            return of
        case "wrap" | "unwrap", (KnownValue() as of,):
            return of
        case "if", (KnownValue(value=test), yes, no):
            return yes if test else no
        case "??", (KnownValue(value=None), other):
            return other
        case "??", (MadeValue(how="wrap", parts=(of,)), _):
            return of
        case "+" | "-" | "*", (KnownValue(value=int() as left), KnownValue(value=int() as right)):
            return _computed(how, left, right)
        case "-", (KnownValue(value=int() as of),):
            return KnownValue(-of)
        case ("+", (MadeValue(how="beyond", names=(sign,)) as of, KnownValue(value=int() as step))) if (
            step >= 0
        ) is (sign == "+"):
            return of
        case ("-", (MadeValue(how="beyond", names=(sign,)) as of, KnownValue(value=int() as step))) if (
            step <= 0
        ) is (sign == "+"):
            return of
        case _:  # open: what cannot be computed here stays as it is
            pass
    value = make_value(how, *parts, names=names)
    worth = worth_of(value, {})
    if not isinstance(worth, WorthMark | dict | NamedVariant):
        return KnownValue(worth)
    return value if how in _HALF_KNOWN or not has_changed(value) else CHANGED


def _attribute(of: MadeValue, name: str) -> Value:
    if of.how == "record":
        return of.parts[of.names.index(name)] if name in of.names else CHANGED
    base, *changes = of.parts
    return changes[of.names.index(name)] if name in of.names else reduced("attribute", (base,), (name,))


def _computed(how: str, left: int, right: int) -> Value:
    number = left + right if how == "+" else left - right if how == "-" else left * right
    if abs(number) <= COUNT_MAX:
        return KnownValue(number)
    return make_value("beyond", CHANGED, names=("+" if number > 0 else "-",))


def carried(value: Value) -> Value:
    """Return what a field carries on of a value: a copy, a part, or what never changes.

    What is computed from a field is another value each time.
    """
    match value:
        case MadeValue(size=size) if size > _SIZE_MAX:
            return CHANGED
        case MadeValue(how=how, parts=parts, names=names) if how in _HALF_KNOWN:
            return make_value(how, *map(carried, parts), names=names)
        case MadeValue(how=how, parts=(of,)) if how in _PARTS:
            return value if carried(of) == of else CHANGED
        case MadeValue(parts=parts):
            return CHANGED if parts and any(_own(atom) for atom in atoms(value)) else value
        case KnownValue() | CopiedField() | OutsideValue():
            return value
        case _:
            assert_never(value)


def _own(atom: Value) -> bool:
    return isinstance(atom, CopiedField | OutsideValue) or (
        isinstance(atom, MadeValue) and atom.how == "outside"
    )


def settled(value: Value) -> Value:
    """Return what is known of a value in every run: literals and what is made of the input."""
    match value:
        case KnownValue():
            return value
        case MadeValue(how=how, parts=parts, names=names) if how in _HALF_KNOWN:
            return make_value(how, *map(settled, parts), names=names)
        case CopiedField() | OutsideValue():
            return CHANGED
        case MadeValue():
            return CHANGED if any(_own(atom) for atom in atoms(value)) else value
        case _:
            assert_never(value)


def has_changed(value: Value) -> bool:
    """Say whether a value, or a part of it, has changed in an unknown way."""
    return any(isinstance(atom, OutsideValue) for atom in atoms(value))


def atoms(value: Value) -> Iterator[Value]:
    """Yield the values from which a value is made."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, MadeValue) and each.parts:
            waiting.extend(each.parts)
        else:
            yield each


def own_atoms(value: Value) -> frozenset[Value]:
    """Return the fields and the values from outside from which a value is made."""
    return frozenset(filter(_own, atoms(value)))


Topic: TypeAlias = tuple[str, str] | Value
"""What a fact is about besides fields: an input, or a pure with its arguments."""


def topics_in(values: Iterable[Value]) -> set[Topic]:
    """Return what values are made of that stays the same in a run.

    A pure is meant with its arguments if these are literals, else with any arguments.
    """
    return {topic for value in values for topic in _topics(value)}


def _topics(value: Value) -> Iterator[Topic]:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, MadeValue) and each.how != "outside":
            if each.how == "pure":
                yield each if _is_settled_pure(each) else (each.how, each.names[0])
            elif not each.parts and each.names:
                yield each.how, each.names[0]
            waiting.extend(each.parts)


def _is_settled_pure(value: MadeValue) -> bool:
    return all(isinstance(part, KnownValue) for part in value.parts)


def facts_left(
    known: Worths, key: Value, fields: Collection[Value], asked: Collection[Topic]
) -> frozenset[tuple[Value, Any]]:
    """Return the facts that may still decide something.

    Those are about what later conditions read, and about values that are still there.
    """
    if not known:
        return frozenset()
    there = own_atoms(key).union(*map(own_atoms, fields))
    topics = topics_in(fields).union(asked)
    return frozenset(
        (value, worth)
        for value, worth in known.items()
        if all(atom in there for atom in atoms(value) if _own(atom))
        and all(_is_asked(topic, topics) for topic in _topics(value))
    )


def _is_asked(topic: Topic, asked: Collection[Topic]) -> bool:
    return topic in asked or (isinstance(topic, MadeValue) and (topic.how, topic.names[0]) in asked)
