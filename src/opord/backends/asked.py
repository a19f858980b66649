"""The filters of runs as people type them: the same words over HTTP and on the command line.

A filter that is given several times takes any of its values. Different filters all have to fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, get_args

from opord.backends.base import RunFilter
from opord.backends.listing import known_name
from opord.backends.moments import Range, coming, past
from opord.backends.roles import waiting_for
from opord.backends.shown import Shown
from opord.kernel.data_filter import DataIs, any_of_data, data_reads
from opord.kernel.rows import NEED_REASONS, RUN_OUTCOMES, Status
from opord.values.guard import INT_MAX
from opord.values.types import Instant

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "status": get_args(Status),
    "outcome": RUN_OUTCOMES,
    "needs": ("any", *NEED_REASONS),
}
"""The filters that take a word, and their words."""

_NAMES: Final = ("contract", "state", "label", "reason")

TIMES: Final = ("started", "since", "due")
"""The filters that take a range of time."""

BEFORE: Final = {"started_before": "started", "since_before": "since"}
"""The filters that take the end of a range."""

FILTERS: Final = ("contract", "version", "state", *WORDS, "role", "reason", "label", *TIMES, *BEFORE)
"""All filters but those on data."""

DATA: Final = "data."
"""How the name of a condition on data begins over HTTP."""

VALUES_MOST: Final = 50
"""How many values a filter takes."""

_WHOLE = re.compile(r"\d{1,19}", re.ASCII)


class Asked(NamedTuple):
    """Which runs are meant.

    - `columns` are the conditions that a store decides as they are.
    - `times` are the ranges of time, each with the name of its column and that of its filter.
    - `roles` say whose events the runs wait for.
    - `data` are the conditions on the state or input.
    """

    columns: Mapping[str, tuple[Any, ...]]
    times: tuple[tuple[str, str, Range], ...]
    roles: tuple[str, ...]
    data: tuple[DataIs, ...]

    @property
    def given(self) -> bool:
        """Say whether there is any filter."""
        return bool(self.columns or self.times or self.roles or self.data)

    async def where(self, shown: Shown) -> RunFilter:
        """Return the conditions for a store, by its clock and its contracts.

        Raises:
            ValueError: a range ends before it begins.
            UnknownRole: no stored contract has a role.
        """
        members: dict[str, Any] = {**self.columns, **(await self._times(shown))}
        where = RunFilter(**members)
        if not self.roles:
            return where
        return where._replace(waiting_in=await waiting_for(shown, self.roles, where))

    async def _times(self, shown: Shown) -> dict[str, Instant]:
        ends: dict[str, Instant] = {}
        now = await shown.backend.now() if self.times else Instant(0)
        for name, called, span in self.times:
            try:
                first, before = span.at(now)
            except ValueError as wrong:
                raise ValueError(f"{called}: {wrong}") from None
            if first is not None:
                ends[f"{name}_from"] = first
            if before is not None:
                ends[f"{name}_before"] = min(before, ends.get(f"{name}_before", before))
        return ends


def asked(
    given: Mapping[str, Sequence[str]],
    data: Iterable[tuple[str, str]] = (),
    *,
    called: Callable[[str], str] = str,
) -> Asked:
    """Read filters, each with its values, and conditions on data, each with its place and its text.

    `called` says how a filter is called in messages.

    Raises:
        ValueError: a value is none that the filter takes; the message says what it takes.
    """
    columns: dict[str, tuple[Any, ...]] = {}
    times: list[tuple[str, str, Range]] = []
    roles: tuple[str, ...] = ()
    for name, values in given.items():
        if len(values) > VALUES_MOST:
            raise ValueError(f"{called(name)}: expected up to {VALUES_MOST} values, got: {len(values)}")
        if name in WORDS:
            columns[name] = tuple([known_name(name, value, WORDS[name]) for value in values])
        elif name in _NAMES:
            columns[name] = tuple(values)
        elif name == "version":
            columns[name] = tuple([_version(called(name), value) for value in values])
        elif name == "role":
            roles = tuple(dict.fromkeys(values))
        else:
            times.append(_time(name, values, called))
    return Asked(columns, tuple(times), roles, _of_data(data))


def _version(name: str, text: str) -> int:
    number = int(text) if _WHOLE.fullmatch(text) else 0
    if not 1 <= number <= INT_MAX:
        raise ValueError(f"expected for {name} a whole number from 1 to {INT_MAX}, got: {text!r}")
    return number


def _time(name: str, values: Sequence[str], called: Callable[[str], str]) -> tuple[str, str, Range]:
    if len(values) > 1:
        raise ValueError(f"{called(name)} is given more than once; write one range, as in 7d..2d")
    text = values[0]
    try:
        if name in BEFORE:
            if ".." in text:
                raise ValueError(f"expected one end of a range, got: {text!r}")
            return BEFORE[name], called(name), past(f"..{text}")
        return name, called(name), coming(text) if name == "due" else past(text)
    except ValueError as wrong:
        raise ValueError(f"{called(name)}: {wrong}") from None


def _of_data(data: Iterable[tuple[str, str]]) -> tuple[DataIs, ...]:
    """Read conditions on data. Several of one place are one: any of their values."""
    return any_of_data(data_reads(path, text) for path, text in data)
