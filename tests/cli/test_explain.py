"""`opord explain` of findings and rules; for contracts see `test_contracts`."""

from __future__ import annotations

import pytest

import opord.language.compile  # noqa: F401 - importing it declares the codes
from opord.cli import finding_pages
from opord.language.diagnostics.model import Rule, registered_codes
from tests.cli.kit import Shop


def test_every_code_has_a_page(shop: Shop) -> None:
    for code in registered_codes():
        said = shop.opord("explain", code.id)
        assert (said.status, said.out.splitlines()[0]) == (0, f"# {code.id} {code.rule}: {code.title}")


def test_a_code_may_be_lower_case(shop: Shop) -> None:
    assert shop.opord("explain", "op203").out == shop.opord("explain", "OP203").out


def test_a_folder_named_like_a_rule_does_not_hide_the_rule(shop: Shop) -> None:
    (shop.folder / "flow").mkdir()
    assert shop.opord("explain", "flow").out.startswith("flow: errors\n")


@pytest.mark.parametrize(
    ("code", "near"), [("OP399", "OP311"), ("OP9", "OP009"), ("OP1103", "OP119"), ("OP506", "OP505, OP507")]
)
def test_similar_codes_are_suggested_for_an_unknown_one(shop: Shop, code: str, near: str) -> None:
    said = shop.opord("explain", code)
    assert said.status == 1
    assert said.err.startswith(f"error[code_unknown]: there is no finding {code}; similar codes are ")
    assert near in said.err


def test_a_rule_lists_its_findings(shop: Shop) -> None:
    said = shop.opord("explain", "exhaustive")
    assert said.out == (
        "exhaustive: errors\n\n"
        "  OP401  a failure nobody handles\n"
        "  OP402  a match that leaves something out\n"
        "  OP403  an arm that can never be taken\n"
        "  OP404  a handler that can never be taken\n"
        "\n`opord explain OP401` says more about the first of them.\n"
    )
    assert shop.opord("explain", "exhaustive", "--json").json[0] == {
        "code": "OP401",
        "severity": "error",
        "title": "a failure nobody handles",
    }


def test_a_rule_says_what_allows_its_warnings(shop: Shop) -> None:
    assert shop.opord("explain", "unanswered").out == (
        "unanswered: warnings, which `# opord: allow` can silence\n\n"
        "  OP807  a bad end after an action that was not undone (an `allow` names its actions)\n"
        "  OP811  an action that no other undoes before a bad end (only `stands because` allows it)\n"
        "\n`opord explain OP807` says more about the first of them.\n"
    )


@pytest.mark.parametrize("rule", [rule for kind in Rule.__args__ for rule in kind.__args__])
def test_every_rule_has_findings(shop: Shop, rule: str) -> None:
    assert "  OP" in shop.opord("explain", rule).out


def test_an_unknown_rule_is_wrong_usage(shop: Shop) -> None:
    said = shop.opord("explain", "exhaustve")
    assert (said.status, said.err) == (
        2,
        "error[subject_unknown]: there is no file and no rule `exhaustve`; did you mean `exhaustive`?\n",
    )


def test_a_page_is_rendered_on_a_terminal(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding_pages, "on_terminal", lambda: True)
    monkeypatch.setattr(finding_pages, "has_colour", lambda: False)
    out = shop.opord("explain", "OP401").out
    assert "```" not in out
    assert "OP401 exhaustive: a failure nobody handles" in out
    assert "\x1b[3" not in out
