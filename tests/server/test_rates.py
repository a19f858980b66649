"""How many requests a second a principal may make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opord.server import HttpLimits
from opord.server import rates as rates_module
from opord.server.problems import Problem
from opord.server.rates import Rates
from tests.server.kit import run, served, somebody


def taken(rates: Rates, who: str, at: float) -> bool:
    try:
        rates.take(who, at)
    except Problem:
        return False
    return True


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    rates = Rates(HttpLimits(rate=10, burst=5))
    assert [taken(rates, "ann", 100.0) for _ in range(7)] == [True] * 5 + [False] * 2
    # What is refused takes nothing.
    assert [taken(rates, "ann", 100.1) for _ in range(2)] == [True, False]
    assert sum(taken(rates, "ann", 101 + n / 1000) for n in range(10_000)) == pytest.approx(5 + 99, abs=2)
    assert [taken(rates, "bob", 101.0) for _ in range(6)] == [True] * 5 + [False]
    assert sum(taken(rates, "ann", 10_000.0) for _ in range(100)) == 5


def test_a_slow_rate_says_when_to_come_again() -> None:
    rates = Rates(HttpLimits(rate=0.1, burst=1))
    rates.take("ann", 0.0)
    with pytest.raises(Problem) as refused:
        rates.take("ann", 2.5)
    assert dict(refused.value.headers) == {
        b"retry-after": b"8",
        b"ratelimit-policy": b'"principal";q=1;w=10',
        b"ratelimit": b'"principal";r=0;t=8',
    }
    assert taken(rates, "ann", 10.0)


def test_the_table_of_buckets_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates_module, "BUCKETS_MOST", 100)
    rates = Rates(HttpLimits(rate=1, burst=1))
    for n in range(1000):
        assert taken(rates, f"p{n}", n / 1000)
        assert len(rates._empty_until) <= 100
    assert not taken(rates, "p999", 1.0)


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0), (float("nan"), 1), (float("inf"), 1)])
def test_a_rate_that_is_none_is_refused(rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="expected a rate above 0"):
        Rates(HttpLimits(rate=rate, burst=burst))


def test_requests_beyond_the_rate_are_answered_429(refund: Any, tmp_path: Path) -> None:
    async def test() -> None:
        async with served(refund, handlers=False, limits=HttpLimits(rate=0.01, burst=3), who=somebody) as api:
            ann, bob = {"x-who": "ann"}, {"x-who": "bob"}
            answers = [await api.web.get("/runs", headers=ann) for _ in range(4)]
            assert [one.status_code for one in answers] == [200] * 3 + [429]
            over = answers[-1]
            assert over.json()["code"] == "rate_limited"
            assert 90 < int(over.headers["retry-after"]) <= 100
            assert over.headers.get_list("retry-after") == [over.headers["retry-after"]]
            assert (await api.web.get("/nothing", headers=ann)).status_code == 429
            assert (await api.web.get("/runs", headers=bob)).status_code == 200

    run(test)
