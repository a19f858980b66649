"""Settings: flags, then `OPORD_*`, then a file.

The file is `opord.toml`, or else `[tool.opord]` of `pyproject.toml`.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import click

from opord.cli.errors import CliError

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

SETTING_TYPES: dict[str, tuple[type, ...]] = {
    "store": (str,),
    "as": (str,),
    "role": (str,),
    "lease": (int, float, str),
    "drain": (int, float, str),
    "concurrency": (int,),
    "call_limit": (int, float, str),
    "label": (list,),
    "wait": (int, float, str),
    "secret_keys": (str,),
    "insecure_plaintext_secrets": (bool,),
    "allow_outside": (bool,),
    "limits": (dict,),
    "webhooks_out": (dict,),
    "server": (dict,),
    "webhooks": (dict,),
}
"""The settings that a file may have, and their types."""

SERVER_TYPES: dict[str, tuple[type, ...]] = {
    "burst": (int,),
    "rate": (int, float),
    "acts_kept": (str,),
    "state": (str,),
    "url": (str,),
    "allow_hosts": (list,),
    "forwarded_allow_ips": (str,),
}
"""The settings of `[server]`, and their types."""

DURATIONS = frozenset({"lease", "drain", "call_limit", "wait"})
"""The settings that are durations: as a contract writes them (`20m`), or a number of seconds."""

_INSECURE = "opord.insecure_plaintext_secrets"
_OUTSIDE = "opord.allow_outside"

DEFAULT_STORE = "sqlite:///opord.db"


class Seconds(click.FloatRange):
    """A duration on the command line: `20m` or `1h30m`, or a plain number of seconds.

    NaN is refused here, because no comparison finds it out of range.
    """

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value in seconds, as a float within the range."""
        try:
            seconds = seconds_of(str(value))
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)
        low, high = self.min or 0.0, self.max if self.max is not None else math.inf
        if not (low < seconds <= high or (seconds == low and not self.min_open)):
            self.fail(f"expected {self._range_in_words()}, got: {value}", param, ctx)
        return seconds

    def _describe_range(self) -> str:
        """Describe the range for the help of an option; called by click."""
        return self._range_in_words().removeprefix("a duration of ")

    def _range_in_words(self) -> str:
        low = f"a duration of {'more than' if self.min_open else 'at least'} {in_words(self.min or 0)}"
        return low if self.max is None else f"{low} and at most {in_words(self.max)}"


def in_words(seconds: float) -> str:
    """Write a number of seconds as a contract writes a duration: `10m`."""
    from datetime import timedelta

    from opord.values.duration import format_duration

    return format_duration(timedelta(seconds=seconds))


def seconds_of(text: str) -> float:
    """Read a duration as a contract writes it, or a plain number of seconds.

    Raises:
        ValueError: it is neither.
    """
    from opord.values.duration import parse_duration
    from opord.values.guard import BadValue

    try:
        seconds = float(text)
    except ValueError:
        try:
            return parse_duration(text).total_seconds()
        except BadValue:
            seconds = math.nan
    if math.isnan(seconds):
        raise ValueError(f"expected a duration such as `20m` or `1h30m`, or a number of seconds, got: {text}")
    return seconds


def setting(name: str, default: Any = None) -> Any:
    """Return a setting from the file in the working directory, or its default."""
    return _from_files(Path.cwd()).get(name, default)


def server_setting(name: str, default: Any = None) -> Any:
    """Return a setting of `[server]` from the file in the working directory, or its default."""
    return setting("server", {}).get(name, default)


def store_option(command: CommandT) -> CommandT:
    """Give a command the option `--store`."""
    return click.option(
        "--store",
        envvar="OPORD_STORE",
        default=lambda: setting("store", DEFAULT_STORE),
        show_default=f"$OPORD_STORE, or {DEFAULT_STORE}",
        metavar="URL",
        help="The store of the runs: sqlite:///file.db, or postgresql://user@host/database. A start, a worker, `opord serve`, `opord dev` and `opord db migrate` create a missing one.",
    )(command)


def json_option(command: CommandT) -> CommandT:
    """Give a command the option `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON instead of text.")(command)


def actor_options(command: CommandT) -> CommandT:
    """Give a command that writes the options `--as` and `--role`, and those for secrets."""
    command = secrets_option(command)
    command = click.option(
        "--role",
        envvar="OPORD_ROLE",
        default=lambda: setting("role"),
        metavar="ROLE",
        help="Your role, where the contract asks for one.",
    )(command)
    return click.option(
        "--as",
        "actor",
        envvar="OPORD_AS",
        default=lambda: setting("as") or login_name(),
        show_default="your login name",
        metavar="ACTOR",
        help="Your name. The journal keeps it.",
    )(command)


def secrets_option(command: CommandT) -> CommandT:
    """Give a command that writes the option `--insecure-plaintext-secrets`.

    `engine_secrets` returns the result.
    """

    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.meta[_INSECURE] = value

    return click.option(
        "--insecure-plaintext-secrets",
        is_flag=True,
        envvar="OPORD_INSECURE_PLAINTEXT_SECRETS",
        default=lambda: setting("insecure_plaintext_secrets", False),
        expose_value=False,
        callback=remember,
        help="If OPORD_SECRET_KEYS has no key, store secrets readable instead of refusing. `opord keys new` makes a key.",
    )(command)


def outside_option(command: CommandT, *, forgiving: bool = False) -> CommandT:
    """Give a command that reads contracts the option `--allow-outside`.

    `allows_outside` returns the result. With `forgiving`, settings that cannot be read allow
    nothing; otherwise they are an error.
    """

    def set_in_file() -> Any:
        try:
            return setting("allow_outside", False)
        except CliError:
            if forgiving:
                return False
            raise

    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.meta[_OUTSIDE] = value

    return click.option(
        "--allow-outside",
        is_flag=True,
        envvar="OPORD_ALLOW_OUTSIDE",
        default=set_in_file,
        expose_value=False,
        callback=remember,
        help="Let contracts `use` files outside their own folder.",
    )(command)


def allows_outside() -> bool:
    """Say whether contracts may use files outside their folder, for the present command."""
    context = click.get_current_context(silent=True)
    return bool(context.meta.get(_OUTSIDE, False)) if context is not None else False


class EngineSecrets(TypedDict):
    """The engine's arguments about secrets."""

    secret_keys: str
    insecure_plaintext_secrets: bool


def engine_secrets() -> EngineSecrets:
    """Return the keys, and whether secrets in clear are allowed, for the present command."""
    context = click.get_current_context(silent=True)
    insecure = bool(context.meta.get(_INSECURE, False)) if context is not None else False
    return {"secret_keys": secret_keys(), "insecure_plaintext_secrets": insecure}


def secret_keys() -> str:
    """Return the configured keys, as text; empty if there are none. They are never an argument."""
    return os.environ.get("OPORD_SECRET_KEYS") or str(setting("secret_keys", ""))


def login_name() -> str:
    """Return the name of the user who is logged in."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


@cache
def _from_files(folder: Path) -> dict[str, Any]:
    return settings_file(folder)[1]


def settings_file(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    """Return the settings file of a folder, and the settings in it.

    Raises:
        CliError: it cannot be read, or a setting is unknown or of a wrong type.
    """
    own = folder / "opord.toml"
    if own.is_file():
        return own, _checked(own, _read(own))
    project = folder / "pyproject.toml"
    if project.is_file():
        tools = _read(project).get("tool", {})
        return project, _checked(project, tools.get("opord", {}) if isinstance(tools, dict) else tools)
    return None, {}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise CliError("settings", f"{path.name} cannot be read: {wrong}", 2) from wrong
    except OSError as wrong:
        raise CliError("settings", f"{path.name} cannot be read: {wrong.strerror or wrong}", 2) from wrong


def _no_label(labels: Any) -> str:
    """Say which of a worker's labels is none; an empty text if all are."""
    from opord.kernel.scheduling import NO_LABEL, label_problem

    return next((wrong for one in labels if one != NO_LABEL and (wrong := label_problem(one))), "")


def _checked(path: Path, table: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise CliError("settings", f"{path.name}: [tool.opord] is not a table", 2)
    for name, value in table.items():
        _check_type(path, name, value, SETTING_TYPES)
        if name == "server":
            for inner, one in value.items():
                _check_type(path, inner, one, SERVER_TYPES, "[server] ")
                if inner == "acts_kept" and not _is_span(one):
                    raise CliError(
                        "settings", f"{path.name}: `[server] acts_kept`: expected 90d or 12w, got: {one}", 2
                    )
        if name == "label" and (wrong := _no_label(value)):
            raise CliError("settings", f"{path.name}: `label`: {wrong}", 2)
        if name in DURATIONS:
            try:
                seconds_of(str(value))
            except ValueError as wrong:
                raise CliError("settings", f"{path.name}: `{name}`: {wrong}", 2) from None
    return table


def _is_span(text: str) -> bool:
    from opord.backends.moments import span

    return (span(text) or 0) > 0


def _check_type(path: Path, name: str, value: Any, types: dict[str, tuple[type, ...]], of: str = "") -> None:
    """Refuse a setting that is unknown, or has a wrong type. `of` names its table."""
    if name not in types:
        raise CliError(
            "settings",
            f"{path.name} sets `{of}{name}`, which is not a setting; the settings are {', '.join(types)}",
            2,
        )
    if not isinstance(value, types[name]) or (isinstance(value, bool) and bool not in types[name]):
        kinds = " or ".join(kind.__name__ for kind in types[name])
        shown_value = "something else" if name == "secret_keys" else repr(value)
        raise CliError("settings", f"{path.name}: expected {kinds} for `{of}{name}`, got {shown_value}", 2)
