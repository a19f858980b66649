"""Runs a plan on a disk whose k-th operation fails, once or for a while, without a power loss."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw

from opord.stores.base import StoreError, StoreUnavailable
from opord.testing.clock import run_virtually
from tests.disk.lossy import Fault
from tests.disk.machine import PowerMachine
from tests.sim.machine import Broken, Told
from tests.sim.plan import Plan

TRIES = 200

ERRORS: dict[str, Callable[[], Exception]] = {
    "io": lambda: apsw.IOError("injected"),
    "full": lambda: apsw.FullError("injected"),
    "busy": lambda: apsw.BusyError("injected"),
    "readonly": lambda: apsw.ReadOnlyError("injected"),
    "damage": lambda: apsw.CorruptError("injected"),
}


class FaultyMachine(PowerMachine):
    """A simulation in which a fault meets the store, but not those who inspect it from outside."""

    def __init__(self, plan: Plan, root: Path, fault: Fault | None, **how: Any) -> None:
        self.fault = fault
        self.refused: list[StoreError] = []
        super().__init__(plan, root, losses=0, **how)

    def _open(self) -> None:
        """Open the store as a person would: try again after an error that says why it failed."""
        for _ in range(TRIES):
            self.disk.fault = self.fault
            self.fault = None
            try:
                super()._open()
            except Broken as broken:
                cause = broken.__cause__
                self.fault = self.disk.fault
                if not isinstance(cause, StoreUnavailable):
                    raise
                self.refused.append(cause)
                self.tell("refused at opening")
                continue
            return
        raise Broken([f"22: the store does not open once the fault is over: {self.refused[-1]}"])

    def apply(self, batch: Any) -> Any:
        """Let the store write. Whether the writer had the right to is not checked here."""
        return self.note(batch, self.store.apply(batch))

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Inspect from outside, without any fault."""
        fault, self.disk.fault = self.disk.fault, None
        try:
            yield
        finally:
            self.disk.fault = fault

    def _plain(self) -> list[dict[str, Any]]:
        with self.looking():
            return super()._plain()

    def _rows(self) -> list[Any]:
        with self.looking():
            return super()._rows()

    async def _rest(self) -> None:
        self.fault = self.disk.fault = None
        await super()._rest()


def suffer(plan: Plan, root: Path, fault: Fault | None) -> Told:
    """Carry out a plan with a fault, and return the result."""
    root.mkdir(parents=True, exist_ok=True)
    machine = FaultyMachine(plan, root, fault)
    try:
        run_virtually(machine.story(), machine.clock)
        machine.found += machine.missing()
        told = machine.told(machine.found)
    except Broken as broken:
        told = Told(broken.problems, "\n".join(machine.lines), [], [], [], machine.counts)
    finally:
        machine.close()
    told.counts["failed"] = machine.disk.failed
    return told
