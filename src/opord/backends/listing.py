"""List runs by what a program or a person asks: conditions checked at once, and runs as shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypedDict, get_args

from opord.backends.base import Backend, RunFilter
from opord.backends.misuse import check_number
from opord.backends.roles import waiting_for
from opord.backends.shown import Shown
from opord.backends.sorting import USUAL, SortedPage, sort_of, sorted_page
from opord.contract import Contract
from opord.kernel import instants
from opord.kernel.data_filter import DataIs, data_is_any
from opord.kernel.rows import NEED_REASONS, RUN_OUTCOMES, Status
from opord.language.diagnostics.suggest import nearest
from opord.values.types import Instant

_INSTANTS = ("started_from", "started_before", "since_from", "since_before", "due_from", "due_before")

_LISTED = 20
"""How many names a message lists."""


class RunPage(NamedTuple):
    """Some runs in order, each as `opord runs list --json` shows it.

    `after` is where the next page begins: give it to the same call again. None means that no run
    follows.
    """

    runs: list[Mapping[str, Any]]
    after: str | None


class RunConditions(TypedDict, total=False):
    """Conditions on the runs of a listing; a run fits if it fits all that are given and not None.

    Each of them but the instants takes one value, or several in a list: then any of them fits.

    - `version`: the version of their contract.
    - `state`: the state that they are in.
    - `status`: `running`, `waiting`, `in_doubt`, `stalled` or `ended`.
    - `outcome`: `success`, `failure`, `cancelled` or `terminated`.
    - `needs`: why they need somebody: `doubt`, `stalled`, `alarm`, `collision`, `overdue`,
      `unserved`, or `any` of them.
    - `role`: they wait for an event that this role may send. An event that anyone may send counts
      for no role.
    - `reason`: a part of the reason why they are stalled, in doubt or terminated.
    - `label`: their label; "" stands for the runs without one.
    - `started_from`, `started_before`: when they were started; the second instant is excluded.
    - `since_from`, `since_before`: since when they are in their state.
    - `due_from`, `due_before`: when they next move by themselves, of runs that wait.
    - `data`: what stands in their data, by place: `{"order.customer": "c-17"}`. A place begins with
      a field of the state or, if the state has no such field, a parameter of the input. Texts,
      numbers, bools, instants, durations, uuids and None can be asked for; what is not there equals
      None.
    """

    version: int | Sequence[int] | None
    state: str | Sequence[str] | None
    status: str | Sequence[str] | None
    outcome: str | Sequence[str] | None
    needs: str | Sequence[str] | None
    role: str | Sequence[str] | None
    reason: str | Sequence[str] | None
    label: str | Sequence[str] | None
    started_from: datetime | None
    started_before: datetime | None
    since_from: datetime | None
    since_before: datetime | None
    due_from: datetime | None
    due_before: datetime | None
    data: Mapping[str, Any] | None


class Wish(NamedTuple):
    """Which runs to list: what a store finds by its columns, and the conditions on data.

    `contract` is theirs, if it was given as such and not by its name. `roles` say whose events they
    wait for.
    """

    where: RunFilter
    data: tuple[DataIs, ...] = ()
    contract: Contract | None = None
    roles: tuple[str, ...] = ()


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
    data = conditions.get("data")
    if not isinstance(data, Mapping | None):
        raise TypeError(f'expected data by place, as in {{"order.id": "o1"}}, got: {data!r}')
    versions = _several(conditions.get("version"))
    for version in versions or ():
        check_number("version", version, whole=True)
    known = contract if isinstance(contract, Contract) else None
    return Wish(
        RunFilter(
            contract=known.name if known is not None else contract,  # type: ignore[arg-type]
            state=_texts(conditions.get("state"), "the name of a state"),
            status=_words("status", conditions.get("status"), get_args(Status)),
            outcome=_words("outcome", conditions.get("outcome"), RUN_OUTCOMES),
            needs=_words("need", conditions.get("needs"), ("any", *NEED_REASONS)),
            version=versions,
            label=_texts(conditions.get("label"), "a label"),
            reason=_texts(conditions.get("reason"), "a part of a reason"),
            **{name: _instant(name, conditions.get(name)) for name in _INSTANTS},  # type: ignore[arg-type]
        ),
        tuple(
            [
                data_is_any(path, (None,) if value is None else _several(value) or ())
                for path, value in (data or {}).items()
            ]
        ),
        known,
        _texts(conditions.get("role"), "a role") or (),
    )


def _several(value: Any) -> tuple[Any, ...] | None:
    """Return the values of a condition that is one value, several in a list, or None."""
    if value is None:
        return None
    return tuple(value) if isinstance(value, list | tuple | set | frozenset) else (value,)


def _texts(value: Any, what: str) -> tuple[str, ...] | None:
    texts = _several(value)
    for text in texts or ():
        if not isinstance(text, str):
            raise TypeError(f"expected {what}, got: {text!r}")
    return texts


def _words(what: str, value: Any, words: Iterable[str]) -> Any:
    texts = _several(value)
    return None if texts is None else tuple([known_name(what, text, words) for text in texts])


async def page_of(
    backend: Backend, wish: Wish, *, limit: int, after: str | None, sort: str = USUAL
) -> RunPage:
    """Return up to `limit` runs as shown.

    Raises:
        TypeError: `limit` is no number, or `after` no text.
        ValueError: `limit` is below 1, there is no such order or too many runs for it, or a
            contract, state, role or place is unknown to the contract and to the store. Names are
            checked where they can be: if a contract was given, or if no run was found and a
            contract is stored.
    """
    check_number("limit", limit, whole=True)
    if not isinstance(after, str | None):
        raise TypeError(f"expected for after what the page before has as its `after`, got: {after!r}")
    if limit < 1:
        raise ValueError(f"expected a limit of at least 1, got: {limit}")
    shown = Shown(backend)
    if wish.roles:
        wish = wish._replace(
            where=wish.where._replace(waiting_in=await waiting_for(shown, wish.roles, wish.where))
        )
    if wish.contract is not None and not _has_names(wish.contract, wish):
        await check_names(shown, wish.where._replace(version=None), wish.data, given=wish.contract)
    order = sort_of(sort)
    if order is None:
        rows = [row async for row in shown.rows(wish.where, data=wish.data, limit=limit + 1, after=after)]
        page = SortedPage(rows[:limit], rows[limit - 1].run if len(rows) > limit else None)
    else:
        page = await sorted_page(shown, wish.where, wish.data, sort=order, limit=limit, after=after)
    if not page.rows and after is None and wish.contract is None and await backend.versions():
        await check_names(shown, wish.where._replace(version=None), wish.data)
    views: list[Mapping[str, Any]] = [await shown.view(row) for row in page.rows]
    return RunPage(views, page.after)


def _has_names(contract: Contract, wish: Wish) -> bool:
    states, known = _states(contract), places(contract)
    wanted = wish.where.values("state") or ()
    return {*wanted} <= {*states} and all(one.path[0] in known for one in wish.data)


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
    contracts = where.values("contract")
    if given is None:
        for name in contracts or ():
            known_name("stored contract", name, (one.name for one in versions))
    if contracts is not None:
        versions = [one for one in versions if one.name in contracts]
        numbers = [one.version for one in versions]
        for number in where.values("version") or ():
            if number not in numbers:
                there, of = _some([str(each) for each in numbers]), " or ".join(contracts)
                raise ValueError(f"there is no version {number} of {of}; there are {there}")
    wanted = where.values("version")
    chosen = [one.digest for one in reversed(versions) if wanted is None or one.version in wanted]
    words = [("state", state, _states) for state in where.values("state") or ()]
    words += [("input or field of a state", one.path[0], places) for one in data if contracts is not None]
    of = f" of {' or '.join(contracts)}" if contracts is not None else " of a stored contract"
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


def places(contract: Contract) -> list[str]:
    """Return where the data of a run may begin: parameters of the input, and fields of states."""
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
