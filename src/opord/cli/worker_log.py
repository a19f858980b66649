"""The log of `opord worker`: on stderr, a line a record, whatever handlers make of `logging`.

`logging.config` turns loggers off that it does not name, and takes the root's handlers away. It is
called by modules of handlers, and by handlers while they run.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO

from opord.cli.output import keep_stderr
from opord.values.visible import safe

FORMATS = ("text", "json")


def log_to_stderr(form: str = "text", *, verbose: bool = False) -> None:
    """Begin to log on stderr, and go on whatever is configured later.

    `form` is one of `FORMATS`. `verbose` adds what only matters when something is looked for.
    """
    global _handler
    stop_logging()
    _handler = _Lines(keep_stderr())
    _handler.setFormatter(
        _JsonLine() if form == "json" else _OneLine("%(asctime)s %(levelname)s %(message)s")
    )
    logging.getLogger().addHandler(_handler)
    # Of other libraries only warnings and errors matter here.
    logging.getLogger("opord").setLevel(logging.DEBUG if verbose else logging.INFO)
    keep_logging()


def stop_logging() -> None:
    """End what `log_to_stderr` began, for a program that goes on in this process."""
    global _handler
    handler, _handler = _handler, None
    if handler is not None:
        for logger in (logging.root, *logging.root.manager.loggerDict.values()):
            if isinstance(logger, logging.Logger):
                logger.removeHandler(handler)


def keep_logging() -> None:
    """Turn Opord's loggers on again, and let none be turned off.

    Their levels still count.
    """
    for name, logger in logging.root.manager.loggerDict.items():
        if name.partition(".")[0] == "opord" and type(logger) is logging.Logger:
            logger.disabled = False
            logger.__class__ = _LastingLogger


_handler: logging.Handler | None = None


class _LastingLogger(logging.Logger):
    """A logger that nothing disables, and that has a handler to write to."""

    @property
    def disabled(self) -> bool:
        return False

    @disabled.setter
    def disabled(self, value: bool) -> None:
        pass

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - as it is called in `logging`
        return level >= self.getEffectiveLevel()  # whatever `logging.disable` turned off

    def handle(self, record: logging.LogRecord) -> None:
        if _handler is not None and not self.hasHandlers():
            self._topmost().addHandler(_handler)
        super().handle(record)

    def _topmost(self) -> logging.Logger:
        """Return the last logger that records of this one come to."""
        logger: logging.Logger = self
        while logger.propagate and logger.parent is not None:
            logger = logger.parent
        return logger


class _OneLine(logging.Formatter):
    """Writes each record as one line: a traceback is folded, and control characters are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        return safe(super().format(record).replace("\n", " | "))


class _JsonLine(logging.Formatter):
    """Writes each record as a JSON object in one line, with what is known of what it is about."""

    def __init__(self) -> None:
        from opord.telemetry.tracing import facts_now

        super().__init__()
        self._now = facts_now

    def format(self, record: logging.LogRecord) -> str:
        instant = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": instant.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "opord", {}),
            **self._now(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, separators=(",", ":"))


class _Lines(logging.StreamHandler[TextIO]):
    """Writes lines; one that cannot be written stops nothing, also if stderr is closed."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - a name of `logging`
        with suppress(Exception):
            super().handleError(record)
