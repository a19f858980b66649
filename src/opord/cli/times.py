"""Times as options: how long (`90d`, `4w`, `1h30m`), and when (an age, or an instant)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opord.cli.errors import CliError

if TYPE_CHECKING:
    from opord.backends.moments import Moment
    from opord.values.types import Duration


def moment(option: str, argument: str) -> Moment:
    """Read an age or an instant.

    Raises:
        CliError: it is neither.
    """
    from opord.backends import moments

    try:
        return moments.moment(argument)
    except ValueError as wrong:
        raise CliError("usage", f"{option}: {wrong}", 2) from None


def span(argument: str) -> Duration | None:
    """Return a duration in microseconds; None if it is not a duration, or is negative."""
    from opord.backends import moments

    return moments.span(argument)
