"""A collision on the command line: it is shown, listed and resolved; `resume` says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.kit import Said

CONTRACT = """\
## The same sku twice: the second line's key has taken effect with other arguments.
contract Coll(id: str, skus: list[str], cents: list[int]) key id
action ship(id: str, sku: str, cents: int) -> str { key "{id}/{sku}", timeout 5s }
phase P {
  on cancel(reason) -> goto Off(reason)
  initial state Shipping(n: int = 0) -> Shipping | Done | Off {
    match skus[n] {
      none -> goto Done
      some sku -> {
        let t = commit ship(id, sku, cents[n] ?? 0)
        goto Shipping(n + 1)
      }
    }
  }
}
final state Done success
final state Off(reason: str) cancelled
"""

HANDLERS = """\
class Handlers:
    async def ship(self, id, sku, cents, *, call):
        with open("ledger", "a") as ledger:
            ledger.write(call.key + "\\n")
        return "t/" + call.key
"""


class Place:
    """A folder with the contract, its handlers and a store."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        (folder / "coll.opord").write_text(CONTRACT)
        (folder / "coll_handlers.py").write_text(HANDLERS)

    def opord(self, *arguments: str) -> Said:
        from opord.cli.program import run

        self._capsys.readouterr()
        status = run(arguments)
        said = self._capsys.readouterr()
        return Said(status, said.out, said.err)

    def start(self, *ids: str) -> None:
        for id in ids:
            given = json.dumps({"id": id, "skus": ["a", "b", "a"], "cents": [1, 2, 3]})
            assert self.opord("runs", "start", "coll.opord", "--input", given).status == 0
        self.work()

    def work(self) -> Said:
        handlers = ("--contract", "coll.opord", "--handlers", "coll_handlers:Handlers")
        return self.opord("worker", *handlers, "--until-idle")

    @property
    def ledger(self) -> list[str]:
        return (self.folder / "ledger").read_text().split()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Place:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return Place(tmp_path, capsys)


def test_a_collision_is_shown_with_its_two_answers(place: Place) -> None:
    place.start("c1")
    shown = place.opord("runs", "show", "Coll/c1").out
    assert "needs      collision: a key took effect in this run before, with other arguments" in shown
    view = place.opord("runs", "show", "Coll/c1", "--json").json
    seen = view["waiting_for"][0]["seen"]
    assert f"opord runs resolve Coll/c1 --seen {seen} --happened\n" in shown
    assert f"opord runs resolve Coll/c1 --seen {seen} --another\n" in shown
    assert "runs resume" not in shown
    listed = place.opord("runs", "list", "--needs", "collision", "--json").json
    assert [run["run"] for run in (listed if isinstance(listed, list) else listed["runs"])] == ["Coll/c1"]
    assert place.opord("runs", "verify").status == 1


@pytest.mark.parametrize(
    ("answer", "ledger"),
    [("--happened", ["c1/a", "c1/b"]), ("--another", ["c1/a", "c1/b", "Coll/c1/3"])],
)
def test_a_person_resolves_a_collision(place: Place, answer: str, ledger: list[str]) -> None:
    place.start("c1")
    seen = place.opord("runs", "show", "Coll/c1", "--json").json["waiting_for"][0]["seen"]
    said = place.opord(
        "runs", "resolve", "Coll/c1", "--seen", str(seen), answer, "--as", "ann", "--reason", "looked"
    )
    assert said.status == 0, said.err
    place.work()
    assert place.opord("runs", "show", "Coll/c1", "--json").json["state"] == "Done"
    assert place.ledger == ledger
    assert place.opord("runs", "verify").status == 0
    late = place.opord("runs", "resolve", "Coll/c1", "--seen", str(seen), answer)
    assert (late.status, late.err.startswith("error[not_in_doubt]")) == (1, True)


def test_wrong_answers_and_resume_are_refused_with_the_right_commands(place: Place) -> None:
    place.start("c1")
    resolve = ("runs", "resolve", "Coll/c1")
    for wrong in (("--did-not-happen",), ("--happened", '"t/1"')):
        said = place.opord(*resolve, *wrong)
        assert said.status == 1
        assert said.err.startswith("error[wrong_resolution]: Coll/c1: ")
        assert "`opord runs resolve Coll/c1 --happened` or `opord runs resolve Coll/c1 --another`" in said.err
    assert place.opord(*resolve, "--happened", "--another").status == 2
    assert place.opord(*resolve).status == 2
    said = place.opord("runs", "resume", "Coll/c1")
    assert (
        said.status,
        said.err.startswith("error[collision_open]: `resume` does not help Coll/c1:"),
    ) == (1, True)


def test_resume_of_many_leaves_collisions_and_resolve_of_many_finds_them(place: Place) -> None:
    place.start("c1", "c2")
    said = place.opord("runs", "resume", "--status", "stalled")
    assert said.status == 1
    assert "`resume` does not help Coll/c1" in said.err + said.out
    said = place.opord("runs", "resolve", "--needs", "collision", "--another", "--as", "ann")
    assert said.status == 0, said.err
    place.work()
    assert place.opord("runs", "verify").status == 0
    assert sorted(place.ledger)[:2] == ["Coll/c1/3", "Coll/c2/3"]


def test_a_shared_cancel_gets_a_run_out_of_a_collision(place: Place) -> None:
    place.start("c1")
    assert place.opord("runs", "cancel", "Coll/c1", "--reason", "enough").status == 0
    assert place.opord("runs", "show", "Coll/c1", "--json").json["state"] == "Off"
    assert place.opord("runs", "verify").status == 0
