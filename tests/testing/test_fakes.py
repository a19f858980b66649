"""Fakes: what they answer, what they refuse to answer, and the ledger they keep."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.testing import Fakes, Run, ScriptError, Unscripted, World
from tests.support.contracts import compiled
from tests.testing.conftest import PAYOUT, RECEIPT

BankError = PAYOUT.BankError


def paid(world: World, **handlers: Any) -> Run:
    run = world.start(PAYOUT.Payout, id="p1", cents=500, **handlers)
    run.send.approve(note="ok", as_="ann", role="clerk")
    return run


def test_the_ledger_has_each_call_with_its_arguments_key_and_attempt(
    opord_world: World, fakes: Fakes
) -> None:
    fakes.transfer.fails(BankError.Busy).then.returns(**RECEIPT)
    paid(opord_world)
    assert fakes.transfer.args == [{"id": "p1", "cents": 500}] * 2
    assert fakes.transfer.keys == ["p1", "p1"]
    assert [(made.attempt, made.outcome, made.happened) for made in fakes.transfer.calls] == [
        (1, "BankError.Busy", False),
        (2, "ok", True),
    ]
    assert [made.name for made in fakes.ledger] == ["fee", "rate", "transfer", "transfer", "notify"]
    assert fakes.fee.args == [{"cents": 500}]
    assert fakes.transfer.calls[1].run == "Payout/p1"
    assert repr(fakes.notify.calls[0]) == "<notify(text='paid r1') → ok>"


def test_answers_come_in_order_and_the_last_one_repeats(opord_world: World, fakes: Fakes) -> None:
    fakes.rate.fails(BankError.Busy).then.returns(2.0).then.returns(3.0)
    for number, rate in enumerate([2.0, 3.0, 3.0]):
        opord_world.start(PAYOUT.Payout, id=f"p{number}", cents=1).assert_state("Waiting", rate=rate)


def test_counted_answers_run_out(opord_world: World, fakes: Fakes) -> None:
    fakes.rate.returns(2.0).times(2)
    for number in range(2):
        opord_world.start(PAYOUT.Payout, id=f"p{number}", cents=1).assert_state("Waiting", rate=2.0)
    with pytest.raises(Unscripted, match="its script has no more answers"):
        opord_world.start(PAYOUT.Payout, id="p3", cents=1)
    with pytest.raises(ScriptError, match="at least 1"):
        fakes.rate.returns(2.0).times(0)


@pytest.mark.parametrize("call", ["fee", "rate", "transfer"])
def test_an_unscripted_call_fails_the_test_and_says_how_to_script_it(opord_world: World, call: str) -> None:
    fakes = opord_world.fakes(PAYOUT.Payout)
    for name in {"fee", "rate", "transfer", "notify"} - {call}:
        fakes[name].auto()
    with pytest.raises(Unscripted) as error:
        paid(opord_world)
    said = str(error.value)
    assert f"{call} was called" in said
    assert f"fakes.{call}.returns(" in said
    assert "fakes.auto()" in said
    assert ("fakes.rate.fails(BankError.…)" in said) == (call == "rate")
    assert "● New" in error.value.__notes__[0]


def test_plausible_answers_have_the_declared_type(opord_world: World) -> None:
    fakes = opord_world.fakes(PAYOUT.Payout)
    fakes.rate.returns(7.0)
    fakes.auto()
    run = paid(opord_world)
    run.assert_ended()
    assert isinstance(run.fields.receipt, PAYOUT.Receipt)
    assert fakes.rate.calls[0].result == 7.0


def test_plausible_values_of_every_type(opord_world: World, tmp_path: Path) -> None:
    path = tmp_path / "all.opord"
    path.write_text("""
contract All(n: int) key n
enum Shape { Circle(radius: float, inner: Shape?), Point }
enum Colour { Red, Green }
record Tree { name: str, children: list[Tree], parent: Tree?, size: int = 3 }
record Bag {
  a: bool, b: int, c: float, d: decimal, e: str, f: bytes, g: datetime, h: date, i: duration, j: uuid, k: json
  l: list[int], m: map[str, int], n: str?, o: Shape, p: Colour, q: secret str, r: Tree
}
effect bag() -> Bag
initial state Start -> Done {
  let bag = perform bag()
  goto Done(bag)
}
final state Done(bag: Bag) success
""")
    opord_world.fakes(path).auto()
    bag = opord_world.start(path, n=1).assert_ended().fields.bag
    assert bag.q.reveal().startswith("q-")
    assert (bag.r.children, bag.r.parent, bag.r.size) == ([], None, 3)
    assert bag.o.inner is None


def test_a_fake_must_fit_its_declaration(opord_world: World, fakes: Fakes) -> None:
    wrong: dict[str, Any] = {
        "rate answers float; this value does not fit": lambda: fakes.rate.returns("much"),
        "transfer answers Receipt; this value does not fit: at": lambda: fakes.transfer.returns(ref="r"),
        "transfer answers Receipt; give returns": lambda: fakes.transfer.returns(),
        "notify has no result": lambda: fakes.notify.returns(1),
        "it fails with BankError": lambda: fakes.rate.fails(opord.TimedOut),
        "notify cannot fail with BankError.Busy: it declares no failure": lambda: fakes.notify.fails(
            BankError.Busy
        ),
        "transfer cannot fail with BankError.Refused(reason=5): reason: expected str": lambda: (
            fakes.transfer.fails(BankError.Refused(reason=5))
        ),
        "rate is an effect, and unknown(…) is only for actions": lambda: fakes.rate.unknown(),
        "fee is a pure, and times_out(…) is only for effects and actions": lambda: fakes.fee.times_out(),
        "add happened=True": lambda: fakes.transfer.unknown(**RECEIPT),
        "notify is an action, and looks_up(…) is only for effects": lambda: fakes.notify.looks_up(
            fakes.transfer
        ),
        "time does not go back": lambda: fakes.rate.returns(1.0, after="-1s"),
    }
    for message, script in wrong.items():
        with pytest.raises(ScriptError) as error:
            script()
        assert message in str(error.value)
    with pytest.raises(AttributeError, match="did you mean transfer"):
        fakes.tranfer.returns()


def test_a_repeated_key_is_answered_from_the_ledger(opord_world: World, fakes: Fakes) -> None:
    """The answer died with the worker and the check finds nothing: the key keeps its outcome."""
    fakes.find_transfer.returns(None)
    run = opord_world.start(PAYOUT.Payout, id="p1", cents=500)
    opord_world.crash_at("call answered")
    run.send.approve(note="ok", as_="ann", role="clerk")
    run.assert_ended()
    assert [(made.happened, made.again) for made in fakes.transfer.calls] == [(True, False), (True, True)]
    assert fakes.transfer.happened == 1


def test_a_final_failure_is_remembered_too(opord_world: World, fakes: Fakes) -> None:
    fakes.transfer.fails(BankError.Refused(reason="no funds")).then.returns(**RECEIPT)
    run = opord_world.start(PAYOUT.Payout, id="p1", cents=500)
    opord_world.crash_at("call answered")
    run.send.approve(note="ok", as_="ann", role="clerk")
    run.assert_state("Refused", reason="no funds")
    assert fakes.transfer.happened == 0


@pytest.mark.parametrize("happened", [True, False])
def test_the_check_of_a_doubt_knows_the_outcome(opord_world: World, fakes: Fakes, happened: bool) -> None:
    fakes.transfer.unknown(happened=happened).then.returns(**RECEIPT)
    run = paid(opord_world)
    run.assert_ended()
    assert fakes.transfer.happened == 1
    assert len(fakes.transfer.calls) == (1 if happened else 2)
    assert len(fakes.find_transfer.calls) == 1


def test_fakes_may_pass_calls_to_real_handlers(opord_world: World) -> None:
    class Real:
        def fee(self, cents: int) -> int:
            return 7

        async def rate(self, cents: int) -> float:
            return float(cents)

        def transfer(self, id: str, cents: int, *, call: opord.Call) -> Any:
            raise BankError.Refused(reason=f"{call.key} is closed")

    fakes = opord_world.fakes(PAYOUT.Payout, real=Real())
    run = paid(opord_world, handlers=fakes)
    run.assert_state("Refused", reason="p1 is closed")
    assert fakes.rate.calls[0].result == 507.0
    assert fakes.transfer.calls[0].outcome == "BankError.Refused"
    fakes.rate.returns(1.0)
    opord_world.start(PAYOUT.Payout, id="p2", cents=1).assert_state("Waiting", rate=1.0)


def test_a_function_may_answer_at_once_or_later(opord_world: World, fakes: Fakes) -> None:
    async def later(cents: int) -> float:
        return cents / 10

    fakes.rate.does(later)
    opord_world.start(PAYOUT.Payout, id="p1", cents=500).assert_state("Waiting", rate=50.5)
    assert fakes.rate.calls[0].outcome == "ok"


@pytest.mark.parametrize(("span", "effects"), [("23h", 1), ("25h", 2)])
def test_a_key_is_remembered_for_as_long_as_its_window(
    opord_world: World, tmp_path: Path, span: str, effects: int
) -> None:
    """A person errs: the call did take effect.

    That is harmless only while the other side knows the key.
    """
    path = tmp_path / "pay.opord"
    path.write_text("""contract Pay(id: str) key id version 1
action pay(id: str) -> str { key id for 24h, in doubt ask }
initial state Paying -> Paid { let receipt = commit pay(id)
  goto Paid(receipt) }
final state Paid(receipt: str) success
""")
    fakes = opord_world.fakes(path)
    fakes.pay.unknown("r1", happened=True).then.returns("r2")
    run = opord_world.start(path, id="p1")
    run.advance(span).resolve(happened=False)
    run.assert_state("Paid", receipt=f"r{effects}")
    assert fakes.pay.happened == effects


def test_the_check_of_a_doubt_distinguishes_commits(opord_world: World, tmp_path: Path) -> None:
    path = tmp_path / "twice.opord"
    path.write_text("""contract Twice(id: str) key id version 1
effect find(id: str) -> str?
action pay(id: str) -> str { repeatable, in doubt check find(id) }
initial state First -> Second { let receipt = commit pay(id)
  goto Second(receipt) }
state Second(first: str) -> Paid { let receipt = commit pay(id)
  goto Paid(first, receipt) }
final state Paid(first: str, second: str) success
""")
    fakes = opord_world.fakes(path)
    fakes.pay.returns("r1").then.unknown(happened=False).then.returns("r2")
    fakes.find.looks_up(fakes.pay)
    opord_world.start(path, id="p1").assert_state("Paid", first="r1", second="r2")


TRANSFER = """
contract Transfer(id: str) key id
failure BankError { TokenExpired, Refused(reason: str) settles }
effect fetch_token() -> str
action book(id: str, token: str) -> str fails BankError { key, retry 3 times, timeout 10s }
initial state Asking -> Booking {
  let token = perform fetch_token()
  goto Booking(token)
}
state Booking(token: str) -> Booked | Refused | Asking {
  match commit book(id, token) {
    ok ref -> goto Booked(ref)
    TokenExpired -> goto Asking
    Refused(reason) -> goto Refused(reason)
  }
}
final state Booked(ref: str) success
final state Refused(reason: str) failure
ensure book at most once
"""


class TestARefusalBeforeTheKeyIsLookedAt:
    """The bank booked and its answer was lost; the token expires before the second attempt."""

    def booking(self, opord_world: World, **said: Any) -> tuple[Run, Fakes]:
        module = compiled(TRANSFER)
        fakes = opord_world.fakes(module.Transfer)
        fakes.auto()
        fakes.book.unknown("r1", happened=True).then.fails(module.BankError.TokenExpired, **said)
        return opord_world.start(module.Transfer, id="t1"), fakes

    def test_a_final_failure_that_does_not_settle_comes_first(self, opord_world: World) -> None:
        run, fakes = self.booking(opord_world)
        assert (run.state, run.status) == ("Booking", "in_doubt")
        assert [made.outcome for made in fakes.book.calls] == ["lost", "BankError.TokenExpired"]
        assert fakes.book.happened == 1

    def test_a_person_who_says_that_it_happened_ends_it(self, opord_world: World) -> None:
        run, fakes = self.booking(opord_world)
        run.resolve(happened=True, result="r1")
        run.assert_state("Booked", ref="r1")
        assert fakes.book.happened == 1

    def test_told_so_the_key_comes_first(self, opord_world: World) -> None:
        run, fakes = self.booking(opord_world, before_key=False)
        run.assert_state("Booked", ref="r1")
        assert [made.again for made in fakes.book.calls] == [False, True]

    def test_a_failure_that_settles_comes_first_if_told_so(self, opord_world: World) -> None:
        module = compiled(TRANSFER)
        fakes = opord_world.fakes(module.Transfer)
        fakes.auto()
        refused = module.BankError.Refused(reason="no funds")
        fakes.book.unknown().then.fails(refused).times(1).then.returns("r1")
        run = opord_world.start(module.Transfer, id="t1")
        run.assert_state("Refused", reason="no funds")
        assert fakes.book.happened == 0


def test_what_is_no_length_failure_action_or_count_is_told(opord_world: World, fakes: Fakes) -> None:
    for wrong, told in [
        (lambda: fakes.rate.returns(2.0, after=5), "expected a length of time .* got: 5"),
        (lambda: opord_world.advance(2), "expected a length of time .* got: 2"),
        (lambda: World(patience=30), "expected a length of time .* got: 30"),
        (lambda: fakes.rate.returns(2.0).times("3"), "expected a number of times of at least 1, got: '3'"),
        (lambda: fakes.transfer.fails("Busy"), "expected a failure of the contract, .* got: 'Busy'"),
        (lambda: fakes.rate.looks_up("transfer"), "expected the fake of an action, .* got: 'transfer'"),
        (lambda: fakes.rate.looks_up(fakes.rate), "expected the fake of an action"),
    ]:
        with pytest.raises(ScriptError, match=told):
            wrong()


def test_what_a_world_cannot_do_is_told(opord_world: World) -> None:
    with pytest.raises(
        ScriptError, match="no point 'call answerd' to crash at; did you mean 'call answered'"
    ):
        opord_world.crash_at("call answerd")  # type: ignore[arg-type]
    with pytest.raises(ScriptError, match="advance_to needs a time zone"):
        opord_world.advance_to(datetime(2030, 1, 1))  # noqa: DTZ001
    with pytest.raises(ScriptError, match=r"expected an async function of the engine, .* got: 3"):
        opord_world.ask(3)  # type: ignore[arg-type]
