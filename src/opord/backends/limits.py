"""Read the limits of a deployment: from `opord.toml`, from flags, or from `Engine(limits=…)`.

All three have one form, a table for each contract, with a table for each limited call in it:

    [limits.OrderFulfilment]
    at_once = 100

    [limits.OrderFulfilment.charge_card]
    at_once = 20
    per_second = 50
    by = "customer_id"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from opord.backends.near import near_name
from opord.contract import Action, Contract, Effect, Field, Named, OptionalOf, SecretOf, Type
from opord.drive.errors import Refused
from opord.kernel.limits import Limit
from opord.kernel.program import Program
from opord.values.types import Duration

RATES: Final[Mapping[str, int]] = {"per_second": 1, "per_minute": 60, "per_hour": 3600}
"""The settings of a rate, and the length of their spans in seconds."""

SETTINGS: Final = ("at_once", *RATES, "by")

MOST: Final = 1_000_000
"""The largest number that a limit may have."""


class LimitInvalid(ValueError):
    """A limit that cannot be kept to; the message says which and why."""


class LimitUnknown(Refused):
    """The store has no limit of this name. `known` are the names that there are."""

    code = "limit_unknown"

    name: str
    known: tuple[str, ...]

    def __init__(self, name: str, known: Sequence[str]) -> None:
        near = near_name(name, known)
        there = f"there are {', '.join(known)}" if known else "this store has none"
        super().__init__(f"there is no limit {name!r}; {f'did you mean {near!r}?' if near else there}")
        self.name, self.known = name, tuple(known)


def read_limits(table: Any, programs: Iterable[Program]) -> list[Limit]:
    """Return the limits of a table that are for these programs.

    Limits of other contracts are left to the workers that serve those.

    Raises:
        LimitInvalid: one has an unknown name, a wrong value, or a key that its call has not.
    """
    if not isinstance(table, Mapping):
        raise LimitInvalid(f"expected a table for each contract in `limits`, got: {table!r}")
    contracts = {program.name: program.contract for program in programs}
    limits: list[Limit] = []
    for name, settings in table.items():
        contract = contracts.get(name)
        if contract is None:
            near = near_name(name, contracts)
            if near:
                raise LimitInvalid(f"`limits.{name}`: no contract here has that name; did you mean `{near}`?")
            continue
        if not isinstance(settings, Mapping):
            raise LimitInvalid(f"expected a table in `limits.{name}`, got: {settings!r}")
        own = {key: value for key, value in settings.items() if not isinstance(value, Mapping)}
        if own:
            limits.append(_limit(contract, "", own))
        for call, of_call in settings.items():
            if isinstance(of_call, Mapping):
                limits.append(_limit(contract, _known_call(contract, call), of_call))
    return limits


def read_flag(text: str) -> dict[str, dict[str, Any]]:
    """Return the table of a limit as a flag gives it: `Order.charge at_once=20 per_second=50`.

    Raises:
        LimitInvalid: it has another form.
    """
    name, *members = text.split()
    contract, _, call = name.partition(".")
    settings: dict[str, Any] = {}
    for member in members:
        key, equals, value = member.partition("=")
        if not equals:
            raise LimitInvalid(f"expected NAME=VALUE, as in at_once=20, got: {member!r}")
        settings[key] = int(value) if value.lstrip("-").isdigit() else value
    if not settings:
        raise LimitInvalid(f"expected what the limit is, as in `{name} at_once=20`, got: {text!r}")
    return {contract: {call: settings} if call else settings}


def merged(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return tables of limits in one; a later limit takes the place of an earlier one."""
    found: dict[str, Any] = {}
    for table in tables:
        for contract, settings in table.items():
            before = found.get(contract, {})
            if not isinstance(settings, Mapping) or not isinstance(before, Mapping):
                found[contract] = settings
                continue
            calls = {
                key: one
                for source in (before, settings)
                for key, one in source.items()
                if isinstance(one, Mapping)
            }
            own = {key: one for key, one in settings.items() if not isinstance(one, Mapping)}
            kept = own or {key: one for key, one in before.items() if not isinstance(one, Mapping)}
            found[contract] = kept | calls
    return found


def _limit(contract: Contract, call: str, settings: Mapping[str, Any]) -> Limit:
    name = f"{contract.name}.{call}" if call else contract.name
    for key in settings:
        if key not in SETTINGS:
            near = near_name(key, SETTINGS)
            hint = f"did you mean `{near}`?" if near else f"a limit has {', '.join(SETTINGS)}"
            raise LimitInvalid(f"`{key}` in the limit of {name} is not known; {hint}")
    rates = [key for key in RATES if key in settings]
    if len(rates) > 1:
        raise LimitInvalid(f"the limit of {name} has {' and '.join(rates)}; give it one rate")
    at_once = _number(name, "at_once", settings.get("at_once"))
    rate = _number(name, rates[0], settings[rates[0]]) if rates else None
    if at_once is None and rate is None:
        raise LimitInvalid(
            f"the limit of {name} has no number; give it at_once or a rate, as in at_once = 20"
        )
    window_us = Duration(RATES[rates[0]] * 1_000_000 if rates else 0)
    return Limit(
        contract.name, call, at_once, rate, window_us, _path(contract, call, name, settings.get("by", ""))
    )


def _number(name: str, key: str, value: Any) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 < value <= MOST:
        raise LimitInvalid(f"expected a whole number from 1 to {MOST:,} for {key} of {name}, got: {value!r}")
    return value


def _calls(contract: Contract) -> tuple[Effect | Action, ...]:
    return (*contract.effects, *contract.actions)


def _known_call(contract: Contract, name: str) -> str:
    calls = [one.name for one in _calls(contract)]
    if name in calls:
        return name
    if any(one.name == name for one in contract.pures):
        raise LimitInvalid(
            f"{contract.name}.{name} is a pure, which calls nothing outside; limit an effect or an action"
        )
    near = near_name(name, calls)
    hint = f"did you mean `{near}`?" if near else f"its calls are {', '.join(calls) or 'none'}"
    raise LimitInvalid(f"{contract.name} has no effect or action `{name}`; {hint}")


def _path(contract: Contract, call: str, name: str, path: Any) -> str:
    """Check the path of a key: in the parameters of a call, or else in the input of the run."""
    if path == "":
        return ""
    if not isinstance(path, str):
        raise LimitInvalid(f"expected the name of a parameter for `by` of {name}, got: {path!r}")
    params: dict[str, Field] = {field.name: field for field in contract.params}
    of_call = next((one for one in _calls(contract) if one.name == call), None)
    if of_call is not None:
        params |= {field.name: field for field in of_call.params}
    fields: Mapping[str, Field] = params
    for step in path.split("."):
        field = fields.get(step)
        if field is None:
            near = near_name(step, fields)
            hint = f"did you mean `{near}`?" if near else f"there are {', '.join(fields) or 'none'}"
            raise LimitInvalid(f"`by` of {name} is `{path}`, and there is no `{step}`; {hint}")
        kind = _bare(field.type)
        if kind is None:
            raise LimitInvalid(f"`by` of {name} is `{path}`, which is secret; a key is stored readable")
        record = next(
            (one for one in contract.records if isinstance(kind, Named) and one.name == kind.name), None
        )
        fields = {} if record is None else {field.name: field for field in record.fields}
    return path


def _bare(kind: Type) -> Type | None:
    """Return a type without `?`; None if it is secret."""
    while isinstance(kind, OptionalOf):
        kind = kind.item
    return None if isinstance(kind, SecretOf) else kind
