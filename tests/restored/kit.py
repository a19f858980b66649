"""A parcel that is sent, and copies of its store after each write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import opord
from opord.stores.memory import MemoryStore
from opord.testing import Fakes, Run, World
from tests.support.store import FaultyStore

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
    """Let the world act after a restore.

    The clerk says go again, and the outcome of the booking is unknown.
    """
    run = world.run("Parcel/p1")
    if run.state == "Waiting":
        run.send.go(note="", as_="ann", role="clerk")
    return run.advance("3h")


class Copied(FaultyStore):
    """A store that is copied after each write."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.original = store
        self.copies: list[MemoryStore] = []

    def after(self, name: str, args: tuple[Any, ...], answer: Any) -> Any:
        if name == "apply":
            self.copies.append(self.original.copy())
        return answer


class Overtaken(FaultyStore):
    """A store in which another process acts just before the first write."""

    def __init__(self, store: MemoryStore, act: Callable[[], object]) -> None:
        super().__init__(store)
        self._act: Callable[[], object] | None = act

    def before(self, name: str, args: tuple[Any, ...]) -> None:
        act = self._act
        if name == "apply" and act is not None:
            self._act = None
            act()


def copied_after_each_write(world: World) -> list[MemoryStore]:
    """Copy the world's store after each write from now on; return the list of the copies."""
    copied: Any = Copied(world.store)
    world.store = copied
    copies: list[MemoryStore] = copied.copies
    return copies


def copies_of_a_story(world: World) -> list[MemoryStore]:
    """Carry a run to its end; return a copy of the store after each write."""
    copies = copied_after_each_write(world)
    start(world).send.go(note="", as_="ann", role="clerk")
    world.run("Parcel/p1").assert_state("Sent")
    return copies


def times(fakes: Fakes) -> dict[str, int]:
    return {action: getattr(fakes, action).happened for action in ACTIONS}
