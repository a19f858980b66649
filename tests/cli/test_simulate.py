"""`opord simulate`: its output, its exit status, and what it refuses."""

from __future__ import annotations

import signal

import pytest

from opord.cli import output
from tests.cli.kit import Shop
from tests.support.contracts import STUCK


def test_the_output_lists_what_was_reached(shop: Shop) -> None:
    said = shop.opord("simulate", "desk.opord", "--runs", "40")
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("Desk, version 1  40 runs explored, seed 0\n")
    for part in ("Ends", "Reached", "Calls", "Time to an end", "no run stuck or stalled"):
        assert part in said.out
    assert "\x1b" not in said.out


def test_the_same_seed_prints_the_same_whatever_the_process(shop: Shop) -> None:
    printed = [
        shop.process(
            "simulate", "desk.opord", "--runs", "15", "--seed", "3", *more, PYTHONHASHSEED=number
        ).out
        for more, number in (((), "1"), ((), "2"), (("--json",), "3"), (("--json",), "4"))
    ]
    assert printed[0] == printed[1]
    assert printed[2] == printed[3]


def test_the_json_output_has_a_format(shop: Shop) -> None:
    data = shop.opord("simulate", "desk.opord", "--runs", "10", "--json").json
    assert (data["format"], data["contract"], data["asked"], data["runs"]) == (1, "Desk", 10, 10)
    assert sum(one["runs"] for one in data["ended"]) + data["cut_off"] == 10
    assert set(data["troubles"].values()) == {0}
    assert sorted(data["troubles"]) == [
        "broken promise",
        "stalled",
        "stalled by a random answer",
        "stuck",
        "twice",
    ]


def test_a_stuck_run_is_a_numbered_story_that_one_command_shows_again(shop: Shop) -> None:
    (shop.folder / "stuck.opord").write_text(STUCK)
    said = shop.opord("simulate", "stuck.opord", "--runs", "3", "--seed", "9")
    assert said.status == 1
    assert "Stuck in Waiting  seed 9\n" in said.out
    assert "    2    +0.000s  06:13:20.000 ● Waiting  started\n" in said.out
    assert "3 runs stuck: not ended, and not waiting for anything that can come" in said.out
    again = "opord simulate stuck.opord --seed 9 --runs 1"
    assert f"  again: {again}\n" in said.out
    told = shop.opord(*again.split()[1:])

    def story(out: str) -> list[str]:
        return [line for line in out.splitlines() if line[:5].strip().isdigit() and line[5:7] == "  "]

    assert len(story(said.out)) > 3
    assert story(said.out) == story(told.out)


RATES = """contract Rates(id: str) key id
pure rate(id: str) -> int
initial state A -> Done {
  goto Done(100 // rate(id))
}
final state Done(each: int) success
"""


def test_real_pures_answer_instead_of_drawn_ones(shop: Shop) -> None:
    (shop.folder / "rates.opord").write_text(RATES)
    (shop.folder / "rates_real.py").write_text(
        "class Zero:\n    def rate(self, id):\n        return 0\n\n\n"
        "class Broken:\n    def rate(self, id):\n        return {}[id]\n\n\ndef rate(id):\n    return 7\n"
    )
    drawn = shop.process("simulate", "rates.opord", "--runs", "40")
    assert drawn.status == 1
    assert "a random answer of `rate` (0) led to it; give the real one with --pure" in " ".join(
        drawn.out.split()
    )
    real = shop.process("simulate", "rates.opord", "--runs", "40", "--pure", "rates_real")
    assert (real.status, real.err) == (0, "")
    assert "real pures: rate" in real.out
    zero = shop.process("simulate", "rates.opord", "--runs", "2", "--pure", "rates_real:Zero")
    assert "2 runs stalled: waiting until a person" in zero.out
    assert "again: opord simulate rates.opord --pure rates_real:Zero --seed 0 --runs 1" in zero.out
    broken = shop.process("simulate", "rates.opord", "--runs", "1", "--pure", "rates_real:Broken")
    assert "(rates_real.py:8)" in broken.out


def test_pures_that_are_not_there_are_refused_with_what_was_meant(shop: Shop) -> None:
    (shop.folder / "rates.opord").write_text(RATES)
    (shop.folder / "rates_near.py").write_text("class Mine:\n    def rates(self, id):\n        return 1\n")
    name = shop.process("simulate", "rates.opord", "--pure", "rates_near:Mime")
    assert (name.status, name.err) == (
        2,
        "error[handlers_unknown]: `rates_near` has no `Mime`; did you mean `Mine`?\n",
    )
    method = shop.process("simulate", "rates.opord", "--pure", "rates_near:Mine")
    assert method.status == 1
    assert "`Mine.rates` is not a call of Rates; did you mean `rate`?" in method.err


def test_a_single_run_prints_its_story(shop: Shop) -> None:
    said = shop.opord("simulate", "desk.opord", "--runs", "1")
    assert "started" in said.out.splitlines()[0]
    assert "1 run explored, seed 0" in said.out


@pytest.mark.parametrize("columns", [80, 110])
def test_the_output_fits_a_terminal(shop: Shop, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    from opord.cli import simulate

    (shop.folder / "stuck.opord").write_text(STUCK)
    monkeypatch.setattr(simulate, "on_terminal", lambda: True)
    monkeypatch.setattr(simulate, "width", lambda: columns)
    out = shop.opord("simulate", "stuck.opord", "--runs", "2").out
    assert max(map(len, out.splitlines())) <= columns


def test_colours_are_used_on_request(shop: Shop) -> None:
    assert "\x1b[32m" in shop.opord("simulate", "desk.opord", "--runs", "5", "--color", "always").out
    assert output.STATUS_STYLES["success"] == "green"


REFUSED = [
    (["nowhere.opord"],                     2, "error[file]: nowhere.opord: No such file"),
    (["dsk.opord"],                         2, "did you mean `desk.opord`?"),
    (["wrong.opord"],                       1, "error[contract_refused]: wrong.opord has errors"),
    (["types.opord"],                       1, "types.opord has only types and no contract"),
    (["grown.opord"],                       1, "error[value_too_large]: the smallest value of R40 has 3,298,534,883,327 parts"),
    (["child.opord"],                       1, "error[contract_refused]: child.opord has errors"),
    (["desk.opord", "--runs", "0"],         2, "0 is not in the range"),
    (["desk.opord", "--runs", "-3"],        2, "-3 is not in the range"),
    (["desk.opord", "--seed", "-1"],        2, "-1 is not in the range"),
    (["desk.opord", "--seed", "9" * 40],    2, "is not in the range"),
    (["desk.opord", "--runs", "many"],      2, "'many' is not a valid integer"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "status", "told"), REFUSED, ids=lambda value: str(value)[:40])
def test_bad_input_is_refused(shop: Shop, arguments: list[str], status: int, told: str) -> None:
    (shop.folder / "wrong.opord").write_text("contract C(a: int)\ninitial state A -> B { goto B }\n")
    (shop.folder / "types.opord").write_text("record R { a: int }\n")
    (shop.folder / "child.opord").write_text(
        'contract C(a: int)\ninitial state A -> B { run "x.opord" X(a)\n  when X.Done -> goto B }\nfinal state B success\n'
    )
    doubled = "".join(f"record R{n} {{ a: R{n - 1}, b: R{n - 1} }}\n" for n in range(1, 41))
    (shop.folder / "grown.opord").write_text(
        f"contract C(id: str, r: R40) key id\nrecord R0 {{ x: int }}\n{doubled}"
        "initial state A -> B { goto B }\nfinal state B success\n"
    )
    said = shop.opord("simulate", *arguments)
    assert (said.status, told in said.err) == (status, True), said.err
    assert said.out == ""


def test_the_findings_of_a_contract_with_errors_are_shown(shop: Shop) -> None:
    (shop.folder / "wrong.opord").write_text("contract C(a: int)\ninitial state A -> B { goto B }\n")
    assert "error[OP" in shop.opord("simulate", "wrong.opord").err


def test_ctrl_c_prints_the_results_so_far(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from opord.cli import simulate

    def pressed_after_seven(done: int) -> None:
        if done == 7:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(simulate, "_progress", lambda runs: pressed_after_seven)
    said = shop.opord("simulate", "desk.opord", "--runs", "1000000")
    assert (said.status, said.err) == (130, "")
    assert said.out.startswith("Desk, version 1  7 of 1,000,000 runs explored, seed 0\n")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
