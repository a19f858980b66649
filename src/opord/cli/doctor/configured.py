"""Checks of the settings and their sources, and of the handlers that are named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from opord.cli.doctor.observation import Observation
from opord.cli.errors import CliError
from opord.cli.settings import DURATIONS, SETTING_TYPES, seconds_of, settings_file

# Variables that are not settings; they are for finding faults in Opord itself.
_OTHER_VARIABLES = frozenset({"OPORD_DEBUG", "OPORD_GOLDEN"})


def check_settings(folder: Path, store: str | None) -> Iterator[Observation]:
    """Report the settings in force and the source of each: the flag, a variable, or a file."""
    from opord.backends.opening import shown_url

    table: dict[str, object] = {}
    file: Path | None = None
    readable = True
    try:
        file, table = settings_file(folder)
    except CliError as wrong:
        readable = False
        yield Observation(
            "settings", "wrong", str(wrong), "correct the file; commands that need a setting of it refuse it"
        )
    flags = {"store": store} if store is not None else {}
    in_force = 0
    for name, kinds in SETTING_TYPES.items():
        variable = f"OPORD_{name.upper()}"
        if name in flags:
            value, source = flags[name], "--store"
        elif os.environ.get(variable):
            value, source = os.environ[variable], f"${variable}"
            if wanted := _not_read(name, kinds, os.environ[variable]):
                message = f"{name} = {value!r} from {source} is not a {wanted}"
                yield Observation("settings", "wrong", message, f"set {variable} to a {wanted}, or unset it")
                continue
        elif name in table and file is not None:
            value, source = str(table[name]), file.name
        else:
            continue
        in_force += 1
        if name == "secret_keys":
            value = "[secret]"
        if name == "store":
            value = shown_url(value)
        facts = {"name": name, "value": value, "source": source}
        yield Observation("settings", "fine", f"{name} = {value} (from {source})", facts=facts)
    yield from _strange_variables()
    if file is not None and file.name == "opord.toml" and _also_in_project(folder):
        message = "both opord.toml and [tool.opord] in pyproject.toml have settings; only opord.toml is read"
        yield Observation("settings", "warning", message, "keep the settings in one of the two files")
    if readable and not in_force and not table:
        yield Observation("settings", "fine", "no settings: the defaults are in force")


def _not_read(name: str, kinds: tuple[type, ...], text: str) -> str:
    """Return what the value of a variable should be, if it cannot be read as that; else nothing."""
    if name in DURATIONS:
        return "" if _is_duration(text) else "duration"
    return "" if str in kinds or bool in kinds or _is_number(text) else "number"


def _is_duration(text: str) -> bool:
    try:
        return seconds_of(text) >= 0
    except ValueError:
        return False


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _strange_variables() -> Iterator[Observation]:
    names = {f"OPORD_{name.upper()}" for name in SETTING_TYPES} | _OTHER_VARIABLES
    for variable in sorted(os.environ):
        if variable.startswith("OPORD_") and variable not in names:
            near = get_close_matches(variable, names, 1)
            move = f"did you mean {near[0]}?" if near else f"the variables are {', '.join(sorted(names))}"
            yield Observation("settings", "warning", f"${variable} is set, and nothing reads it", move)


def _also_in_project(folder: Path) -> bool:
    try:
        text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return "[tool.opord]" in text


def check_named_handlers(places: Sequence[str]) -> Iterator[Observation]:
    """Import handlers as a worker would."""
    from opord.cli.contracts import found_in

    for where in places:
        module, _, name = where.partition(":")
        try:
            found_in(module, name, what="handlers")
        except CliError as wrong:
            move = "run this command in the folder that has the module, or install its package"
            yield Observation("handlers", "wrong", str(wrong), move, {"handlers": where})
        else:
            yield Observation("handlers", "fine", f"{where} can be imported", facts={"handlers": where})
