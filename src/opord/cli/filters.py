"""The filters of all commands that list runs or act on them: one set of options, one value.

A command with `@filter_options` gets them as `filters`. A new filter is added here alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from opord.cli.completing import offer_stored
from opord.cli.errors import CliError
from opord.values.guard import INT_MAX

if TYPE_CHECKING:
    from opord.backends.asked import Asked
    from opord.backends.base import RunFilter
    from opord.backends.shown import Shown
    from opord.kernel.rows import RunRow

NEEDS = ("any", "doubt", "stalled", "alarm", "collision", "overdue", "unserved")
STATUSES = ("running", "waiting", "in_doubt", "stalled", "ended")
OUTCOMES = ("success", "failure", "cancelled", "terminated")
SORTS = ("-started", "-since", "since", "due")

_OPTIONS = (
    click.option("--contract", multiple=True, metavar="NAME", shell_complete=offer_stored("contract"),
                 help="Only runs of this contract."),
    click.option("--version", type=click.IntRange(min=1, max=INT_MAX), multiple=True, metavar="N",
                 help="Only runs of this version of their contract."),
    click.option("--state", multiple=True, metavar="STATE", shell_complete=offer_stored("state"),
                 help="Only runs in this state."),
    click.option("--status", type=click.Choice(STATUSES), multiple=True, help="Only runs with this status."),
    click.option("--outcome", type=click.Choice(OUTCOMES), multiple=True,
                 help="Only runs that ended with this outcome."),
    click.option("--needs", is_flag=False, flag_value="any", type=click.Choice(NEEDS), multiple=True, metavar="[REASON]",
                 help="Only runs that need a person, for any reason or for this REASON: doubt, stalled, alarm, collision, overdue, unserved."),
    click.option("--label", multiple=True, metavar="LABEL",
                 help='Only runs with this label; with "", only those without one.'),
    click.option("--started", metavar="WHEN",
                 help="Only runs started in the last 7d (or 12h, 4w), or since an instant; 7d..2d and ..2d are ranges."),
    click.option("--started-before", metavar="WHEN",
                 help="Only runs started more than 7d ago, or before an instant."),
    click.option("--since", metavar="WHEN",
                 help="Only runs that entered their state in the last 7d, or since an instant, or in a range."),
    click.option("--since-before", metavar="WHEN",
                 help="Only runs that entered their state more than 7d ago, or before an instant."),
    click.option("--due", metavar="WHEN",
                 help="Only waiting runs that move by themselves in the next 2h, or before an instant; 2h..1d and 2h.. are ranges."),
    click.option("--data", multiple=True, metavar="PATH=VALUE",
                 help="Only runs whose state or input has this VALUE at this PATH, such as order.customer=c-17."),
)  # fmt: skip
"""Those that may be given several times take any of the values."""

_OF_ROLE = "Only runs that wait for an event which this role may send."
_OF_REASON = "Only runs that are stalled, in doubt or terminated for a reason with this TEXT in it."


def _by_role_and_reason(*, lists: bool) -> tuple[Callable[..., Any], ...]:
    """Return the two filters whose short names belong to the acting person where a command acts."""
    role = ("--role", "--waits-for-role") if lists else ("--waits-for-role",)
    reason = ("--reason", "--reason-has") if lists else ("--reason-has",)
    return (
        click.option(*role, "waits_for_role", multiple=True, metavar="ROLE", shell_complete=offer_stored("role"),
                     help=_OF_ROLE),
        click.option(*reason, "reason_has", multiple=True, metavar="TEXT", help=_OF_REASON),
    )  # fmt: skip


class Filters(NamedTuple):
    """Which runs are meant, and in which order; None is that of their starts."""

    asked: Asked
    sort: str | None = None

    @property
    def given(self) -> bool:
        """Say whether there is any filter."""
        return self.asked.given

    async def rows(
        self, shown: Shown, *, limit: int | None = None, after: str | None = None
    ) -> AsyncIterator[RunRow]:
        """Yield the runs that are meant, newest first, beginning after the run `after`.

        Raises:
            CliError: there are none, because no stored contract has a name that a filter uses.
        """
        where = await self._where(shown)
        found = False
        async for row in shown.rows(where, data=self.asked.data, limit=limit, after=after):
            found = True
            yield row
        if not found and after is None:
            await self._check_names(shown, where)

    async def page(self, shown: Shown, *, limit: int, after: str | None) -> tuple[list[RunRow], str | None]:
        """Return up to `limit` runs in the order asked for, and the `after` of the next page.

        Raises:
            CliError: there are none, because a name is unknown; or too many for this order.
        """
        if self.sort is None:
            rows = [row async for row in self.rows(shown, limit=limit + 1, after=after)]
            return rows[:limit], rows[limit - 1].run if len(rows) > limit else None
        from opord.backends.sorting import sorted_page

        where = await self._where(shown)
        try:
            page = await sorted_page(shown, where, self.asked.data, sort=self.sort, limit=limit, after=after)
        except ValueError as wrong:
            raise CliError("usage", f"--sort: {wrong}", 2) from None
        if not page.rows and after is None:
            await self._check_names(shown, where)
        return page.rows, page.after

    async def _where(self, shown: Shown) -> RunFilter:
        from opord.backends.roles import UnknownRole

        try:
            return await self.asked.where(shown)
        except UnknownRole as wrong:
            raise CliError("name_unknown", str(wrong), 2) from None
        except ValueError as wrong:
            raise CliError("usage", str(wrong), 2) from None

    async def _check_names(self, shown: Shown, where: RunFilter) -> None:
        from opord.backends.listing import check_names

        try:
            await check_names(shown, where, self.asked.data)
        except ValueError as wrong:
            raise CliError("name_unknown", str(wrong), 2) from None


def filter_options(command: Callable[..., int], *, lists: bool = False) -> Callable[..., int]:
    """Give a command the options that choose runs; it gets them as `filters`.

    A command that only lists has the short names of all filters, and an order.
    """

    @wraps(command)
    def filtered(**given: Any) -> int:
        sort = given.pop("sort", None)
        wanted = {name: given.pop(name) for name in _NAMES}
        wanted["role"], wanted["reason"] = given.pop("waits_for_role"), given.pop("reason_has")
        data = [_condition(one) for one in given.pop("data")]
        return command(filters=Filters(_asked(wanted, data), _sort(sort)), **given)

    options = (*_OPTIONS, *_by_role_and_reason(lists=lists), *(_SORT if lists else ()))
    for option in reversed(options):
        filtered = option(filtered)
    return filtered


def list_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command that lists runs the filters, with their short names, and an order."""
    return filter_options(command, lists=True)


_NAMES = (
    "contract", "version", "state", "status", "outcome", "needs", "label", "started", "started_before", "since",
    "since_before", "due",
)  # fmt: skip

_SORT = (
    click.option("--sort", type=click.Choice(SORTS), default="-started", show_default=True,
                 help="The order: newest start first; newest or longest in its state first; next due first."),
)  # fmt: skip


def _asked(given: dict[str, Any], data: list[tuple[str, str]]) -> Asked:
    from opord.backends.asked import asked

    texts = {
        name: [str(one) for one in (value if isinstance(value, tuple) else (value,))]
        for name, value in given.items()
        if value not in (None, ())
    }
    try:
        return asked(texts, data, called=lambda name: f"--{name.replace('_', '-')}")
    except ValueError as wrong:
        raise CliError("usage", str(wrong), 2) from None


def _sort(text: str | None) -> str | None:
    return None if text in (None, "-started") else text


def _condition(argument: str) -> tuple[str, str]:
    from opord.kernel.data_filter import data_reads

    path, sign, text = argument.partition("=")
    try:
        if not sign:
            raise ValueError("expected PATH=VALUE")
        data_reads(path, text)
    except ValueError as wrong:
        raise CliError("usage", f"--data: {wrong}, as in order.customer=c-17, got: {argument!r}", 2) from None
    return path, text
