"""A filter with a name that nothing has says so; the verbs have the filters of `runs list`."""

from __future__ import annotations

import pytest

from tests.cli.kit import DESK, Shop

VERBS = (["list"], ["resume"], ["cancel"], ["terminate"], ["acknowledge"], ["resolve", "--did-not-happen"])


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (["--contract", "Dsk"], "there is no stored contract 'Dsk'; did you mean 'Desk'?"),
        (["--contract", "Invoice"], "there is no stored contract 'Invoice'; there are Desk"),
        (["--contract", "Desk", "--version", "3"], "there is no version 3 of Desk; there are 1"),
        (
            ["--contract", "Desk", "--state", "review"],
            "there is no state of Desk 'review'; did you mean 'Review'?",
        ),
        (["--state", "Revew"], "there is no state of a stored contract 'Revew'; did you mean 'Review'?"),
        (
            ["--contract", "Desk", "--data", "ordr.id=o1"],
            "there is no input or field of a state of Desk 'ordr'; did you mean 'order'?",
        ),
    ],
)
@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_a_name_that_no_stored_contract_has_is_told(
    shop: Shop, verb: list[str], filters: list[str], said: str
) -> None:
    shop.start("o1")
    answer = shop.opord("runs", *verb, *filters)
    assert (answer.status, answer.out) == (2, "")
    assert answer.err == f"error[name_unknown]: {said}\n"


@pytest.mark.parametrize(
    "filters",
    [
        ["--contract", "Desk", "--state", "Rejected"],
        ["--state", "Charged"],
        ["--data", "any.where=1"],
        ["--contract", "Desk", "--data", "customer=nobody"],
        ["--contract", "Desk", "--version", "1", "--outcome", "failure"],
    ],
)
def test_a_known_name_without_runs_is_no_mistake(shop: Shop, filters: list[str]) -> None:
    shop.start("o1")
    answer = shop.opord("runs", "list", *filters)
    assert (answer.status, answer.out, answer.err) == (0, "no runs\n", "")


def test_a_state_of_any_stored_version_is_known(shop: Shop) -> None:
    shop.start("o1")
    later = DESK.replace("version 1", "version 2").replace("Rejected", "Refused")
    (shop.folder / "desk.opord").write_text(later)
    shop.start("o2")
    for state in ("Rejected", "Refused"):
        assert shop.opord("runs", "list", "--contract", "Desk", "--state", state).out == "no runs\n"
    answer = shop.opord("runs", "list", "--contract", "Desk", "--version", "2", "--state", "Rejected")
    assert answer.status == 2


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--data", "order.id=o2"], ["Desk/o2"]),
        (["--started", "1h"], ["Desk/o2", "Desk/o1"]),
        (["--since-before", "1h"], []),
        (["--contract", "Desk", "--version", "1", "--data", "order.id=o1"], ["Desk/o1"]),
        (["--outcome", "success"], []),
    ],
)
def test_the_verbs_have_the_filters_of_the_list(shop: Shop, filters: list[str], found: list[str]) -> None:
    shop.start("o1", "o2")
    listed = [view["run"] for view in shop.opord("runs", "list", "--json", *filters).json]
    answer = shop.opord("runs", "terminate", "--dry-run", "--json", *filters)
    assert [one["run"] for one in answer.json] == listed == found


def test_a_time_alone_is_a_filter(shop: Shop) -> None:
    shop.start("o1")
    assert shop.opord("runs", "cancel", "--started", "1h").out.endswith("1 told to cancel\n")


def test_a_wrong_time_is_wrong_usage_of_every_verb(shop: Shop) -> None:
    for verb in VERBS:
        answer = shop.opord("runs", *verb, "--started", "yesterday")
        assert answer.status == 2, verb
        assert "--started: expected 90d" in answer.err
