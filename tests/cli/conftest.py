"""The shop that the command line's tests work in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.kit import Shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    """Make a folder with a contract, its handlers and no runs, and work in it as the user `ann`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGNAME", "ann")
    return Shop(tmp_path, capsys)
