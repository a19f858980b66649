"""Checks of Python, of Opord, of the stores' libraries, and of the installed extras."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path

import opord
from opord.cli.doctor.observation import Observation, as_observation

OLDEST_PYTHON = (3, 11)
# Extras for developers of Opord itself.
_OWN_EXTRAS = frozenset({"dev", "fuzz"})
_REQUIREMENT = re.compile(r"""([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*(?:>=\s*([0-9.]+))?.*;\s*extra\s*==\s*['"]([\w-]+)['"]""")  # fmt: skip


def check_machine() -> Iterator[Observation]:
    """Check what Opord runs on."""
    yield _python(sys.version_info[:2])
    where = str(Path(opord.__file__).parent)
    message = f"opord {opord.__version__} in {where}"
    yield Observation("opord", "fine", message, facts={"version": opord.__version__, "path": where})
    yield from _libraries()
    yield from _extras()


def _python(version: tuple[int, int]) -> Observation:
    facts = {"version": platform.python_version(), "path": sys.executable}
    message = f"Python {platform.python_version()} ({sys.executable})"
    if version < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        return Observation("python", "wrong", message, f"use Python {oldest} or later", facts)
    return Observation("python", "fine", message, facts=facts)


def _libraries() -> Iterator[Observation]:
    from opord.backends.opening import libraries_used

    yield from map(as_observation, libraries_used())


def _extras() -> Iterator[Observation]:
    try:
        required = metadata.requires("opord") or []
    except metadata.PackageNotFoundError:
        message = "opord is not installed as a package, so its extras are not known"
        yield Observation("extras", "note", message, "install it: pip install .")
        return
    extras: dict[str, list[tuple[str, str]]] = {}
    for line in required:
        requirement = _REQUIREMENT.match(line)
        if requirement and requirement[3] not in _OWN_EXTRAS:
            extras.setdefault(requirement[3], []).append((requirement[1], requirement[2] or ""))
    absent = []
    for extra, packages in extras.items():
        if any(_installed(name) for name, _ in packages):
            yield _extra(extra, packages)
        else:
            absent.append(extra)
    if absent:
        move = f"pip install 'opord[{','.join(absent)}]', or only those that you need"
        yield Observation("extras", "note", f"not installed: {', '.join(absent)}", move, {"absent": absent})


def _extra(extra: str, packages: list[tuple[str, str]]) -> Observation:
    there = {name: _installed(name) for name, _ in packages}
    absent = [name for name, version in there.items() if version is None]
    old = [
        f"{name} {there[name]} (opord needs {least} or later)"
        for name, least in packages
        if least and _release(there[name] or least) < _release(least)
    ]
    facts = {"extra": extra, "packages": there}
    install = f"pip install 'opord[{extra}]'"
    if old:
        return Observation("extras", "warning", f"{extra}: too old: {', '.join(old)}", install, facts)
    for name, version in there.items():
        if version is not None and (trouble := _trouble(name)):
            move = f"pip install --force-reinstall 'opord[{extra}]'"
            return Observation(
                "extras", "warning", f"{extra}: {name} cannot be imported: {trouble}", move, facts
            )
    if not absent:
        return Observation("extras", "fine", f"{extra}: installed", facts=facts)
    return Observation("extras", "note", f"{extra}: {', '.join(absent)} not installed", install, facts)


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _trouble(name: str) -> str:
    """Import the modules of a distribution; return in one line what is wrong, or an empty text."""
    try:
        files = metadata.files(name) or []
    except metadata.PackageNotFoundError:
        return ""
    packages = {each.parts[0] for each in files if each.parts[1:] == ("__init__.py",)}
    for package in sorted(each for each in packages if each.isidentifier() and not each.startswith("_")):
        try:
            import_module(package)
        except Exception as wrong:  # any exception means that it cannot be used
            return (str(wrong) or type(wrong).__name__).splitlines()[0]
    return ""


def _release(version: str) -> tuple[int, ...]:
    """Read the numbers at the start of a version."""
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in numbers[0].split(".")) if numbers else ()
