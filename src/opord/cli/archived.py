"""Reading runs from an archive, for the commands that look at runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from opord.cli.errors import CliError
from opord.cli.output import note
from opord.values.visible import safe

if TYPE_CHECKING:
    from opord.backends.archived import ArchivedRuns
    from opord.kernel.rows import Kept

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def archive_option(command: CommandT) -> CommandT:
    """Give a command the option `--archive`."""
    return click.option(
        "--archive", metavar="FILE", help="Read this archive of `opord prune` instead of the store."
    )(command)


def story_of(archived: ArchivedRuns, run: str) -> Kept:
    """Return the story of the run of that name.

    A name can occur more than once; the run that started last is returned then.

    Raises:
        CliError: the archive has no run of that name.
    """
    stories = list(archived.runs(run))
    if not stories:
        damaged = f"; {len(archived.damages)} of its lines are damaged" if archived.damages else ""
        raise CliError("run_unknown", f"{archived.path} has no run {run!r}{damaged}")
    if len(stories) > 1:
        note(f"{len(stories)} runs were called {safe(run)}; this is the one that started last")
    return max(stories, key=lambda story: story.row.started_at)
