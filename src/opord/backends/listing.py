"""List runs by what a program or a person asks: conditions checked at once, and runs as shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypedDict, get_args

from opord.backends.base import Backend, RunFilter
from opord.backends.misuse import check_number
from opord.backends.shown import Shown
from opord.contract import Contract
from opord.kernel import instants
from opord.kernel.data_filter import DataIs, data_is
from opord.kernel.rows import NEED_REASONS, RUN_OUTCOMES, Status
from opord.language.diagnostics.suggest import nearest
from opord.values.types import Instant

_LISTED = 20
"""How many names a message lists."""


class RunPage(NamedTuple):
    """Some runs, the newest start first, each as `opord runs list --json` shows it.

    `after` is where the next page begins: give it to the same call again. None means that no run
    follows.
    """

    runs: list[Mapping[str, Any]]
    after: str | None


class RunConditions(TypedDict, total=False):
    """Conditions on the runs of a listing; a run fits if it fits all that are given and not None.

    - `version`: the version of their contract.
    - `state`: the state that they are in.
    - `status`: `running`, `waiting`, `in_doubt`, `stalled` or `ended`.
    - `outcome`: `success`, `failure`, `cancelled` or `terminated`.
    - `needs`: why they need somebody: `doubt`, `stalled`, `alarm`, `collision`, `overdue`,
      `unserved`, or `any` of them.
    - `label`: their label; "" stands for the runs without one.
    - `started_from`, `started_before`: when they were started; the second instant is excluded.
    - `since_from`, `since_before`: since when they are in their state.
    - `data`: what stands in their data, by place: `{"order.customer": "c-17"}`. A place begins with
      a field of the state or, if the state has no such field, a parameter of the input. Texts,
      numbers, bools, instants, durations, uuids and None can be asked for; what is not there equals
      None.
    """

    version: int | None
    state: str | None
    status: str | None
    outcome: str | None
    needs: str | None
    label: str | None
    started_from: datetime | None
    started_before: datetime | None
    since_from: datetime | None
    since_before: datetime | None
    data: Mapping[str, Any] | None


class Wish(NamedTuple):
    """Which runs to list: what a store finds by its columns, and the conditions on data.

    `contract` is theirs, if it was given as such and not by its name.
    """

    where: RunFilter
    data: tuple[DataIs, ...] = ()
    contract: Contract | None = None


def wish(contract: Contract | str | None, conditions: RunConditions) -> Wish:
    """Check conditions and return them. Names of the contract are for `page_of` to check.

    Raises:
        TypeError: there is no such condition, or it is of the wrong type.
        ValueError: a word is unknown, a place is none, or an instant has no time zone.
    """
    for name in conditions:
        if name not in RunConditions.__annotations__:
            near = nearest(name, RunConditions.__annotations__)
            hint = (
                f"did you mean {near!r}?" if near else f"there are {', '.join(RunConditions.__annotations__)}"
            )
            raise TypeError(f"{name!r} is not a condition; {hint}")
    version, data = conditions.get("version"), conditions.get("data")
    if version is not None:
        check_number("version", version, whole=True)
    if not isinstance(state := conditions.get("state"), str | None):
        raise TypeError(f"expected the name of a state, got: {state!r}")
    if not isinstance(label := conditions.get("label"), str | None):
        raise TypeError(f"expected a label, got: {label!r}")
    if not isinstance(data, Mapping | None):
        raise TypeError(f'expected data by place, as in {{"order.id": "o1"}}, got: {data!r}')
    known = contract if isinstance(contract, Contract) else None
    return Wish(
        RunFilter(
            contract=known.name if known is not None else contract,  # type: ignore[arg-type]
            state=state,
            status=known_name("status", conditions.get("status"), get_args(Status)),  # type: ignore[arg-type]
            outcome=known_name("outcome", conditions.get("outcome"), RUN_OUTCOMES),
            needs=known_name("need", conditions.get("needs"), ("any", *NEED_REASONS)),  # type: ignore[arg-type]
            version=version,
            label=label,
            started_from=_instant("started_from", conditions.get("started_from")),
            started_before=_instant("started_before", conditions.get("started_before")),
            since_from=_instant("since_from", conditions.get("since_from")),
            since_before=_instant("since_before", conditions.get("since_before")),
        ),
        tuple(data_is(path, value) for path, value in (data or {}).items()),
        known,
    )


async def page_of(backend: Backend, wish: Wish, *, limit: int, after: str | None) -> RunPage:
    """Return up to `limit` runs as shown.

    Raises:
        TypeError: `limit` is no number, or `after` no text.
        ValueError: `limit` is below 1, or a contract, state or place is unknown to the contract and
            to the store. Names are checked where they can be: if a contract was given, or if no run
            was found and a contract is stored.
    """
    check_number("limit", limit, whole=True)
    if not isinstance(after, str | None):
        raise TypeError(f"expected for after what the page before has as its `after`, got: {after!r}")
    if limit < 1:
        raise ValueError(f"expected a limit of at least 1, got: {limit}")
    shown = Shown(backend)
    if wish.contract is not None and not _has_names(wish.contract, wish):
        await check_names(shown, wish.where._replace(version=None), wish.data, given=wish.contract)
    rows = [row async for row in shown.rows(wish.where, data=wish.data, limit=limit + 1, after=after)]
    if not rows and after is None and wish.contract is None and await backend.versions():
        await check_names(shown, wish.where._replace(version=None), wish.data)
    views: list[Mapping[str, Any]] = [await shown.view(row) for row in rows[:limit]]
    return RunPage(views, rows[limit - 1].run if len(rows) > limit else None)


def _has_names(contract: Contract, wish: Wish) -> bool:
    states, places = _states(contract), _places(contract)
    return wish.where.state in (None, *states) and all(one.path[0] in places for one in wish.data)


async def check_names(
    shown: Shown, where: RunFilter, data: Sequence[DataIs] = (), given: Contract | None = None
) -> None:
    """Refuse the name of a contract, version, state or place that no stored contract has.

    The names of a given contract are known, too. It compiles contracts until one has the names, so
    ask only when nothing was found. A contract that cannot be read may have any name.

    Raises:
        ValueError: a name is unknown; the message has a similar one.
    """
    versions = await shown.backend.versions()
    if given is None:
        known_name("stored contract", where.contract, (one.name for one in versions))
    if where.contract is not None:
        versions = [one for one in versions if one.name == where.contract]
        numbers = [one.version for one in versions]
        if where.version not in (None, *numbers):
            there = _some([str(number) for number in numbers])
            raise ValueError(f"there is no version {where.version} of {where.contract}; there are {there}")
    chosen = [one.digest for one in reversed(versions) if where.version in (None, one.version)]
    words = [] if where.state is None else [("state", where.state, _states)]
    words += [
        ("input or field of a state", one.path[0], _places) for one in data if where.contract is not None
    ]
    of = f" of {where.contract}" if where.contract is not None else " of a stored contract"
    for what, word, names in words:
        known = names(given) if given is not None else []
        for digest in chosen:
            contract = await shown.contract(digest)
            if contract is None:
                break
            known += names(contract)
            if word in known:
                break
        else:
            known_name(what + of, word, known)


def _states(contract: Contract) -> list[str]:
    return [state.name for state in contract.states]


def _places(contract: Contract) -> list[str]:
    fields = [field.name for state in contract.states for field in state.fields]
    return [*(param.name for param in contract.params), *fields]


def known_name(what: str, word: str | None, words: Iterable[str]) -> str | None:
    """Return a word that is one of those known, or None if none was given."""
    known = [*dict.fromkeys(words)]
    if word is None or word in known:
        return word
    near = nearest(word, known)
    others = f"; there are {_some(known)}" if known else ""
    raise ValueError(f"there is no {what} {word!r}" + (f"; did you mean {near!r}?" if near else others))


def _some(words: Sequence[str]) -> str:
    more = f" and {len(words) - _LISTED} more" if len(words) > _LISTED else ""
    return ", ".join(words[:_LISTED]) + more


def _instant(name: str, moment: datetime | None) -> Instant | None:
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        raise TypeError(f"expected a datetime for {name}, as in datetime.now(UTC), got: {moment!r}")
    if moment.tzinfo is None:
        raise ValueError(f"{name} needs a time zone, as in datetime.now(UTC), got: {moment!r}")
    return instants.from_datetime(moment)
