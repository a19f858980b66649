"""Find the contract files among the files and folders that are named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from opord.cli.errors import CliError

SKIPPED = frozenset({"node_modules", "__pycache__", "venv"})
"""Folders with files of others; folders whose names begin with a dot are skipped as well."""


def contract_files(names: Sequence[str]) -> list[str]:
    """List files as named, and all `*.opord` below folders, in a stable order and each once.

    Raises:
        CliError: a folder has no contracts.
    """
    files: dict[str, str] = {}
    for name in names:
        path = Path(name)
        for file in _below(path) if path.is_dir() else [path]:
            files.setdefault(os.path.realpath(file), str(file))
    return list(files.values())


def _below(folder: Path) -> Iterator[Path]:
    files = sorted(_walk(folder), key=lambda path: path.parts)
    if not files:
        raise CliError("no_contracts", f"there is no contract (*.opord) in {folder} or below it", 2)
    yield from files


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = [each for each in folders if not each.startswith(".") and each not in SKIPPED]
        yield from (Path(place, name) for name in names if name.endswith(".opord"))


def _unreadable(wrong: OSError) -> None:
    raise CliError("file", f"{wrong.filename}: {wrong.strerror or wrong}", 2) from wrong
