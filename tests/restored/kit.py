"""A parcel that is sent, and copies of the store as it was after each write of its story."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import opord
from opord.stores.memory import MemoryStore
from opord.testing import Fakes, Run, World

CONTRACT = Path(__file__).parent / "parcel.opord"
PARCEL: Any = opord.load(CONTRACT)
ACTIONS = ("book", "label", "charge", "tell", "file")


def scripted(world: World) -> Fakes:
    fakes = world.fakes(PARCEL.Parcel)
    fakes.auto()
    fakes.find_label.looks_up(fakes.label)
    return fakes


def start(world: World) -> Run:
    return world.start(PARCEL.Parcel, id="p1", weight=3)


def go_on(world: World) -> Run:
    """Do what the world does after a restore: the clerk says go again, and nobody knows what became of the booking."""
    run = world.run("Parcel/p1")
    if run.state == "Waiting":
        run.send.go(note="", as_="ann", role="clerk")
    return run.advance("3h")


def copies_of_a_story(world: World) -> list[MemoryStore]:
    """Let a run go to its end; return a copy of the store as it was after each write."""
    copies: list[MemoryStore] = []
    inner = world.store.apply

    def apply(*args: Any, **kwargs: Any) -> Any:
        results = inner(*args, **kwargs)
        copies.append(world.backup())
        return results

    world.store.apply = apply  # type: ignore[method-assign]
    start(world).send.go(note="", as_="ann", role="clerk")
    world.run("Parcel/p1").assert_state("Sent")
    return copies


def times(fakes: Fakes) -> dict[str, int]:
    return {action: getattr(fakes, action).happened for action in ACTIONS}
