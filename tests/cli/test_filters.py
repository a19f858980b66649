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
        (["--data", "order.id=o1", "--data", "order.id=o2"], ["Desk/o2", "Desk/o1"]),
        (["--data", "order.id=o1", "--data", "order.id=o2", "--outcome", "success"], []),
        (["--status", "running", "--status", "waiting"], ["Desk/o2", "Desk/o1"]),
        (["--contract", "Desk", "--version", "1", "--version", "2"], ["Desk/o2", "Desk/o1"]),
        (["--needs", "doubt", "--needs", "alarm"], []),
        (["--started", "2h..", "--started-before", "2026-01-01T00:00:00Z"], []),
        (["--due", "400d.."], []),
        (["--reason-has", "division"], []),
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


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (["--started", "7d..9d"], "--started: 7d..9d ends before it begins; write the earlier end first"),
        (["--since", ".."], "--since: expected a range with an end, as in 7d..2d or ..2d, got: '..'"),
        (["--due", "soon"], "--due: expected 90d, 12h, 4w or 2026-01-31T00:00:00Z, got: 'soon'"),
        (["--since-before", "1d..2h"], "--since-before: expected one end of a range, got: '1d..2h'"),
    ],
)
def test_a_range_that_is_none_says_what_is_one(shop: Shop, filters: list[str], said: str) -> None:
    shop.start("o1")
    answer = shop.opord("runs", "list", *filters)
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err


def test_a_list_has_the_short_names_of_all_filters(shop: Shop) -> None:
    shop.start("o1")
    assert [one["run"] for one in shop.opord("runs", "list", "--json", "--role", "manager").json] == []
    answer = shop.opord("runs", "list", "--role", "manger")
    assert answer.err == (
        "error[name_unknown]: there is no role 'manger' in a stored contract; did you mean 'manager'?\n"
    )
    assert shop.opord("runs", "list", "--reason", "division").out == "no runs\n"


def test_a_list_in_another_order_goes_on_where_the_page_before_ended(shop: Shop) -> None:
    shop.start("o1", "o2", "o3")
    usual = [one["run"] for one in shop.opord("runs", "list", "--json").json]
    longest = shop.opord("runs", "list", "--sort", "since", "--limit", "2", "--json")
    assert [one["run"] for one in longest.json] == usual[::-1][:2]
    place = longest.err.partition("--after ")[2].split()[0]
    rest = shop.opord("runs", "list", "--sort", "since", "--after", place, "--json")
    assert [one["run"] for one in rest.json] == usual[:1]
    answer = shop.opord("runs", "list", "--sort", "name")
    assert answer.status == 2
    assert "'-started', '-since', 'since', 'due'" in answer.err
