"""The log of a worker or server ends with it, in a process that goes on."""

from __future__ import annotations

import logging

import pytest

from opord.cli.worker_log import log_to_stderr, stop_logging


def test_a_log_that_begins_again_writes_each_line_once(capfd: pytest.CaptureFixture[str]) -> None:
    log_to_stderr()
    log_to_stderr()
    logging.getLogger("opord.worker").info("once")
    assert capfd.readouterr().err.count("once") == 1


def test_a_log_that_has_ended_is_not_taken_up_by_a_logger_without_another(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log_to_stderr()
    logger = logging.getLogger("opord.worker")
    monkeypatch.setattr(logger, "propagate", False)
    logger.info("before")
    stop_logging()
    logger.info("after")
    assert "after" not in capfd.readouterr().err
    assert not logger.handlers
