"""`every run ends`: which cycles of timers and answers are bounded, by a count or by a phase.

Each case is a contract in which a run can go round. It says whether the rounds come to an end.
"""

from __future__ import annotations

import pytest

from opord.language import check_text
from opord.language.ensure import decide
from tests.language.ensure.kit import ENDS, HEAD, story, verdict

MORE = """\
record Line { sku: str }
record Job { id: str, tries: int }
record Sizes { share: float, sums: decimal }
effect more(id: str) -> int { timeout 1s }
pure most(id: str) -> int
"""


def polls(
    test: str, step: str = "n + 1", *, rest: str = "", fields: str = "n: int = 0", more: str = ""
) -> str:
    """A state that acts, and a wait of an hour that leads back.

    `test` may leave; `rest` is carried on.
    """
    waits = fields.replace(" = 0", "").replace(" = 5", "")
    names = ", ".join(field.split(":")[0] for field in waits.split(", "))
    return (
        f"initial state A({fields}) -> B | Done {{ {more}{test}\n goto B({step}{rest}) }}\n"
        f"state B({waits}) -> A | Failed {{ on go -> goto Failed\n after 1h -> goto A({names}) }}"
    )


COUNTED = {
    "up to a literal": polls("if n >= 3 { goto Done }"),
    "one beyond it": polls("if n > 3 { goto Done }"),
    "the limit stands first": polls("if 3 <= n { goto Done }"),
    "the other branch leaves": polls("if n < 3 { goto B(n + 1) }\n goto Done", "n + 1").replace("\n goto B(n + 1) }\nstate", " }\nstate"),
    "not the condition": polls("if not (n < 3) { goto Done }"),
    "one of two conditions": polls('if id == "" or n >= 3 { goto Done }'),
    "by a match": polls("match n >= 3 { true -> goto Done\n false -> goto B(n + 1) }").replace("\n goto B(n + 1) }\nstate", " }\nstate"),
    "down to a literal": polls("if n <= 0 { goto Done }", "n - 1", fields="n: int = 5"),
    "down by a negative number": polls("if n <= 0 { goto Done }", "n + -2", fields="n: int = 5"),
    "several at once": polls("if n >= 3 { goto Done }", "2 + n"),
    "by one or by two": polls("if n >= 3 { goto Done }", 'if id == "" then n + 1 else n + 2'),
    "the next number is compared": polls("let next = n + 1\n if next > 3 { goto Done }", "next"),
    "up to what the input says": polls("if n >= len(id) { goto Done }"),
    "up to a field that stays": polls("if n >= m { goto Done }", rest=", m", fields="n: int = 0, m: int = 5"),
    "a field under another name": (
        "initial state A(n: int = 0) -> B | Done { if n >= 3 { goto Done }\n goto B(n) }\n"
        "state B(tries: int) -> A { after 1h -> goto A(tries + 1) }"
    ),
    "a part of a record": (
        'initial state A(job: Job = Job { id: "", tries: 0 }) -> B | Done { if job.tries >= 3 { goto Done }\n'
        " goto B(job with { tries: job.tries + 1 }) }\nstate B(job: Job) -> A { after 1h -> goto A(job) }"
    ),
    "a list by its index": (
        "initial state A(lines: list[Line] = [], n: int = 0) -> B | Done { match lines[n] { none -> goto Done\n"
        " some line -> goto B(lines, n + 1) } }\nstate B(lines: list[Line], n: int) -> A { after 1h -> goto A(lines, n) }"
    ),
    "a list by its index, from the end": (
        "initial state A(lines: list[Line] = [], n: int = -1) -> B | Done { if lines[n] == none { goto Done }\n"
        " goto B(lines, n - 1) }\nstate B(lines: list[Line], n: int) -> A { after 1h -> goto A(lines, n) }"
    ),
    "while it is equal": polls("if n != m { goto Done }", rest=", m", fields="n: int = 0, m: int = 0"),
    "it acts alone": "initial state A(n: int = 0) -> A | Done { if n >= 3 { goto Done }\n goto A(n + 1) }",
    "one cycle in another, each with a number of its own": (
        "initial state A(n: int = 0) -> B | Done { if n >= 3 { goto Done }\n goto B(n + 1, 0) }\n"
        "state B(n: int, m: int) -> B | A { if m >= 3 { goto A(n) }\n goto B(n, m + 1) }"
    ),
    "two ways round, each with a number of its own": (
        "initial state A(n: int = 0, m: int = 0) -> B | C | Done { if n >= 3 or m >= 3 { goto Done }\n"
        " let yes = perform peek(id) else -> goto C(n, m + 1)\n if yes { goto C(n, m + 1) }\n goto B(n + 1, m) }\n"
        "state B(n: int, m: int) -> A { after 1h -> goto A(n, m) }\n"
        "state C(n: int, m: int) -> A { after 1h -> goto A(n, m) }"
    ),
    "a cycle that needs an event, beside it": polls("if n >= 3 { goto Done }").replace(
        "B | Done {", "A | B | Done {", 1
    ).replace("on go -> goto Failed", "on go -> goto A(0)").replace("A | Failed", "A").replace("A | B | Done", "B | Done"),
    "the state before the wait tests it": (
        "initial state A(n: int = 0) -> B | Done { if n >= 3 { goto Done }\n goto B(n) }\n"
        "state B(n: int) -> A | B | Done { let yes = perform peek(id) else -> goto A(n + 1)\n if yes { goto Done }\n"
        " if n >= 3 { goto A(n + 1) }\n goto B(n + 1) }"
    ),
}  # fmt: skip

ENDLESS = {
    "nothing is compared": (polls("let yes = perform peek(id) else -> goto Done\n if yes { goto Done }"), "1 A → 2 B: after 1h → 3 A"),
    "the limit is on the wrong side": (polls("if n < 0 { goto Done }"), "1 A → 2 B: after 1h → 3 A"),
    "it goes down from a limit above": (polls("if n >= 3 { goto Done }", "n - 1"), "1 A → 2 B: after 1h → 3 A"),
    "it stays": (polls("if n >= 3 { goto Done }", "n"), "1 A → 2 B: after 1h → 3 A"),
    "a step can jump over what is equal": (polls("if n == 3 { goto Done }", "n + 2"), "1 A → 2 B: after 1h → 3 A"),
    "or begin beyond it": (polls("if n == m { goto Done }", rest=", m", fields="n: int = 5, m: int = 0"), "1 A → 2 B: after 1h → 3 A"),
    "one branch does not raise it": (polls("if n >= 3 { goto Done }", 'if id == "" then n + 1 else n'), "1 A → 2 B: after 1h → 3 A"),
    "one branch sets it back": (polls("if n >= 3 { goto Done }", 'if id == "" then n + 1 else 0'), "1 A → 2 B: after 1h → 3 A"),
    "the limit grows with it": (polls("if n >= m { goto Done }", rest=", m + 1", fields="n: int = 0, m: int = 5"), "1 A → 2 B: after 1h → 3 A"),
    "the limit comes from outside": (
        polls("if n >= m { goto Done }", more="let m = perform more(id) else -> goto Done\n"), "1 A → 2 B: after 1h → 3 A"
    ),
    "the limit is what code answers": (polls("if n >= most(id) { goto Done }"), "1 A → 2 B: after 1h → 3 A"),
    "the step comes from outside": (
        polls("if n >= 3 { goto Done }", "n + m", more="let m = perform more(id) else -> goto Done\n"), "1 A → 2 B: after 1h → 3 A"
    ),
    "it stops short of the limit": (polls("if n > 3 { goto Done }", "min(n + 1, 3)"), "1 A → 2 B: after 1h → 3 A"),
    "it is kept above": (polls("if n < 0 { goto Done }", "max(n - 1, 0)"), "1 A → 2 B: after 1h → 3 A"),
    "it doubles": (polls("if n >= 3 { goto Done }", "n * 2"), "1 A → 2 B: after 1h → 3 A"),
    "a float that may not grow": (polls("if n >= 3.0 { goto Done }", "n + 1", fields="n: float = 0"), "1 A → 2 B: after 1h → 3 A"),
    "another number is compared": (
        polls("if m >= 3 { goto Done }", rest=", m", fields="n: int = 0, m: int = 0"), "1 A → 2 B: after 1h → 3 A"
    ),
    "two numbers change places": (
        polls("if n >= 3 { goto Done }", "m", rest=", n + 1", fields="n: int = 0, m: int = 0"), "1 A → 2 B: after 1h → 3 A"
    ),
    "another list is read": (
        "initial state A(lines: list[Line] = [], n: int = 0) -> B | Done { match lines[n] { none -> goto Done\n"
        " some line -> goto B([line], n + 1) } }\nstate B(lines: list[Line], n: int) -> A { after 1h -> goto A(lines, n) }",
        "1 A → 2 B: after 1h → 3 A",
    ),
    "the index stays": (
        "initial state A(lines: list[Line] = [], n: int = 0) -> B | Done { match lines[0] { none -> goto Done\n"
        " some line -> goto B(lines, n + 1) } }\nstate B(lines: list[Line], n: int) -> A { after 1h -> goto A(lines, n) }",
        "1 A → 2 B: after 1h → 3 A",
    ),
    "only one of two ways is compared": (
        "initial state A(n: int = 0) -> B | Done { let yes = perform peek(id) else -> goto B(n + 1)\n"
        " if n >= 3 { goto Done }\n goto B(n + 1) }\nstate B(n: int) -> A { after 1h -> goto A(n) }",
        "1 A → 2 B: after 1h → 3 A",
    ),
    "each cycle sets back the number of the other": (
        "initial state A(n: int = 0, m: int = 0) -> A | Done { let yes = perform peek(id) else -> goto Done\n"
        " if yes { if n >= 3 { goto Done }\n goto A(n + 1, 0) }\n if m >= 3 { goto Done }\n goto A(0, m + 1) }",
        "1 A → 2 A → 3 A",
    ),
    "the inner cycle sets back the outer number": (
        "initial state A(n: int = 0) -> B | Done { if n >= 3 { goto Done }\n goto B(n + 1, 0) }\n"
        "state B(n: int, m: int) -> C | A { if m >= 3 { goto A(n) }\n goto C(m + 1) }\n"
        "state C(m: int) -> B { after 1h -> goto B(0, m) }",
        "1 A → 2 B → 3 A → 4 B → 5 C: after 1h → 6 B → 7 A",
    ),
    "it is lost on the way": (
        "initial state A(n: int = 0) -> B | Done { if n >= 3 { goto Done }\n goto B }\n"
        "state B -> A { after 1h -> goto A(1) }", "1 A → 2 B: after 1h → 3 A",
    ),
    "a cycle of a timer beside a counted one": (
        "initial state A(n: int = 0) -> A | B | Done { if n >= 3 { goto Done }\n let yes = perform peek(id) else -> goto B(n)\n"
        " if yes { goto A(n + 1) }\n goto B(n) }\nstate B(n: int) -> A | B { on go -> goto A(n)\n after 1h -> goto B(n) }",
        "1 A → 2 B: after 1h → 3 B",
    ),
}  # fmt: skip


def wait_and_end(body: str) -> str:
    return f"{MORE}{body}"


@pytest.mark.parametrize("body", COUNTED.values(), ids=COUNTED)
def test_rounds_that_are_counted_end(body: str) -> None:
    assert story(wait_and_end(body), "every run ends") == ""


@pytest.mark.parametrize(("body", "told"), ENDLESS.values(), ids=ENDLESS)
def test_rounds_that_are_not_counted_are_the_story(body: str, told: str) -> None:
    assert story(wait_and_end(body), "every run ends") == told
    assert verdict(wait_and_end(body), "no wait is endless").holds


PHASES = {
    "a timer that leads out": ("after 10d -> goto Failed", True),
    "a timer for a moment": ("at run.started_at + 10d -> goto Failed", True),
    "a timer from a field that stays": ("after d -> goto Failed", True),
    "a timer from a field that grows": ("after e -> goto Failed", False),
    "a moment that each entry puts off": ("at now + 10d -> goto Failed", False),
    "one of two lengths": ("after if e > 1h then 1d else 2d -> goto Failed", True),
    "an event that leads out": ("on stop -> goto Failed", False),
}


@pytest.mark.parametrize(("shared", "ends"), PHASES.values(), ids=PHASES)
def test_a_cycle_in_a_phase_ends_with_a_timer_that_leads_out(shared: str, ends: bool) -> None:
    body = (
        f"phase P {{\n {shared}\n"
        " initial state A(d: duration = 1d, e: duration = 1d) -> B | Done | Failed { let yes = perform peek(id) else -> goto B(d, e)\n"
        "  if yes { goto Done }\n  goto B(d, e + 1h) }\n"
        " state B(d: duration, e: duration) -> A | Failed { after 1h -> goto A(d, e) }\n}"
    )
    assert verdict(body, "every run ends").holds is ends
    assert verdict(body, "no wait is endless").holds


def test_a_cycle_that_leaves_the_phase_is_not_ended_by_its_timer() -> None:
    body = (
        "phase P {\n after 10d -> goto Failed\n initial state A -> B | Failed { let yes = perform peek(id) else -> goto B\n"
        "  goto B }\n}\nstate B -> A { after 1h -> goto A }"
    )
    assert story(body, "every run ends") == "1 A → 2 B: after 1h → 3 A"


def test_a_timer_of_a_phase_that_stays_ends_the_cycles_before_it_fires() -> None:
    body = (
        "phase P {\n after 10d -> goto C\n initial state A(n: int = 0) -> A | C { after 1h -> goto A(n + 1) }\n"
        " state C -> Done | C { after 1h -> goto Done }\n}"
    )
    assert story(body, "every run ends") == ""
    again = body.replace(
        "C -> Done | C { after 1h -> goto Done", "C -> Done | C { on go -> goto Done\n after 1h -> goto C"
    )
    assert story(again, "every run ends") == "1 A: after 10d → 2 C: after 1h → 3 C"


def test_a_story_says_when_no_single_round_is_at_fault() -> None:
    body = wait_and_end(ENDLESS["each cycle sets back the number of the other"][0])
    assert verdict(body, "every run ends").problem == (
        "a run can go round `A` → `A` → `A` for ever, with timers and answers alone: each part of it is counted, but another part resets its number"
    )


def test_cycles_with_too_many_ways_are_refused_with_a_reason() -> None:
    """Each state has a number of its own, which every other one sets back."""
    states = [f"S{index}" for index in range(40)]
    lines = []
    for index, state in enumerate(states):
        others = [other for other in states if other != state]
        fields = ", ".join(f"n{number}: int{' = 0' if not index else ''}" for number in range(len(states)))
        bodies = " ".join(
            f"if n{number} < 3 {{ goto {other}({', '.join(f'n{k} + 1' if k == number else f'n{k}' for k in range(len(states)))}) }}\n"
            for number, other in enumerate(others)
        )
        lines.append(
            f"{'initial ' if not index else ''}state {state}({fields}) -> {' | '.join(others)} | Done {{ {bodies} goto Done }}"
        )
    result = check_text(f"{HEAD}" + "\n".join(lines) + f"\n{ENDS}ensure every run ends\n")
    (found,) = decide(result.model)
    assert found.holds or "too many cycles" in found.problem
