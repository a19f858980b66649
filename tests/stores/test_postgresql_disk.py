"""The disk of a PostgreSQL server is full: workers wait, say so, and go on when there is room."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from opord.stores.base import StoreUnavailable
from opord.stores.postgres import connections
from opord.stores.postgres.errors import translate
from tests.stores.carrying import Handlers, carry, holds, once
from tests.support.postgres import Server, new_folder, own_server

SIZE_MB = 120
AT_CALL = 30


@pytest.fixture
def small() -> Iterator[Server]:
    """A server whose disk is small."""
    folder = new_folder()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", folder], check=True)
    try:
        with own_server(folder, max_wal_size="'32MB'", min_wal_size="'32MB'") as one:
            yield one
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


def fill(folder: Path) -> None:
    """Fill a small disk to its last byte."""
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass


@pytest.mark.needs("small disks")
def test_a_full_disk_loses_nothing_and_runs_go_on_when_there_is_room(
    small: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WAIT_S", 0.3)
    caplog.set_level(logging.WARNING, "opord")

    def said() -> list[str]:
        return [one.getMessage() for one in caplog.records if one.name == "opord.store"]

    def mend() -> None:
        for _ in range(800):
            if said():
                break
            threading.Event().wait(0.025)
        (small.folder / "filler").unlink()
        if not small.runs:
            small.start()

    mending = threading.Thread(target=mend)

    def trouble() -> None:
        fill(small.folder)
        mending.start()

    # Large values, so that tables have to grow.
    handlers = Handlers(once(AT_CALL, trouble))
    holds(carry(small.url(), handlers, runs=300, within_s=60), handlers, runs=300)
    mending.join()
    assert any("cannot grow: the server's disk is full (could not " in line for line in said()), said()
    assert said()[-1] == "the store answers again"
    assert not [one for one in caplog.records if one.levelno > logging.WARNING]


@pytest.mark.parametrize(
    "words",
    [
        'could not extend file "base/5/16384": Disk quota exceeded',
        'could not write file "base/5/16384": File too large',
    ],
)
def test_an_error_of_the_disk_without_a_code_is_waited_for(words: str) -> None:
    error = translate(psycopg.errors.InternalError_(words), "postgresql://db/shop")
    assert isinstance(error, StoreUnavailable)
    assert (error.kind, words in str(error)) == ("io", True)
    assert not isinstance(
        translate(psycopg.errors.InternalError_("cache lookup failed"), "x"), StoreUnavailable
    )
