"""Generated steps, driven by hand: their requests, the order of these, and the next state."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

import opord
from opord.kernel.instants import from_datetime
from opord.kernel.program import Program
from opord.kernel.requests import Commit, Frame, Goto, InDoubt, Perform, Pure, RunInfo, Step, TimedOut
from opord.loading import load_program
from opord.values.arith import Overflow
from tests.codegen.conftest import GOLDEN

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
AT = from_datetime(NOW)


def frame_of(program: Program, **members: Any) -> Frame[Any]:
    return Frame(program.input.accept(members), RunInfo("Run/1", AT), AT)


def run(step: Step, *answers: Any) -> tuple[list[Any], Goto]:
    """Drive a step with these answers, and return its requests and its `goto`.

    An answer that is an exception is thrown into the step.
    """
    asked = []
    try:
        request = next(step)
        for answer in answers:
            asked.append(request)
            request = step.throw(answer) if isinstance(answer, BaseException) else step.send(answer)
    except StopIteration as stop:
        return asked, stop.value
    raise AssertionError(f"asks for more: {request}")


@pytest.fixture(scope="module")
def order() -> dict[str, Any]:
    line = {"sku": "cup", "quantity": 2}
    return {"id": "o-1", "customer": "c-1", "total_cents": 1999, "lines": [line], "card_token": "tok"}


class TestTheOrderContract:
    @pytest.fixture
    def frame(self, program: Program, order: dict[str, Any]) -> Frame[Any]:
        return frame_of(program, order=order)

    @pytest.fixture
    def step(self, program: Program, frame: Frame[Any]) -> Callable[..., Step]:
        def make(name: str, **fields: Any) -> Step:
            state = program.states[name]
            assert state.step is not None
            return state.step(state.cls(**fields), frame)

        return make

    def test_the_first_state_asks_for_the_customer_and_then_for_the_risk(
        self, step: Callable[..., Step], orders: Any, frame: Frame[Any]
    ) -> None:
        customer = orders.Customer(id="c-1", vip=False)
        asked, goto = run(step("Received"), customer, 0.9)
        assert asked == [Perform("find_customer", ("c-1",)), Pure("risk", (frame.input.order, customer))]
        assert goto == Goto("Review", orders.OrderFulfilment.Review(customer=customer))

    @pytest.mark.parametrize(
        ("risk", "vip", "state"), [(0.9, True, "Charging"), (0.8, False, "Charging"), (0.81, False, "Review")]
    )
    def test_risky_orders_of_strangers_are_reviewed(
        self, step: Callable[..., Step], orders: Any, risk: float, vip: bool, state: str
    ) -> None:
        assert run(step("Received"), orders.Customer(id="c-1", vip=vip), risk)[1].state == state

    def test_failures_of_an_effect_go_where_its_else_says(
        self, step: Callable[..., Step], orders: Any
    ) -> None:
        rejected = orders.OrderFulfilment.Rejected
        unknown = run(step("Received"), orders.CustomerError.Unknown())[1]
        assert unknown == Goto("Rejected", rejected(reason="unknown customer c-1"))
        assert run(step("Received"), TimedOut())[1].fields.reason == "customer service unavailable"

    def test_outcomes_of_an_action_go_where_its_match_says(
        self, step: Callable[..., Step], orders: Any
    ) -> None:
        receipt = orders.Receipt(charge_id="ch-1", charged_at=NOW)
        asked, goto = run(step("Charging"), receipt)
        assert [one.name for one in asked] == ["charge_card"]
        assert isinstance(asked[0], Commit)
        assert goto.fields == orders.OrderFulfilment.Charged(receipt=receipt)
        assert run(step("Charging"), orders.PaymentError.Declined("no funds"))[1].fields.reason == "no funds"
        for failure in (orders.PaymentError.RateLimited(), orders.PaymentError.Unavailable()):
            assert run(step("Charging"), failure)[1].fields.reason == "payment provider unavailable"

    def test_an_undeclared_exception_goes_through(self, step: Callable[..., Step]) -> None:
        with pytest.raises(KeyError):
            run(step("Charging"), KeyError("charge_id"))

    def test_texts_print_their_values(self, step: Callable[..., Step], orders: Any) -> None:
        receipt = orders.Receipt(charge_id="ch-1", charged_at=NOW)
        asked, goto = run(step("Charged", receipt=receipt), None)
        assert asked == [Commit("post_slack", ("order o-1 charged 1999 cents",))]
        assert goto == Goto("Shipping", orders.OrderFulfilment.Shipping(receipt=receipt))

    def test_keys_name_the_run_the_event_and_the_charge(self, program: Program, frame: Frame[Any]) -> None:
        assert program.key is not None
        assert program.key(frame.input) == "o-1"
        assert program.events["delivered"].key is not None
        assert program.events["delivered"].key(("track-1",), frame) == "track-1"
        charge = program.calls["charge_card"]
        assert charge.key is not None
        assert charge.check_args is not None
        assert charge.key((frame.input.order,), frame) == "o-1"
        assert charge.check_args((frame.input.order,), frame, "o-1") == ("o-1",)

    def test_shared_handlers_are_in_force_in_every_state_of_the_phase(self, program: Program) -> None:
        for name in ("Received", "Review"):
            (cancel,) = program.states[name].handlers["cancel"]
            assert (cancel.id, cancel.shared, cancel.calls) == ("Checking on cancel", True, False)
        assert "cancel" not in program.states["Charging"].handlers

    def test_handlers_and_timers_go_on(self, program: Program, frame: Frame[Any], orders: Any) -> None:
        review = program.states["Review"]
        state = review.cls(customer=orders.Customer(id="c-1", vip=False))
        (reject,) = review.handlers["reject"]
        assert reject.step is not None
        assert run(reject.step(state, frame, ("too risky",)))[1].fields.reason == "too risky"
        (timer,) = review.timers
        assert (timer.id, timer.when(state, frame)) == ("Review after", timedelta(hours=48))
        assert run(timer.step(state, frame))[1].state == "Expired"


class TestTheOddContract:
    @pytest.fixture
    def program(self) -> Program:
        return load_program(GOLDEN / "odd.opord")

    @pytest.fixture
    def odd(self) -> Any:
        return opord.load(GOLDEN / "odd.opord")

    @pytest.fixture
    def wire(self) -> dict[str, Any]:
        return {
            "uuid": "0190c5a0-7b7c-7000-8000-000000000001",
            "str": "go",
            "list": [],
            "labels": {"a": "large"},
        }

    def frame(self, program: Program, wire: dict[str, Any], call: int = 4, **members: Any) -> Frame[Any]:
        return frame_of(program, order=wire, call=call, **members)

    def step(self, program: Program, frame: Frame[Any], name: str, **fields: Any) -> Step:
        state = program.states[name]
        assert state.step is not None
        return state.step(state.cls(**fields), frame)

    def test_absent_fields_take_their_defaults(
        self, program: Program, odd: Any, wire: dict[str, Any]
    ) -> None:
        order = self.frame(program, wire).input.order
        assert order.uuid == UUID(wire["uuid"])
        assert (order.int, order.class_, order.names, order.date) == (7, "first", ["a", "b"], None)
        assert (str(order.decimal), str(order.price), order.every) == ("2.50", "3", timedelta(minutes=90))
        assert (order.size, order.shape) == (odd.Size.medium, odd.Shape.Circle(radius=2.0))
        assert order.labels == {"a": odd.Size.large}

    def test_the_initial_state_is_made_of_the_input_and_now(
        self, program: Program, odd: Any, wire: Any
    ) -> None:
        frame = self.frame(program, wire)
        assert program.initial(frame) == odd.OddNames.Start(text_of="go", started=NOW, again=4)

    def test_operands_are_asked_for_from_left_to_right_and_only_when_needed(
        self, program: Program, wire: dict[str, Any]
    ) -> None:
        frame = self.frame(program, wire | {"date": "2026-01-31"})
        start = {"text_of": "go", "started": NOW, "again": 4}
        # score 5 + 1 = 6; total = 6 * 2 - 3 // 2 + 4 % 4 = 11: evaluation of the `or` stops there
        asked, goto = run(self.step(program, frame, "Start", **start), 5)
        assert [one.name for one in asked] == ["score"]
        assert goto.fields.text_of == "a7bcRun/1 2026-01-31T12:00:00Z 1h30m 2.50 medium Circle"
        # score 1 + 1 = 2; total = 3: both sides of the `and`, then those of the `elif`
        asked, goto = run(self.step(program, frame, "Start", **start), 1, True, True, False, 42)
        assert asked[1:] == [
            Pure("is_good", (3,)),
            Pure("is_good", (4,)),
            Pure("is_good", (1,)),
            Pure("score", (frame.input.order, 2)),
        ]
        assert (goto.fields.text_of, goto.fields.n) == ("b", 42)

    def test_matches_of_optionals_enums_and_literals(
        self, program: Program, odd: Any, wire: dict[str, Any]
    ) -> None:
        start = {"text_of": "go", "started": NOW, "again": 4}
        wire = wire | {"names": ["z"], "date": "2026-01-31"}
        for kind, state in ((None, "Failed"), ("None", "Failed"), ("Some", "Compute")):
            frame = self.frame(program, wire, kind=kind)
            assert run(self.step(program, frame, "Start", **start), 1, False)[1].state == state
        frame = self.frame(program, wire | {"shape": "Point"})
        for n, fields in (
            (1, (odd.Kind.Some, -1)),
            (2, (odd.Kind.Some, -1)),
            (-3, (None, 3)),
            (8, (None, 8)),
        ):
            goto = run(self.step(program, frame, "Compute", text_of="", n=n))[1]
            assert (goto.fields.kind, goto.fields.code) == fields

    def test_an_enum_with_fields_is_matched_by_them(self, program: Program, wire: dict[str, Any]) -> None:
        square = {"type": "Square", "type_": "big"}
        frame = self.frame(program, wire | {"shape": square})
        assert frame.input.order.shape.side == 1
        assert run(self.step(program, frame, "Compute", text_of="", n=2))[1].fields.why == "big"
        goto = run(self.step(program, self.frame(program, wire), "Compute", text_of="", n=2))[1]
        assert (goto.fields.text_of, goto.fields.n) == ('2 of "a"', 3)

    def test_an_effects_failures_are_told_apart_and_printed(
        self, program: Program, odd: Any, wire: Any
    ) -> None:
        frame = self.frame(program, wire)

        def after(answer: Any) -> Goto:
            return run(self.step(program, frame, "Compute", text_of="", n=8), answer)[1]

        assert after(odd.ReadError.Missing("/a/b")).fields.code == 408
        assert after(odd.ReadError.Busy()).fields.why == "Busy"
        assert after(TimedOut()).fields.why == "TimedOut"
        assert after(odd.Decimal(value=Decimal("2.50"))).fields.why == "2.50 6.00"
        assert after(odd.Decimal(value=Decimal("7.25"))).fields.why == "none of these 7.2"

    def test_variants_of_two_failures_with_one_name_are_told_apart(
        self, program: Program, odd: Any, wire: dict[str, Any]
    ) -> None:
        frame = self.frame(program, wire)

        def after(answer: Any) -> Goto:
            return run(self.step(program, frame, "Saving", from_="x", tries=1), answer)[1]

        assert after(odd.WriteError.Missing()).fields.code == 0
        assert after(odd.ReadError.Missing(path="abc")).fields == odd.OddNames.Failed(
            kind=odd.Kind.Some, code=3
        )
        assert after(odd.WriteError.Full(left=6)).fields.tries == 6
        assert after(odd.ReadError.Busy()).fields == odd.OddNames.Saving(from_="x", tries=2)
        saved = odd.Goto(step=odd.Decimal(value=Decimal(1)))
        assert after(saved).fields == odd.OddNames.Saved(goto_=saved, problem=odd.ReadError.Busy())

    def test_in_doubt_is_one_more_variant_where_the_contract_asks_for_it(
        self, program: Program, odd: Any, wire: dict[str, Any]
    ) -> None:
        frame = self.frame(program, wire)
        saved = {
            "goto_": odd.Goto(step=odd.Decimal(value=Decimal(1))),
            "problem": odd.ReadError.Busy(),
        }
        asked, goto = run(self.step(program, frame, "Saved", **saved), InDoubt())
        assert (asked, goto.state) == ([Commit("notify", ("Busy 1",))], "Failed")

    def test_handlers_of_one_event_have_guards_and_names_of_their_own(
        self, program: Program, odd: Any, wire: dict[str, Any]
    ) -> None:
        frame = self.frame(program, wire)
        waiting = program.states["Input"]
        state = waiting.cls(why="x")
        first, second = waiting.handlers["finally"]
        assert [first.id, second.id] == ["Input on finally", "Input on finally 2"]
        assert (first.calls, second.calls) == (True, False)
        assert first.guard is not None
        assert [first.guard(state, frame, args) for args in (("abc", "go"), ("ab", "go"), ("abc", "no"))] == [
            True,
            False,
            False,
        ]
        assert second.step is not None
        assert run(second.step(state, frame, ("y", "none")))[1].fields == odd.OddNames.Saving(
            from_="y", tries=1
        )
        (tick,) = waiting.handlers["tick"]
        assert (tick.step, tick.declaration.ignore) == (None, True)
        at, after = waiting.timers
        assert (at.id, at.when(state, frame), after.id) == (
            "Input at",
            NOW + timedelta(hours=3),
            "Working after",
        )

    def test_faults_name_their_place_in_the_contract(self, program: Program, wire: dict[str, Any]) -> None:
        frame = self.frame(program, wire)
        step = self.step(program, frame, "Start", text_of="go", started=NOW, again=4)
        with pytest.raises(Overflow) as caught:
            run(step, 2**63 - 1)
        line = next(
            number
            for number, text in enumerate((GOLDEN / "odd.opord").read_text().splitlines(), 1)
            if "let score" in text
        )
        assert program.place_of(caught.value) == f"odd.opord:{line}"
        shown = "".join(traceback.format_exception(caught.value))
        assert (
            f'score: int = add((yield Pure("score", (frame.input.order, frame.input.call))), 1)  # odd.opord:{line}'
            in shown
        )
        assert program.place_of(ValueError("from elsewhere")) is None

    def test_a_long_statement_names_its_place_too(self, program: Program, wire: dict[str, Any]) -> None:
        frame = self.frame(program, wire)
        broken = msgspec.structs.replace(frame, run=None)  # type: ignore[arg-type]
        with pytest.raises(AttributeError) as caught:
            run(self.step(program, broken, "Start", text_of="go", started=NOW, again=4), 5)
        assert str(program.place_of(caught.value)).startswith("odd.opord:")


class TestFailures:
    def test_are_exceptions_that_carry_their_fields(self, orders: Any) -> None:
        declined = orders.PaymentError.Declined(reason="no funds")
        assert isinstance(declined, orders.PaymentError)
        assert (declined.reason, str(declined)) == ("no funds", "PaymentError.Declined(reason='no funds')")
        assert declined == orders.PaymentError.Declined("no funds") != orders.PaymentError.Declined("other")
        assert (orders.PaymentError.RateLimited.opord_transient, declined.opord_transient) == (True, False)
        with pytest.raises(AttributeError):
            declined.reason = "other"

    def test_need_their_fields_and_no_others(self, orders: Any) -> None:
        for wrong in ({}, {"reason": "x", "code": 1}, {"code": 1}):
            with pytest.raises(TypeError, match="Declined"):
                orders.PaymentError.Declined(**wrong)

    def test_can_be_raised_copied_and_pickled(self, orders: Any) -> None:
        declined = orders.PaymentError.Declined(reason="no funds")
        assert copy.copy(declined) == pickle.loads(pickle.dumps(declined)) == declined
