"""The alert rules: their form, and that they name metrics and labels that there are."""

from __future__ import annotations

import re
from typing import Any

import promql_parser
import pytest
import yaml

from opord.kernel.rows import NEED_REASONS
from opord.telemetry.families import FAMILIES
from tests.support.pages import ROOT

FILE = ROOT / "docs" / "alerts" / "opord.rules.yml"
GROUPS: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
BY_SERIES = {series: family for family in FAMILIES for series in family.series}
OF_PROMETHEUS = {"instance", "job"}
EACH = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


def test_the_groups_have_names_of_their_own_and_nothing_that_prometheus_does_not_know() -> None:
    names = [group["name"] for group in GROUPS]
    assert len(set(names)) == len(names)
    assert all(group.keys() == {"name", "rules"} for group in GROUPS)
    alerts = [rule["alert"] for rule in RULES]
    assert len(set(alerts)) == len(alerts)


@EACH
def test_a_rule_has_the_form_that_prometheus_reads(rule: dict[str, Any]) -> None:
    assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"[A-Z]\w+", rule["alert"])
    assert re.fullmatch(r"\d+[smhd]", rule["for"])
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"].keys() == {"summary", "description"}
    promql_parser.parse(rule["expr"])


@EACH
def test_a_rule_names_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    named = re.findall(r"\b(opord_\w+)(?:\{([^}]*)\})?", rule["expr"])
    assert named
    for series, matchers in named:
        family = BY_SERIES[series]
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        grouped = {
            word.strip() for by in re.findall(r"by \(([^)]*)\)", rule["expr"]) for word in by.split(",")
        }
        known = {*family.labels, *OF_PROMETHEUS, *(["le"] if series.endswith("_bucket") else [])}
        assert labels <= set(family.labels)
        assert grouped <= known


@EACH
def test_a_rule_speaks_only_of_labels_that_its_alerts_have(rule: dict[str, Any]) -> None:
    grouped = {word.strip() for by in re.findall(r"by \(([^)]*)\)", rule["expr"]) for word in by.split(",")}
    said = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    assert said <= grouped - {"le"}


def test_every_need_has_a_rule() -> None:
    reasons = set(re.findall(r'reason="(\w+)"', FILE.read_text(encoding="utf-8")))
    assert reasons == set(NEED_REASONS)
