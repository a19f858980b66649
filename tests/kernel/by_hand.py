"""A run that a test moves by hand, record by record."""

from __future__ import annotations

from typing import Any

from opord.kernel.draft import Draft
from opord.kernel.inbox import take_in
from opord.kernel.recording import go, intend, start
from opord.kernel.requests import Goto
from opord.kernel.run import Answer, Run
from opord.kernel.views import history_view, run_view
from tests.kernel.journals import START, parcel


class Story:
    """The run of a parcel, moved by hand."""

    def __init__(self) -> None:
        program = parcel()
        value = program.input.accept({"id": "p1", "pin": "1234"})
        self.draft = start(program, "Parcel/p1", value, now=START, worker="w1", held=False)
        self.program = program

    @property
    def run(self) -> Run:
        return self.draft.run

    def later(self, seconds: float) -> Draft:
        records = self.draft.records
        self.draft = Draft(self.run, START + int(seconds * 1_000_000), "w1")
        self.draft.records = records
        return self.draft

    def goto(self, seconds: float, state: str, cause: str = "body", **fields: Any) -> Story:
        draft = self.later(seconds)
        cls = self.program.states[state].cls
        go(draft, Goto(state, cls(**fields)), cause=cause, answers=[])
        take_in(draft, [])
        return self

    def intent(self, seconds: float, call: str, key: str, **args: Any) -> Story:
        draft = self.later(seconds)
        intend(draft, call, key, args, now=draft.at, answers=[Answer("look", True)])
        return self

    def view(self, **given: Any) -> dict[str, Any]:
        return run_view(self.run, **given)

    def history(self) -> list[dict[str, Any]]:
        return history_view(self.program, self.draft.records)
