"""The options of when and where runs are carried: `--priority` and `--label`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from opord.cli.settings import setting
from opord.kernel.scheduling import NO_LABEL, PRIORITY_MOST, label_problem, priority_problem

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


class PriorityType(click.types.IntParamType):
    """A priority on the command line."""

    name = "priority"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the priority as a number."""
        try:
            number = int(value)
        except ValueError:
            number = value
        if problem := priority_problem(number):
            self.fail(problem, param, ctx)
        return number


class LabelType(click.types.StringParamType):
    """A label on the command line; with `none`, an empty text is one too."""

    name = "label"

    def __init__(self, *, none: bool) -> None:
        self._none = none

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the label."""
        if self._none and value == NO_LABEL:
            return value
        if self._none and isinstance(value, str) and "," in value:
            each = " ".join(f"--label {one.strip()}" for one in value.split(",") if one.strip())
            self.fail(
                f"expected one label each time, as in {each or '--label gpu'}, got: {value!r}", param, ctx
            )
        if problem := label_problem(value):
            self.fail(problem, param, ctx)
        return value


def scheduling_options(command: CommandT) -> CommandT:
    """Give a command that starts runs the options `--priority` and `--label`."""
    command = click.option(
        "--label",
        type=LabelType(none=False),
        metavar="LABEL",
        help="Only workers with this label take the run.",
    )(command)
    return click.option(
        "--priority",
        type=PriorityType(),
        default=0,
        show_default=True,
        metavar="N",
        help=f"Workers take runs of a higher priority first: from -{PRIORITY_MOST} to {PRIORITY_MOST}.",
    )(command)


def labels_option(command: CommandT) -> CommandT:
    """Give a worker the option `--label`; it gets them as `labels`."""
    return click.option(
        "--label",
        "labels",
        multiple=True,
        type=LabelType(none=True),
        envvar="OPORD_LABEL",
        default=lambda: setting("label", ()),
        show_default="the runs without a label",
        metavar="LABEL",
        help='Take the runs with this label, and no others. May be repeated; --label "" adds the runs without one.',
    )(command)
