"""Runs in another order than that of their starts: pages, and the bound on what is read."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.backends import sorting
from tests.backends.desk import Handlers, load_desk


@pytest.fixture
def flow(tmp_path: Path) -> Any:
    return load_desk(tmp_path)


def keys(page: opord.RunPage) -> list[str]:
    return [one["run"].partition("/")[2] for one in page.runs]


def test_every_order_comes_page_by_page(flow: Any) -> None:
    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow(Handlers())]) as engine:
            for key in "abcd":
                await engine.start(flow, order={"id": key, "customer": "ann"})
            await engine.run(flow, "b").as_("eve", role="boss").send.approve(note="ok")
            await engine.run(flow, "b").result()
            for sort, found in (("-since", "bdca"), ("since", "acdb")):
                first = await engine.runs(flow, sort=sort, limit=3)
                rest = await engine.runs(flow, sort=sort, limit=3, after=first.after)
                assert ("".join(keys(first)), "".join(keys(rest)), rest.after) == (found[:3], found[3:], None)
            assert keys(await engine.runs(flow, sort="-started")) == [*"dcba"]
            assert keys(await engine.runs(flow, sort="since", state="Asked")) == [*"acd"]
            assert (await engine.runs(flow, sort="since", after="nowhere")).runs == []

    asyncio.run(main())


def test_more_runs_than_can_be_sorted_are_refused(flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "SORTED_MOST", 3)
    monkeypatch.setattr(sorting, "_READ_AT_ONCE", 2)

    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow(Handlers())]) as engine:
            for key in "abcd":
                await engine.start(flow, order={"id": key, "customer": "ann"})
            with pytest.raises(ValueError, match="more than 3 runs fit, too many for sort=since; narrow"):
                await engine.runs(flow, sort="since")
            assert keys(await engine.runs(flow, sort="since", data={"order.id": ["a", "d"]})) == [*"ad"]

    asyncio.run(main())
