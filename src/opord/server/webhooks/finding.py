"""Find the run of a delivery whose sender does not know the run's name, by a field of its data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias, assert_never, cast
from uuid import UUID

from opord.contract import Contract, Field, Named, OptionalOf, Primitive, RecordType, Type
from opord.server.webhooks.places import ABSENT, Delivery, Place, place_of
from opord.values.guard import INT_MAX, INT_MIN

Kind: TypeAlias = Literal["str", "int", "uuid"]
"""The types by which runs are found: those of which each value has one form."""

_KINDS: Final = ("str", "int", "uuid")
_DEEPEST: Final = 4


class Where(NamedTuple):
    """A condition on a run: what stands at a path of its data is what stands at a place.

    `path` leads from a field of its present state or, if that has none, from a parameter.
    """

    path: tuple[str, ...]
    kind: Kind
    place: Place

    def __str__(self) -> str:
        return f"{'.'.join(self.path)} = {self.place}"

    def wanted(self, delivery: Delivery) -> str | int | None:
        """Return the value that a run has to have; None if the delivery has none of its type."""
        found = self.place.of(delivery)
        if found is ABSENT or isinstance(found, bool) or not isinstance(found, str | int) or found == "":
            return None
        text = str(found)
        match self.kind:
            case "str":
                return text
            case "int":
                return _whole(text)
            case "uuid":
                try:
                    return str(UUID(text))
                except ValueError:
                    return None
            case _:
                assert_never(self.kind)


def _whole(text: str) -> int | None:
    """Read a whole number that a field can have; None if it is none."""
    if not (text.isascii() and text.removeprefix("-").isdecimal() and len(text) <= 20):
        return None
    number = int(text)
    return number if INT_MIN <= number <= INT_MAX else None


def where_of(contract: Contract, given: str) -> Where:
    """Read a condition such as `receipt.charge_id = body.data.charge`.

    Raises:
        ValueError: it has another form, or its left side is no field by which runs can be found.
    """
    left, equals, right = (part.strip() for part in given.partition("="))
    if not equals:
        raise ValueError(
            f"expected a field and a place, as in `receipt.charge = body.data.charge`, got: {given!r}"
        )
    path = tuple(left.split("."))
    kinds = {*_kinds(contract, path)}
    if not kinds:
        raise ValueError(f"neither the input of {contract.name} nor a state has `{left}`; {_there(contract)}")
    if len(kinds) > 1 or not kinds <= {*_KINDS}:
        seen = " and ".join(sorted(kinds))
        raise ValueError(f"`{left}` is of type {seen}; runs are found by {', '.join(_KINDS)}")
    return Where(path, cast(Kind, kinds.pop()), place_of(right))


def _kinds(contract: Contract, path: Sequence[str]) -> Iterator[str]:
    """Yield the types of what a path leads to, in the input and in each state that has it."""
    records = {one.name: one for one in contract.records}
    for fields in (contract.params, *(state.fields for state in contract.states)):
        kind = _kind_at(records, fields, path)
        if kind is not None:
            yield kind


def _kind_at(records: Mapping[str, RecordType], fields: Sequence[Field], path: Sequence[str]) -> str | None:
    field = next((one for one in fields if one.name == path[0]), None)
    if field is None:
        return None
    type_ = _bare(field.type)
    if len(path) == 1:
        return type_.name if isinstance(type_, Primitive | Named) else type(type_).__name__
    record = records.get(type_.name) if isinstance(type_, Named) else None
    return (
        _kind_at(records, record.fields, path[1:]) if record is not None and len(path) <= _DEEPEST else None
    )


def _bare(type_: Type) -> Type:
    return type_.item if isinstance(type_, OptionalOf) else type_


def _there(contract: Contract) -> str:
    fields = (contract.params, *(state.fields for state in contract.states))
    return f"there are {', '.join(dict.fromkeys(one.name for each in fields for one in each)) or 'none'}"
