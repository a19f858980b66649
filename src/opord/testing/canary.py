"""Find secrets that a handler revealed into something plain: a result, a failure, a log line.

A secret is kept apart by its type. Once a handler has called `reveal()`, nothing can tell its text
from any other, so the canary looks for the text itself, also escaped and encoded.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from opord.kernel.rows import RecordRow
from opord.kernel.run import Run
from opord.kernel.sealing import SECRET
from opord.kernel.secrets import hiding_texts, secrets_in
from opord.values.canonical import loads

SHORTEST = 6
"""Shorter secrets are not looked for: a test has such texts in other places too."""

LINES_MAX = 10_000
"""At most this many log lines are kept: the last ones."""


class SecretRevealed(AssertionError):
    """A handler revealed a secret of its run into something plain."""


class LogLines(logging.Handler):
    """Keeps the lines that are logged while a world is open."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=LINES_MAX)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Keep what is logged meanwhile."""
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield
        finally:
            root.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line with its traceback."""
        try:
            self.lines.append(self.format(record))
        except Exception:
            self.handleError(record)


def revealed(run: Run, records: Sequence[RecordRow], lines: Iterable[str]) -> Iterator[str]:
    """Say where secrets of a run stand in plain: in what its handlers answered, and in log lines.

    The sentences do not show the secrets.
    """
    bodies = [(record, loads(record.body)) for record in records]
    input_and_data = (run.input_rest.rest, run.data)
    secrets = {text for part in (*input_and_data, *(body for _, body in bodies)) for text in secrets_in(part)}
    watched = [text for text in secrets if len(text) >= SHORTEST]
    if not watched:
        return
    hide = hiding_texts(watched)
    for record, body in bodies:
        for call, path, text in _plain(body, str(body.get("call", "")), ""):
            if hide(text) != text:
                who = f"`{call}`" if call else "a handler"
                yield f"`{path}` of what {who} answered (record {record.seq}) has a secret in plain"
    for line in lines:
        if hide(line) != line:
            yield f"a log line has a secret in plain: {hide(line)[:200]}"


def _plain(part: Any, call: str, path: str) -> Iterator[tuple[str, str, str]]:
    """Yield every text of what handlers answered: with its call, and the path to it."""
    if isinstance(part, dict):
        call = str(part.get("call", call))
        for name, value in part.items():
            answers = path or name in ("ok", "failed")
            if name != SECRET and (answers or name in ("outcome", "answers", "calls")):
                yield from _plain(value, call, f"{path}.{name}".lstrip(".") if answers else "")
    elif isinstance(part, list):
        for number, value in enumerate(part):
            yield from _plain(value, call, f"{path}[{number}]" if path else "")
    elif isinstance(part, str) and path:
        yield call, path, part
