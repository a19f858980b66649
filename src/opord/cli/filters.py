"""The filters of all commands that list runs or act on them: one set of options, one value.

A command with `@filter_options` gets them as `filters`. A new filter is added here alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from opord.cli.errors import CliError
from opord.cli.times import moment
from opord.values.guard import INT_MAX

if TYPE_CHECKING:
    from opord.backends.base import RunFilter
    from opord.backends.moments import Moment
    from opord.backends.shown import Shown
    from opord.kernel.data_filter import DataIs
    from opord.kernel.rows import RunRow

NEEDS = ("any", "doubt", "stalled", "alarm", "collision", "overdue", "unserved")
STATUSES = ("running", "waiting", "in_doubt", "stalled", "ended")
OUTCOMES = ("success", "failure", "cancelled", "terminated")

_OPTIONS = (
    click.option("--contract", metavar="NAME", help="Only runs of this contract."),
    click.option("--version", type=click.IntRange(min=1, max=INT_MAX), metavar="N",
                 help="Only runs of this version of their contract."),
    click.option("--state", metavar="STATE", help="Only runs in this state."),
    click.option("--status", type=click.Choice(STATUSES), help="Only runs with this status."),
    click.option("--outcome", type=click.Choice(OUTCOMES), help="Only runs that ended with this outcome."),
    click.option("--needs", is_flag=False, flag_value="any", type=click.Choice(NEEDS), metavar="[REASON]",
                 help="Only runs that need a person, for any reason or for this REASON: doubt, stalled, alarm, collision, overdue, unserved."),
    click.option("--label", metavar="LABEL", help='Only runs with this label; with "", only those without one.'),
    click.option("--started", metavar="WHEN",
                 help="Only runs started in the last 7d (or 12h, 4w), or since an instant."),
    click.option("--started-before", metavar="WHEN",
                 help="Only runs started more than 7d ago, or before an instant."),
    click.option("--since", metavar="WHEN",
                 help="Only runs that entered their state in the last 7d, or since an instant."),
    click.option("--since-before", metavar="WHEN",
                 help="Only runs that entered their state more than 7d ago, or before an instant."),
    click.option("--data", multiple=True, metavar="PATH=VALUE",
                 help="Only runs whose state or input has this VALUE at this PATH, such as order.customer=c-17. May be repeated."),
)  # fmt: skip

_TIMES = {
    "started": "started_from",
    "started_before": "started_before",
    "since": "since_from",
    "since_before": "since_before",
}
"""The options that are a time, and the conditions of a store that they become."""


class Filters(NamedTuple):
    """Which runs are meant.

    - `columns` are the conditions of a store without those on time.
    - `moments` are the conditions on time.
    - `data` are those on the state or input.
    """

    columns: dict[str, Any]
    moments: dict[str, Moment]
    data: tuple[DataIs, ...]

    @property
    def given(self) -> bool:
        """Say whether there is any filter."""
        return bool(self.columns or self.moments or self.data)

    async def rows(
        self, shown: Shown, *, limit: int | None = None, after: str | None = None
    ) -> AsyncIterator[RunRow]:
        """Yield the runs that are meant, newest first, beginning after the run `after`.

        Raises:
            CliError: there are none, because no stored contract has a name that a filter uses.
        """
        where = await self._where(shown)
        found = False
        async for row in shown.rows(where, data=self.data, limit=limit, after=after):
            found = True
            yield row
        if not found and after is None:
            await self._check_names(shown, where)

    async def _where(self, shown: Shown) -> RunFilter:
        from opord.backends.base import RunFilter

        now = await shown.backend.now()
        times: dict[str, Any] = {name: one.at(now) for name, one in self.moments.items()}
        return RunFilter(**self.columns, **times)

    async def _check_names(self, shown: Shown, where: RunFilter) -> None:
        from opord.backends.listing import check_names

        try:
            await check_names(shown, where, self.data)
        except ValueError as wrong:
            raise CliError("name_unknown", str(wrong), 2) from None


def filter_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that choose runs; it gets them as `filters`."""

    @wraps(command)
    def filtered(**given: Any) -> int:
        names = ("contract", "version", "state", "status", "outcome", "needs", "label")
        columns = {name: value for name in names if (value := given.pop(name)) is not None}
        times = {name: given.pop(name) for name in _TIMES}
        moments = {
            _TIMES[name]: moment(f"--{name.replace('_', '-')}", text)
            for name, text in times.items()
            if text is not None
        }
        data = tuple(_condition(one) for one in given.pop("data"))
        return command(filters=Filters(columns, moments, data), **given)

    for option in reversed(_OPTIONS):
        filtered = option(filtered)
    return filtered


def _condition(argument: str) -> DataIs:
    from opord.kernel.data_filter import data_reads

    path, sign, text = argument.partition("=")
    try:
        if not sign:
            raise ValueError("expected PATH=VALUE")
        return data_reads(path, text)
    except ValueError as wrong:
        raise CliError("usage", f"--data: {wrong}, as in order.customer=c-17, got: {argument!r}", 2) from None
