"""The server's clock between two looks: a slow look says less than an older quick one."""

from __future__ import annotations

import pytest

from opord.stores.postgres import clock
from opord.stores.postgres.clock import ServerClock

SECOND_NS, SECOND_US = 1_000_000_000, 1_000_000
FAR_AHEAD_US = 1_700_000_000 * SECOND_US
"""How far the server's clock is ahead of the monotonic one here, in microseconds."""


class Here:
    """A machine whose monotonic clock stands still, and the clock of its server."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ns = 5 * SECOND_NS
        self.ahead_us = FAR_AHEAD_US
        monkeypatch.setattr(clock.time, "monotonic_ns", lambda: self.ns)
        self.clock = ServerClock(None)

    def look(self, *, before_s: float, after_s: float) -> None:
        """Look at the server's clock: it answers in between."""
        began = self.ns
        self.ns += int(before_s * SECOND_NS)
        said = self.ns // 1000 + self.ahead_us
        self.ns += int(after_s * SECOND_NS)
        self.clock.look(said, began)

    @property
    def off_s(self) -> float:
        return (self.clock.now() - (self.ns // 1000 + self.ahead_us)) / SECOND_US


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    return Here(monkeypatch)


def test_the_first_look_counts_however_long_it_took(here: Here) -> None:
    here.look(before_s=3, after_s=1)
    assert abs(here.off_s) <= 2


def test_a_look_that_waited_for_a_server_does_not_move_the_clock(here: Here) -> None:
    here.look(before_s=0.0002, after_s=0.0002)
    here.ns += 2 * SECOND_NS
    here.look(before_s=2.5, after_s=0.0)
    assert abs(here.off_s) < 0.001
    here.look(before_s=0.0, after_s=2.5)
    assert abs(here.off_s) < 0.001


def test_a_quick_look_mends_a_slow_one(here: Here) -> None:
    here.look(before_s=3, after_s=0)
    assert abs(here.off_s) > 1
    here.ns += 2 * SECOND_NS
    here.look(before_s=0.001, after_s=0.001)
    assert abs(here.off_s) < 0.001


@pytest.mark.parametrize("jump_s", [-3600, -5, 5, 3600])
def test_a_server_clock_that_was_set_is_followed_at_the_next_look(here: Here, jump_s: int) -> None:
    here.look(before_s=0.0002, after_s=0.0002)
    here.ahead_us += jump_s * SECOND_US
    here.ns += 2 * SECOND_NS
    here.look(before_s=0.05, after_s=0.05)
    assert abs(here.off_s) < 0.1


def test_a_clock_that_drifts_is_followed(here: Here) -> None:
    here.look(before_s=0.0002, after_s=0.0002)
    for _ in range(100):
        here.ns += 60 * SECOND_NS
        here.ahead_us += 3_000  # 50 parts in a million
        here.look(before_s=0.002, after_s=0.002)
    assert abs(here.off_s) < 0.02
