"""Whether every run ends, and how long it can take."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.language.ensure.kit import story, verdict

TIMED = "initial state A -> Done { on go -> goto Done\n after 2d -> goto Done }"
UNTIMED = (
    "initial state A -> B | Done { on go -> goto B\n on stop -> goto Done }\nstate B -> Done { goto Done }"
)
SECOND_WAIT = "initial state A -> B { after 1d -> goto B }\nstate B -> Done { on go -> goto Done }"
SPINS = "initial state A -> A | Done { let yes = perform peek(id) else -> goto A\n if yes { goto Done }\n goto A }"
POLLS = (
    "initial state A -> B | Done { let yes = perform peek(id) else -> goto B\n if yes { goto Done }\n goto B }\n"
    "state B -> A { after 1h -> goto A }"
)
COUNTS = (
    "initial state A(n: int = 0) -> A | Done { let yes = perform peek(id) else -> goto A(n + 1)\n"
    " if yes { goto Done }\n goto A(n + 1) }"
)
COUNTED = (
    "initial state A(n: int = 0) -> B | Done { if n >= 12 { goto Done }\n goto B(n + 1) }\n"
    "state B(n: int) -> A { after 1h -> goto A(n) }"
)
IN_A_PHASE = "phase P {\n after 2d -> goto Failed\n initial state A -> B | Failed { on go -> goto B }\n state B -> Done | Failed { on go -> goto Done }\n}"
SPENT = "phase P {\n after 2d -> goto B\n initial state A -> B | Done { on go -> goto Done }\n state B -> B | Done { on go -> goto Done }\n}"
LEFT_BEHIND = (
    "phase P {\n after 1d { let yes = perform peek(id) else -> goto A\n if yes { goto Done }\n goto A }\n"
    " initial state A -> A | Done { after 2d -> goto A }\n}"
)
WAY_ROUND = f"{LEFT_BEHIND[:-1].replace('A | Done', 'A | Done | B')[:-2]}\n on go -> goto B }}\n}}\nstate B -> A {{ goto A }}"
MANY = LEFT_BEHIND.replace(
    " initial", "".join(f" after {days}d -> goto A\n" for days in range(3, 9)) + " initial"
)
MANY_AND_OUT = MANY.replace(" initial", " after 30d -> goto Done\n initial")

WAITS = {
    "a wait with a timer": (TIMED, ""),
    "a wait without one": (UNTIMED, "1 A"),
    "a later wait without one": (SECOND_WAIT, "1 A: after 24h → 2 B"),
    "a cycle that spins": (SPINS, "1 A"),
    "a cycle with a wait": (POLLS, ""),
    "a cycle that counts without a limit": (COUNTS, ""),
    "the timer of the phase": (IN_A_PHASE, ""),
    "the timer of the phase, fired before": (SPENT, "1 A: after 48h → 2 B"),
    "the only way to an end is a timer of the phase that has fired": (LEFT_BEHIND, "1 A: after 24h → 2 A"),
    "the same, where leaving the phase lets it fire again": (WAY_ROUND, ""),
    "the same in a phase with too many timers to tell which of them have fired": (
        MANY,
        "1 A: after 24h → 2 A",
    ),
    "there, a timer that only leads out": (MANY_AND_OUT, ""),
}


@pytest.mark.parametrize(("body", "expected"), WAITS.values(), ids=WAITS.keys())
def test_no_wait_is_endless(body: str, expected: str) -> None:
    assert story(body, "no wait is endless") == expected
    if expected:
        assert story(body, "every run ends") == expected


def hours(found: timedelta | None) -> float | None:
    return None if found is None else found / timedelta(hours=1)


CALL_LIMIT_H = 5 / 60

TIMES = {
    "a timer": ("initial state A -> Done { after 3h -> goto Done }", 3),
    "the earliest timer": ("initial state A -> Done { after 3h -> goto Done\n after 2h -> goto Done }", 2),
    "one wait after the other": (
        "initial state A -> B { after 3h -> goto B }\nstate B -> Done { after 2h -> goto Done }", 5,
    ),
    "the longer of two ways": (
        "initial state A -> B | C { on go -> goto B\n after 1h -> goto C }\n"
        "state B -> Done { after 5h -> goto Done }\nstate C -> Done { after 2h -> goto Done }", 6,
    ),
    "a timer that is worked out": ("initial state A -> Done { after 90m * 2 + (if id == \"\" then 1h else 2h) -> goto Done }", 5),
    "a timer from the data beside a literal": ("initial state A(d: duration = 1h) -> Done { after d -> goto Done\n after 4h -> goto Done }", 4),
    "a moment from the start on": (
        "initial state A -> B { after 3h -> goto B }\nstate B -> Done { at run.started_at + 4h -> goto Done }", 4,
    ),
    "a moment from the start on that is over": (
        "initial state A -> B { after 3h -> goto B }\nstate B -> Done { at run.started_at + 1h -> goto Done }", 3,
    ),
    "a moment from the entry on": (
        "initial state A -> B { after 3h -> goto B }\nstate B -> Done { at now + 1h -> goto Done }", 4,
    ),
    "the timer of a phase, from the entry into it": (
        "initial state A -> B { after 3h -> goto B }\nphase P {\n after 10h -> goto Done\n"
        " state B -> C | Done { after 6h -> goto C }\n state C -> Done { after 8h -> goto Done }\n}", 13,
    ),
    "an effect with a timeout": ("initial state A -> Done { let x = perform peek(id) else -> goto Done\n goto Done }", 5 / 3600),
    "a call without a timeout": ("initial state A -> Done { commit mail(id)\n goto Done }", CALL_LIMIT_H),
    "a doubt that is asked about for two days": ("initial state A -> Done { commit asked(id) else -> goto Done\n goto Done }".replace("else -> goto Done", "else { InDoubt -> goto Done }"), 48 + CALL_LIMIT_H),
    "an action in transaction": ("initial state A -> Done { commit quick(id)\n goto Done }", 0.5 / 3600),
    "an action in transaction that is retried": ("initial state A -> Done { commit booked(id) else -> goto Done\n goto Done }", (3 * 2 + 2 * 1) / 3600),
    "an effect whose other side asks to wait": ("initial state A -> Done { let x = perform paced(id) else -> goto Done\n goto Done }", (3 * 5 + 2 * 600) / 3600),
    "an action whose other side asks to wait, and asks late": ("initial state A -> Done { commit metered(id) else -> goto Done\n goto Done }", (3 * 5 + 2 * (600 + 1)) / 3600),
    "an action in transaction that has to wait": ("initial state A -> Done { commit throttled(id) else -> goto Done\n goto Done }", (3 * 2 + 2 * 600) / 3600),
    "any wait, which a timer of the phase breaks off": (
        "phase P {\n after 2h -> goto Gone\n initial state A -> Done | Gone { let x = perform spaced(id) else -> goto Done\n goto Done }\n}", 2,
    ),
    "a timer's step that makes the call which rests": (
        "phase P {\n after 10m { let x = perform paced(id) else -> goto Gone\n goto Gone }\n"
        " initial state A -> Done | Gone { let x = perform paced(id) else -> goto Done\n goto Done }\n}",
        (600 + 600 + 3 * 5 + 2 * 600) / 3600,
    ),
    "a cancel while it waits": ("phase P {\n on cancel(reason) -> goto Gone\n initial state A -> Done | Gone { after 3h -> goto Done }\n}", 3),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), TIMES.values(), ids=TIMES.keys())
def test_the_longest_time_of_a_run(body: str, expected: float) -> None:
    assert hours(verdict(body, "every run ends").worst) == pytest.approx(expected)
    limit = timedelta(hours=expected)
    just = f"{max(1, -(-limit // timedelta(milliseconds=1)))}ms"
    assert verdict(body, f"every run ends within {just}").holds
    less = f"{limit // timedelta(milliseconds=1) - 1}ms"
    assert not verdict(body, f"every run ends within {less}").holds


RETRIES = {
    "timeout 10s": 10,
    "retry 2 times, timeout 10s": 30 + 1 + 2,
    "retry 3 times backoff 5s to 8s, timeout 1s": 4 + 5 + 8 + 8,
    "retry 2 times backoff 1m to 1m, timeout 10s": 30 + 120,
}


@pytest.mark.parametrize(("policy", "seconds"), RETRIES.items())
def test_attempts_and_the_pauses_between_them_add_up(policy: str, seconds: int) -> None:
    text = f"effect slow(id: str) -> bool {{ {policy} }}\ninitial state A -> Done {{ let x = perform slow(id) else -> goto Done\n goto Done }}"
    assert verdict(text, "every run ends").worst == timedelta(seconds=seconds)


DOUBTS = {
    "timeout 10s, key id for 24h": 24 * 3600 + 10,
    "timeout 10s, key id": 10,
    "timeout 10s, key id, retry 2 times": 30 + 3,
    "timeout 10s, in doubt check peek(id) after 30s": 10 + 30 + 5,
    "timeout 10s, in doubt ask": 10,
    "timeout 10s, in doubt skip": 10,
}


@pytest.mark.parametrize(("policy", "seconds"), DOUBTS.items())
def test_a_doubt_takes_as_long_as_the_contract_lets_it(policy: str, seconds: int) -> None:
    text = f"action act(id: str) {{ {policy} }}\ninitial state A -> Done {{ commit act(id)\n goto Done }}"
    assert verdict(text, "every run ends").worst == timedelta(seconds=seconds)


UNTIMED_CASES = {
    "a cycle by an event": (
        "initial state A -> A | Done { on go -> goto A\n after 1h -> goto Done }",
        "no timer limits how long a run goes round `A` → `A`, so no time can be promised",
        "1 A: on go → 2 A",
    ),
    "a cycle that is counted": (
        COUNTED,
        "no timer limits how long a run goes round `A` → `B` → `A`, so no time can be promised",
        "1 A → 2 B: after 1h → 3 A",
    ),
    "a timer from the data": (
        "initial state A(d: duration = 1h) -> Done { after d -> goto Done }",
        "how long a run waits in `A` depends on its data, so no time can be promised",
        "1 A",
    ),
    "a wait without a timer": (UNTIMED, "a run can wait in `A` for ever", "1 A"),
    "any wait that the other side asks for": (
        "initial state A -> Done { let x = perform spaced(id) else -> goto Done\n goto Done }",
        "with `TooOften`, the other side of `spaced` can ask to wait for any time, so no time can be promised",
        "1 A",
    ),
    "any wait inside a step that a timer of the phase begins": (
        "phase P {\n after 1h { let x = perform spaced(id) else -> goto Gone\n goto Gone }\n"
        " initial state A -> Done | Gone { let x = perform spaced(id) else -> goto Done\n goto Done }\n}",
        "with `TooOften`, the other side of `spaced` can ask to wait for any time, so no time can be promised",
        "1 A",
    ),
    "too long": (
        "initial state A -> B { on go -> goto B\n after 20h -> goto B }\nstate B -> Done { after 20h -> goto Done }",
        "a run can take 40 hours, which is more than 24 hours",
        "1 A: on go (by 20h) → 2 B: after 20h (by 40h) → 3 Done by 40h",
    ),
}


@pytest.mark.parametrize(("body", "problem", "told"), UNTIMED_CASES.values(), ids=UNTIMED_CASES.keys())
def test_why_no_time_can_be_promised(body: str, problem: str, told: str) -> None:
    found = verdict(body, "every run ends within 24h")
    assert found.problem == problem
    assert story(body, "every run ends within 24h") == told
