"""A run that is named or moved wrongly is answered with what to type instead."""

from __future__ import annotations

import shlex

import pytest

from tests.cli.kit import Shop


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("desk/o1", "Desk/o1"),
        ("Dsk/o1", "Desk/o1"),
        ("Desk/O1", "Desk/o1"),
        ("desk/o1 ", "Desk/o1"),
        ("o1", "Desk/o1"),
        ("desk/o2", None),
        ("Invoice/o1", None),
        ("Desk/", None),
    ],
)
def test_an_unknown_run_is_answered_with_the_one_that_is_meant(
    shop: Shop, typed: str, meant: str | None
) -> None:
    shop.start("o1")
    hint = f"; did you mean '{meant}'?\n" if meant is not None else "; `opord runs list` lists the runs\n"
    for verb in (
        ["show"], ["history"], ["verify"], ["resume"], ["cancel"], ["terminate"], ["acknowledge"],
        ["resolve", "--did-not-happen"],
    ):  # fmt: skip
        said = shop.opord("runs", *verb, typed)
        assert (said.status, said.out) == (1, ""), verb
        assert said.err.startswith("error[run_unknown]: there is no run "), verb
        assert said.err.endswith(hint), (verb, said.err)
    said = shop.opord("runs", "send", typed, "approve", "--input", '{"note": "ok"}')
    assert said.err.endswith(hint)


def test_the_run_of_another_contract_is_not_suggested(shop: Shop) -> None:
    shop.start("o1")
    (shop.folder / "bill.opord").write_text(
        "contract Bill(id: str) key id version 1\ninitial state A -> B { goto B }\nfinal state B success\n"
    )
    shop.opord("runs", "start", "bill.opord", "--input", '{"id": "b1"}')
    assert "did you mean 'Bill/b1'?" in shop.opord("runs", "show", "bil/b1").err
    assert "did you mean" not in shop.opord("runs", "show", "Desk/b1").err


def in_place_of(shop: Shop, *verb: str) -> list[str]:
    """Return the commands that a refused verb names."""
    said = shop.opord("runs", *verb)
    assert said.status == 1
    assert "; instead, type `" in said.err, said.err
    return said.err.split("; instead, type ")[1].strip().strip("`").split("` or `")


def test_a_run_in_doubt_is_resolved_not_resumed(shop: Shop) -> None:
    shop.start("lost-1")
    shop.work()
    assert shop.view("lost-1")["status"] == "in_doubt"
    (wait,) = (one for one in shop.view("lost-1")["waiting_for"] if "verb" in one)
    resolve = f"opord runs resolve Desk/lost-1 --seen {wait['seen']}"
    for verb in ("resume", "retry", "acknowledge"):
        assert in_place_of(shop, verb, "Desk/lost-1") == [
            f"{resolve} --happened RESULT",
            f"{resolve} --did-not-happen",
        ]
    _, *words = shlex.split(in_place_of(shop, "resume", "Desk/lost-1")[1])
    assert shop.opord(*words).status == 0


def test_a_stalled_run_is_resumed_not_resolved(shop: Shop) -> None:
    shop.start("unpriced-1")
    shop.work()
    for verb in (["resolve", "--did-not-happen"], ["acknowledge"]):
        (resume,) = in_place_of(shop, *verb, "Desk/unpriced-1")
        assert resume == "opord runs resume Desk/unpriced-1"
    assert shop.opord(*resume.split()[1:]).status == 0


def test_a_run_that_needs_nobody_has_no_other_verb(shop: Shop) -> None:
    shop.start("o1")
    for verb in (["resume"], ["resolve", "--did-not-happen"], ["acknowledge"]):
        said = shop.opord("runs", *verb, "Desk/o1")
        assert (said.status, "instead" in said.err) == (1, False)


def test_a_run_that_cannot_be_cancelled_can_be_terminated(shop: Shop) -> None:
    (shop.folder / "bill.opord").write_text(
        "contract Bill(id: str) key id version 1\nevent pay\n"
        "initial state A -> B { on pay -> goto B\n after 9d -> goto B }\nfinal state B success\n"
    )
    shop.opord("runs", "start", "bill.opord", "--input", '{"id": "b1"}')
    said = shop.opord("runs", "cancel", "Bill/b1")
    assert "`opord runs terminate RUN` ends a run against its contract" in said.err
