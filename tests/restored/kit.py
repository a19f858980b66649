"""A parcel that is sent, and copies of the store as it was after each write of its story."""

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
    """Do what the world does after a restore: the clerk says go again, and nobody knows what became of the booking."""
    run = world.run("Parcel/p1")
    if run.state == "Waiting":
        run.send.go(note="", as_="ann", role="clerk")
    return run.advance("3h")


class Copied(FaultyStore):
    """A store of which a copy is made after each write."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.original = store
        self.copies: list[MemoryStore] = []

    def after(self, name: str, args: tuple[Any, ...], answer: Any) -> Any:
        if name == "apply":
            self.copies.append(self.original.copy())
        return answer


class Overtaken(FaultyStore):
    """A store in which somebody else does something just before the first write."""

    def __init__(self, store: MemoryStore, act: Callable[[], object]) -> None:
        super().__init__(store)
        self._act: Callable[[], object] | None = act

    def before(self, name: str, args: tuple[Any, ...]) -> None:
        act = self._act
        if name == "apply" and act is not None:
            self._act = None
            act()


def copied_after_each_write(world: World) -> list[MemoryStore]:
    """Have a copy of the world's store made after each write from now on; return the list in which they will be."""
    copied: Any = Copied(world.store)
    world.store = copied
    copies: list[MemoryStore] = copied.copies
    return copies


def copies_of_a_story(world: World) -> list[MemoryStore]:
    """Let a run go to its end; return a copy of the store as it was after each write."""
    copies = copied_after_each_write(world)
    start(world).send.go(note="", as_="ann", role="clerk")
    world.run("Parcel/p1").assert_state("Sent")
    return copies


def times(fakes: Fakes) -> dict[str, int]:
    return {action: getattr(fakes, action).happened for action in ACTIONS}
