"""Find the contract files among the files and folders that are named."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from opord.cli.errors import CliError

SKIPPED = frozenset({"node_modules", "__pycache__", "venv"})
"""Folders with files of others; folders whose names begin with a dot are skipped as well."""

LOOKED_INTO_MAX = 200
"""How many files are searched for a contract of a name."""

_HEAD_BYTES = 65_536
"""How much of a file is searched for the header of its contract."""


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


def files_of_contract(name: str, folder: Path) -> list[Path]:
    """List the files in a folder or below it that declare a contract of this name.

    At most `LOOKED_INTO_MAX` files are looked into.
    """
    if not name.isidentifier():
        return []
    header = re.compile(rf"^[ \t]*contract[ \t]+{name}\b".encode(), re.MULTILINE)
    return sorted(each for each in islice(_walk(folder), LOOKED_INTO_MAX) if _has(each, header))


def _has(file: Path, header: re.Pattern[bytes]) -> bool:
    try:
        with file.open("rb") as content:
            return header.search(content.read(_HEAD_BYTES)) is not None
    except OSError:
        return False


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
