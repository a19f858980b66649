"""Exploring reaches what a contract allows, explains what it does not reach, and finds faults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opord.kernel.program import Program
from opord.loading import load_program
from opord.simulate import drive, outside
from opord.simulate.drive import NoInput
from opord.simulate.explore import Exploration, explore
from opord.simulate.hints import move_words, unreached
from opord.simulate.report import as_data, times
from opord.simulate.targets import transitions_of
from opord.simulate.values import Constants
from opord.testing.clock import VirtualClock
from tests.support.contracts import STUCK

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(
    [*ROOT.glob("examples/patterns/*/*.opord"), *ROOT.glob("src/opord/examples/orders/*.opord")]
)
FIELDS = "final state Done success\nfinal state Lost failure\n"


def explored(folder: Path, text: str, *, runs: int = 40, seed: int = 0) -> Exploration:
    """Explore a contract by its text."""
    path = folder / "c.opord"
    path.write_text(text)
    return explore(load_program(path), runs=runs, seed=seed)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_state_of_the_examples_is_reached_or_has_a_hint(path: Path) -> None:
    seen = explore(load_program(path), runs=40, seed=0)
    assert (seen.troubles["stuck"], seen.troubles["broken promise"], seen.troubles["twice"]) == (0, 0, 0)
    hints = {one.name: one.hint for one in unreached(seen) if one.what == "state"}
    for state in seen.contract.states:
        assert bool(seen.visited[state.name]) != (state.name in hints), state.name
    assert all(" was entered " in hint or " leads to it" in hint for hint in hints.values()), hints
    assert len(hints) <= len(seen.contract.states) // 2
    listed = {move.key for move in seen.moves}
    assert set(seen.moved) <= listed, "a run moved in a way that is not listed"


def test_an_action_in_a_transaction_ends_as_declared_and_stalls_no_run() -> None:
    path = ROOT / "tests/language/good/stock_reservation.opord"
    seen = explore(load_program(path), runs=60, seed=0)
    assert not seen.troubles, seen.troubles
    ends = {way for (name, way), times_ in seen.answered.items() if name == "reserve" and times_}
    assert "ok" in ends
    assert len(ends) >= 2
    assert "unknown" not in ends


def test_waits_that_the_other_side_asks_for_are_drawn_and_kept() -> None:
    path = ROOT / "tests/language/good/crm_update.opord"
    seen = explore(load_program(path), runs=80, seed=0)
    assert not seen.troubles, seen.troubles
    assert seen.answered["write_record", "CrmError.TooMany"] > 5
    assert seen.answered["find_record", "SearchError.Throttled"] > 5
    assert max(seen.times_s) > 600  # far longer than its backoffs last


def test_the_same_seed_gives_the_same_results(tmp_path: Path) -> None:
    program = load_program(EXAMPLES[-1])
    first, again, other = (
        json.dumps(as_data(explore(program, runs=25, seed=seed), "f")) for seed in (5, 5, 500)
    )
    assert first == again
    assert first != other


def test_a_run_is_the_same_alone_as_among_others() -> None:
    program = load_program(ROOT / "src/opord/examples/orders/order.opord")
    driver = drive.Driver(program, explore_constants(program))
    among = [driver.explore(seed) for seed in range(12)]
    alone = drive.Driver(program, explore_constants(program)).explore(7)
    assert [record.hash for record in alone.records] == [record.hash for record in among[7].records]


def explore_constants(program: Program) -> Constants:
    return Constants(program.contract)


@pytest.mark.parametrize(
    ("condition", "params"),
    [
        ("a == 7341", "a: int"),
        ("a > 99_000 and a < 99_002", "a: int"),
        ('a == "gold"', "a: str"),
        ("a > 0.8171 and a < 0.8373", "a: float"),
        ("len(a) == 17", "a: list[int]"),
        ("a == 48h", "a: duration"),
    ],
)
def test_values_are_drawn_near_the_constants_of_conditions(
    tmp_path: Path, condition: str, params: str
) -> None:
    text = f"contract C({params})\ninitial state A -> Done | Lost {{\n  if {condition} {{ goto Done }}\n  goto Lost\n}}\n{FIELDS}"
    seen = explored(tmp_path, text)
    assert seen.ends["Done"] > 0
    assert seen.ends["Lost"] > 0
    assert unreached(seen) == []


def test_values_are_drawn_near_the_constants_they_are_compared_with(tmp_path: Path) -> None:
    names = [f"a{number}" for number in range(8)]
    asked = " and ".join(f"{name} == {1000 * place}" for place, name in enumerate(names[:3], 1))
    others = " or ".join(f"{name} == {7919 * place}" for place, name in enumerate(names[3:], 1))
    text = (
        f"contract C({', '.join(f'{name}: int' for name in names)})\n"
        f"initial state A -> Done | Lost {{\n  if {others} {{ goto Lost }}\n  if {asked} {{ goto Done }}\n  goto Lost\n}}\n"
        + FIELDS
    )
    assert explored(tmp_path, text, runs=1500).ends["Done"] > 0


def test_events_are_drawn_that_fit_the_data_of_the_run(tmp_path: Path) -> None:
    text = (
        "contract C(code: str, owner: str)\nevent enter(code_seen: str) \n"
        "initial state A -> Done | Lost {\n"
        "  on enter(given) if given == code and actor == owner -> goto Done\n  after 1h -> goto Lost\n}\n"
        + FIELDS
    )
    assert explored(tmp_path, text).ends["Done"] > 0


def test_a_wait_that_nothing_can_end_is_stuck_with_its_story(tmp_path: Path) -> None:
    seen = explored(tmp_path, STUCK, runs=5)
    assert seen.troubles == {"stuck": 5}
    (case,) = seen.cases
    assert (case.kind, case.seed, case.state) == ("stuck", 0, "Waiting")
    assert "none of 60 events (pay) moved it" in case.why
    assert any("Waiting" in line for line in case.story)
    assert next(one for one in unreached(seen) if one.what == "state").hint == (
        "Waiting was entered 5 times; on pay needs `cents > 10 and cents < 5`: "
        "try more --runs, or a test with values of your own"
    )


def test_a_run_that_divides_by_zero_is_stalled(tmp_path: Path) -> None:
    text = "contract C(a: int)\ninitial state A -> Done {\n  let b = 10 // a\n  goto Done(b)\n}\nfinal state Done(b: int) success\n"
    seen = explored(tmp_path, text)
    assert 0 < seen.troubles["stalled"] < 40
    assert "division by zero" in seen.cases[0].why
    assert len(seen.cases) == 1, "one story for a state is enough"


ACTION = """contract C(a: str) key a
failure E { No, Busy transient }
effect find(a: str) -> int?
action act(a: str) -> int fails E { POLICY }
initial state A -> Done | Lost {
  match commit act(a) {
    ok -> goto Done
    No | Busy -> goto Lost
    EXTRA
  }
}
final state Done success
final state Lost failure
"""
POLICIES = ["key a, retry 3 times, timeout 5s", "timeout 5s", "timeout 5s, in doubt check find(a) after 10s",
            "retry 2 times, timeout 5s, in doubt ask within 1h", "timeout 5s, in doubt report"]  # fmt: skip


def with_policy(policy: str) -> str:
    extra = "InDoubt -> goto Lost" if "report" in policy or "within" in policy else ""
    text = ACTION.replace("POLICY", policy).replace("EXTRA", extra)
    return text if "check" in policy else text.replace("effect find(a: str) -> int?\n", "")


@pytest.mark.parametrize("policy", POLICIES)
def test_doubts_occur_and_no_effect_is_doubled(tmp_path: Path, policy: str) -> None:
    seen = explored(tmp_path, with_policy(policy), runs=80)
    assert seen.troubles == {}
    assert 0 < seen.doubts["act"] <= seen.commits["act"] == 80
    assert all(seen.answered["act", outcome] for outcome in ("ok", "E.No", "E.Busy", "unknown"))
    assert seen.effects["act"] <= 80
    assert seen.happenings["crash"] > 0


def test_a_doubled_effect_is_detected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person who answers for doubts never sees the effect, so the action is called again."""
    monkeypatch.setattr(outside.Outside, "happened", lambda *_: None)
    seen = explored(tmp_path, with_policy("timeout 5s"), runs=80)
    assert seen.troubles["twice"] > 0
    assert "act took effect twice for one commit" in next(c for c in seen.cases if c.kind == "twice").why


def test_a_contract_that_takes_no_input_says_so(tmp_path: Path) -> None:
    text = 'contract C(a: bool) key if a then "" else ""\ninitial state A -> Done { goto Done }\nfinal state Done success\n'
    with pytest.raises(NoInput, match="it is empty"):
        explored(tmp_path, text)


LONG = """contract C(a: str) key a
failure E { No settles, Busy transient }
event go keep
effect look(a: str) -> int fails E { retry 20 times backoff 1h to 7d, timeout 30d }
action act(a: str) -> int fails E stands because "nothing takes it back" {
  key a
  retry 20 times backoff 1h to 7d
  timeout 30d
}
initial state A -> B | Lost {
  on go {
    let x = perform look(a) else { No | Busy | TimedOut -> goto Lost }
    goto B
  }
  after 30d -> goto B
}
state B -> Done | Lost {
  match commit act(a) {
    ok -> goto Done
    No | Busy -> goto Lost
  }
}
final state Done success
final state Lost failure
"""


def test_a_run_between_two_of_many_attempts_is_not_stuck(tmp_path: Path) -> None:
    seen = explored(tmp_path, LONG)
    assert (seen.troubles, seen.cut_off) == ({}, 0)
    assert max(seen.times_s) > 365 * 86_400, "some run met time-outs of 30 days again and again"


def test_virtual_time_jumps_over_what_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A year of time-outs and pauses takes few jumps, and none to renew a lease."""
    jumps: list[float] = []
    advance = VirtualClock.advance
    monkeypatch.setattr(VirtualClock, "advance", lambda clock, s: (jumps.append(s), advance(clock, s)))
    seen = explored(tmp_path, LONG, runs=20)
    assert sum(seen.times_s) > 365 * 86_400
    assert len(jumps) < 20 * 300


def test_a_run_that_tries_for_ever_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each check of the doubt fails, so it is asked again and again."""
    monkeypatch.setattr(drive, "TURNS_MAX", 300)
    monkeypatch.setattr(
        outside.Outside,
        "_mood",
        lambda _, ways, calm: [0.0] * (len(ways) - 1) + [1.0] if len(ways) > 1 else [1.0],
    )
    text = ACTION.replace("POLICY", "timeout 5s, in doubt check find(a)").replace("EXTRA", "")
    text = text.replace("find(a: str) -> int?", "find(a: str) -> int? fails E")
    seen = explored(tmp_path, text, runs=1)
    assert (seen.troubles, seen.cut_off) == ({}, 1)


def test_only_inputs_that_fit_are_drawn(tmp_path: Path) -> None:
    text = (
        "contract C(from_day: date, to_day: date, seats: list[int], a: int, b: int, code: str)\n"
        'require from_day < to_day else "x"\nrequire len(seats) in [2, 5] else "x"\n'
        'require a * b == 100 or a // b > 7 else "x"\nrequire code == "A1" else "x"\n'
        "initial state A -> Done | Lost {\n  if a // b > 7 { goto Done }\n  goto Lost\n}\n" + FIELDS
    )
    seen = explored(tmp_path, text)
    assert seen.ends["Done"] > 0
    assert seen.ends["Lost"] > 0
    assert seen.troubles == {}


def test_conditions_that_nothing_fits_are_named(tmp_path: Path) -> None:
    text = (
        'contract C(a: int)\nrequire a > 0 else "{a}"\nrequire a * a == 5 else "{a}"\n'
        "initial state A -> Done { goto Done }\nfinal state Done success\n"
    )
    with pytest.raises(NoInput, match=r"2,000 were tried.*`require (a > 0|a \* a == 5)`"):
        explored(tmp_path, text)


def test_a_cycle_is_left_alone_after_many_moves(tmp_path: Path) -> None:
    text = (
        "contract C(a: int)\nevent stop\n"
        "# opord: allow restarts because it goes on until it is stopped\n"
        "initial state A -> B | Done {\n  on stop if actor == \"nobody at all\" -> goto Done\n  after 1h -> goto B\n}\n"
        "state B -> A { after 1h -> goto A }\nfinal state Done success\n"
    )  # fmt: skip
    seen = explored(tmp_path, text, runs=4)
    assert seen.cut_off + seen.ends["Done"] == 4


def test_moves_are_listed_with_what_they_need() -> None:
    program = load_program(ROOT / "src/opord/examples/orders/order.opord")
    moves = {move.key: move.needs for move in transitions_of(program.contract, dict(program.sources))}
    assert moves["Received", "body", "Review"] == ("`risk(order, customer) > 0.8 and not customer.vip`",)
    assert moves["Received", "body", "Charging"] == (
        "`risk(order, customer) > 0.8 and not customer.vip` to be false",
    )
    assert moves["Charging", "commit charge_card", "Charged"] == ("charge_card to be ok",)
    assert ("Received", "event cancel", "Cancelled") in moves
    assert ("Shipping", "timer Shipping after", "Refunding") in moves


def test_times_are_summed_up_by_nearest_rank_and_buckets() -> None:
    told = times([0.5] * 50 + [20.0] * 49 + [90_000.0])
    assert (told["p50_s"], told["p90_s"], told["p99_s"]) == (0.5, 20.0, 20.0)
    filled = {one["below_s"]: one["runs"] for one in told["buckets"] if one["runs"]}
    assert filled == {1: 50, 60: 49, 7 * 86_400: 1}


TIMERS = """
contract Timers(id: str) key id
event go
phase Open {
  on go -> goto Done
  after 300d -> goto Lost
  initial state First -> Done | Lost {
    after 20d -> goto Lost
    after 10d -> goto Lost
  }
}
"""


def test_a_move_names_its_timer_and_the_phase_that_shares_it(tmp_path: Path) -> None:
    (tmp_path / "c.opord").write_text(TIMERS + FIELDS)
    program = load_program(tmp_path / "c.opord")
    moves = transitions_of(program.contract, dict(program.sources))
    assert [move_words(move) for move in moves] == [
        "First → Lost (after 20d)",
        "First → Lost (after 10d)",
        "First → Done (on go)",
        "First → Lost (after 300d of Open)",
    ]
