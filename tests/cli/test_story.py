"""The output of `history`, as golden files: each is the whole page of one run.

The runs are real, carried out by the engine in virtual time. `make golden` rewrites the files.
"""

from __future__ import annotations

import asyncio
import linecache
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click
import pytest

from opord.cli import page
from opord.engine.protection import protection_with
from opord.kernel.legality import verify_kept
from opord.kernel.run import load_run
from opord.kernel.views import history_view, run_view
from opord.loading import program_of
from opord.story.lines import tell
from tests.cli.kit import DESK, HANDLERS, order
from tests.support.kit import Kit, crash_at

GOLDEN = Path(__file__).parent / "golden"

KEPT = (
    DESK.replace("effect find_customer", "event remark(text: str) keep\neffect find_customer")
    .replace("on approve(note) -> goto Charging", "on approve(note) -> goto Charging\n    on remark ignore")
    .replace("after 48h", "after 90s")
)


def handlers(module: Any) -> Any:
    """Return the shop's handlers, as if they were in a file of their own."""
    linecache.cache["handlers.py"] = (len(HANDLERS), None, HANDLERS.splitlines(keepends=True), "handlers.py")
    space: dict[str, Any] = {}
    exec(compile(HANDLERS, "handlers.py", "exec"), space)
    space["Handlers"].errors = module.PaymentError
    return space["Handlers"]()


class Desk(Kit):
    """The order desk in virtual time."""

    def __init__(self) -> None:
        super().__init__(KEPT, handlers)
        self.program = protection_with(None).of(program_of(self.workflow))

    async def start(self, engine: Any, one: str, cents: int = 100) -> str:
        """Start a run."""
        import json

        run: str = await engine.start_run(self.program, json.loads(order(one, cents)))
        return run

    def history(self, one: str) -> list[dict[str, Any]]:
        """Return the history of a run as shown."""
        run = f"Desk/{one}"
        return history_view(self.program, self.store.journal(run), self.store.inbox(run))

    def page(self, one: str) -> str:
        """Return the output of `history` for a run, after verifying its journal."""
        row = self.row(f"Desk/{one}")
        kept = self.store.kept(row.run)
        assert kept is not None
        assert verify_kept(self.program, kept) == []
        lines = page.history_page(self.program, self.history(one), run_view(load_run(self.program, row)))
        return click.unstyle("\n".join(lines)) + "\n"


async def finished(desk: Desk) -> str:
    """Two transient failures, then a charge; nobody hears of it, which the contract takes lightly."""  # noqa: W505 - the heading of a golden page
    async with desk.engine() as engine:
        await desk.start(engine, "busy-silent")
        await desk.until(lambda: desk.row("Desk/busy-silent").head.status == "ended")
    return "busy-silent"


async def reviewed(desk: Desk) -> str:
    """A remark that is only recorded, and a manager who takes a minute."""
    async with desk.engine() as engine:
        run = await desk.start(engine, "big", 5000)
        await desk.until(lambda: desk.row(run).head.state == "Review")
        await engine.send_event(run, "remark", {"text": "a good customer"}, actor="web")
        await asyncio.sleep(61)
        await engine.send_event(run, "approve", {"note": "fine\x1b[2J"}, actor="ann", role="manager")
        await desk.until(lambda: desk.row(run).head.status == "ended")
    return "big"


async def expired(desk: Desk) -> str:
    """Nobody decided in time."""
    async with desk.engine() as engine:
        run = await desk.start(engine, "big", 5000)
        await desk.until(lambda: desk.row(run).head.status == "ended")
    return "big"


async def waiting(desk: Desk) -> str:
    """A run that waits for somebody to decide."""
    async with desk.engine() as engine:
        run = await desk.start(engine, "big", 5000)
        await desk.until(lambda: desk.row(run).head.state == "Review")
    return "big"


async def doubtful(desk: Desk) -> str:
    """The answer was lost, and a person has to say what happened."""
    async with desk.engine() as engine:
        run = await desk.start(engine, "lost")
        await desk.until(lambda: desk.row(run).head.status == "in_doubt")
        await asyncio.sleep(5)
    return "lost"


async def taken_over(desk: Desk) -> str:
    """The worker died between the yes and the record of it; a person looked, and it had not happened."""  # noqa: W505 - the heading of a golden page

    passed: list[str] = []

    async def story(engine: Any, one: str = "fine") -> None:
        run = await desk.start(engine, one)
        await desk.until(lambda: desk.row(run).head.status == "ended")

    async with desk.engine(hook=lambda point, run: passed.append(point)) as engine:
        await story(engine, "rehearsal")
    assert await crash_at(desk, passed.index("call answered") + 1, story) == "call answered"
    async with desk.engine() as engine:
        await desk.until(lambda: desk.row("Desk/fine").head.status == "in_doubt")
        await asyncio.sleep(5)
        await engine.client.resolve(
            "Desk/fine", happened=False, actor="ann", role="manager", reason="not in the dashboard"
        )
        await desk.until(lambda: desk.row("Desk/fine").head.status == "ended")
    return "fine"


async def stalled(desk: Desk) -> str:
    """A handler raised what it should not; what is wrong, and where, stands there."""
    async with desk.engine() as engine:
        run = await desk.start(engine, "unpriced")
        await desk.until(lambda: desk.row(run).head.status == "stalled")
    return "unpriced"


async def terminated(desk: Desk) -> str:
    """An administrator ended a run whose charge was open."""
    async with desk.engine() as engine:
        run = await desk.start(engine, "lost")
        await desk.until(lambda: desk.row(run).head.status == "in_doubt")
        await engine.client.terminate(run, actor="root", reason="test order")
    return "lost"


STORIES: list[Callable[[Desk], Coroutine[Any, Any, str]]] = [
    finished, reviewed, expired, waiting, doubtful, taken_over, stalled, terminated,
]  # fmt: skip


@pytest.mark.golden
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_golden_history(story: Callable[[Desk], Coroutine[Any, Any, str]]) -> None:
    desk = Desk()
    one = desk.run(story(desk))
    printed = f"# {story.__doc__}\n\n{desk.page(one)}"
    file = GOLDEN / f"{story.__name__}.txt"
    if os.environ.get("OPORD_GOLDEN") == "rewrite":
        file.parent.mkdir(exist_ok=True)
        file.write_text(printed)
    assert file.read_text() == printed, "if it is meant so: make golden, and read the diff as prose"


def test_a_record_of_a_newer_version_is_reported_in_clear_words() -> None:
    desk = Desk()
    one = desk.run(finished(desk))
    records = desk.store.journal(f"Desk/{one}")
    newer = records[-1].replace(
        kind="paused",
        body=records[-1].body.replace(
            '"kind":"transition"', '"data":{},"kind":"paused","outcome":{},"args":1'
        ),
    )
    told = tell(desk.program, history_view(desk.program, [*records[:-1], newer]))
    assert "".join(part.text for part in told[-1].parts) == (
        "paused: this version of Opord does not know this kind of record; a newer version wrote it"
    )


def test_on_a_terminal_a_line_is_coloured_and_cut_to_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    one = desk.run(finished(desk))
    monkeypatch.setattr(page, "on_terminal", lambda: True)
    monkeypatch.setattr(page, "width", lambda: 80)
    view = run_view(load_run(desk.program, desk.row(f"Desk/{one}")))
    lines = list(page.history_page(desk.program, desk.history(one), view))
    assert any("\x1b[" in line for line in lines)
    assert max(len(click.unstyle(line)) for line in lines) <= 80
