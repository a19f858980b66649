"""`opord check --fix`: makes the safe changes, one file at a time, each file as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opord.cli.errors import CliError

if TYPE_CHECKING:
    from opord.language import CheckResult
    from opord.language.diagnostics import Diagnostic, Edit
    from opord.language.syntax.source import Source

ROUNDS_MAX = 10
"""One fix can expose another; no contract was seen to need this many rounds."""


def fix_files(results: Sequence[CheckResult], allowed: Iterable[str]) -> list[str]:
    """Make the safe changes in the named files, and return the changes, a line each.

    Changes that touch each other wait for the next round.

    Raises:
        CliError: a file cannot be written.
    """
    from opord.language.syntax.source import Source

    texts = {path: text for result in results for path, text in result.sources}
    own = {os.path.realpath(path): path for path in allowed}
    edits_of: dict[str, list[Edit]] = {}
    for finding in _each_once(results):
        for fix in finding.fixes[:1]:
            files = {edit.place.file for edit in fix.edits}
            if fix.safe and all(os.path.realpath(file) in own for file in files):
                _choose(edits_of, fix.edits)
    lines: list[str] = []
    for file, edits in sorted(edits_of.items()):
        source = Source(file, texts[file])
        _write(Path(file), _changed(source, edits))
        lines += (f"{file}:{e.place.line}:{e.place.column} {_edit_text(source, e)}" for e in _in_order(edits))
    return lines


def _each_once(results: Sequence[CheckResult]) -> list[Diagnostic]:
    return list(dict.fromkeys(finding for result in results for finding in result.diagnostics))


def _choose(edits_of: dict[str, list[Edit]], edits: Sequence[Edit]) -> None:
    """Add all edits of a fix, unless one of them touches an edit chosen before."""
    fresh = [edit for edit in edits if edit not in edits_of.get(edit.place.file, ())]
    if not any(_touch(edit, other) for edit in fresh for other in edits_of.get(edit.place.file, ())):
        for edit in fresh:
            edits_of.setdefault(edit.place.file, []).append(edit)


def _touch(one: Edit, other: Edit) -> bool:
    return _start(one) <= _end(other) and _start(other) <= _end(one)


def _start(edit: Edit) -> tuple[int, int]:
    return (edit.place.line, edit.place.column)


def _end(edit: Edit) -> tuple[int, int]:
    return (edit.place.end_line, edit.place.end_column)


def _in_order(edits: Sequence[Edit]) -> list[Edit]:
    return sorted(edits, key=_start)


def _changed(source: Source, edits: Sequence[Edit]) -> str:
    text = source.text
    for edit in reversed(_in_order(edits)):
        text = text[: source.offset(*_start(edit))] + edit.text + text[source.offset(*_end(edit)) :]
    return text


def _edit_text(source: Source, edit: Edit) -> str:
    old = source.slice((source.offset(*_start(edit)), source.offset(*_end(edit)))).strip()
    new = edit.text.strip()
    if not old and not new:
        return "joined two lines"
    if not old:
        return f"inserted `{new}`"
    return f"removed `{old}`" if not new else f"replaced `{old}` by `{new}`"


def _write(path: Path, text: str) -> None:
    """Write a file as a whole: after a crash it is the old one or the new one.

    A byte order mark is kept.
    """
    path = path.resolve()
    fresh = path.with_name(f".{path.name}.opord-fix")
    try:
        mark = b"\xef\xbb\xbf" if path.read_bytes().startswith(b"\xef\xbb\xbf") else b""
        fresh.write_bytes(mark + text.encode("utf-8"))
        fresh.chmod(path.stat().st_mode & 0o7777)
        fresh.replace(path)
    except OSError as wrong:
        fresh.unlink(missing_ok=True)
        raise CliError("file", f"{path}: {wrong.strerror or wrong}", 2) from wrong
