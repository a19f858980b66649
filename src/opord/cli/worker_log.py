"""The log of `opord worker`: on stderr, a line a record, whatever handlers make of `logging`.

`logging.config` turns loggers off that it does not name, and takes the root's handlers away. It is
called by modules of handlers, and by handlers while they run.
"""

from __future__ import annotations

import logging
import sys

from opord.values.visible import safe


def log_to_stderr() -> None:
    """Begin to log on stderr, and go on whatever is configured later."""
    _add_handler()
    # Of other libraries only warnings and errors matter here.
    logging.getLogger("opord").setLevel(logging.INFO)
    keep_logging()


def keep_logging() -> None:
    """Turn Opord's loggers on again, and let none be turned off.

    Their levels still count.
    """
    for name, logger in logging.root.manager.loggerDict.items():
        if name.partition(".")[0] == "opord" and type(logger) is logging.Logger:
            logger.disabled = False
            logger.__class__ = _LastingLogger


class _LastingLogger(logging.Logger):
    """A logger that nothing disables, and that has a handler to write to."""

    @property
    def disabled(self) -> bool:
        return False

    @disabled.setter
    def disabled(self, value: bool) -> None:
        pass

    def handle(self, record: logging.LogRecord) -> None:
        if not self.hasHandlers():
            _add_handler()
        super().handle(record)


class _OneLine(logging.Formatter):
    """Writes each record as one line: a traceback is folded, and control characters are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        return safe(super().format(record).replace("\n", " | "))


def _add_handler() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger().addHandler(handler)
