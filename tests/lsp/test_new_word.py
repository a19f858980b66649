"""A word in the table is known everywhere: messages, editors and the grammar need only its row.

The test adds a row to the table of a copy of the package. A Python process of its own imports the
copy.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import opord
from tests.lsp.kit import CURSOR, DESK, ENDS, ROOT

ROW = """
    Word(
        "postpone", ("policy",), "How long the first attempt waits.", "postpone 5s",
        ("postpone D",), (Snippet("postpone", "wait before the first attempt", "postpone ${1:5s}"),), ("effect", "action"),
    ),
"""
ASK = """
import json, sys
from pathlib import Path
from opord.language.syntax.source import Source
from opord.language.words.textmate import grammar
from opord.lsp.analysis import Analysis
from opord.lsp.features.completion import complete
from opord.lsp.features.hover import hover

fresh, written, misspelt, unknown, template = json.load(sys.stdin)

def analysed(text):
    return Analysis(Source("desk.opord", text.replace("‸", ""))), text.find("‸")

def refused(text):
    [finding] = [each for each in analysed(text)[0].diagnostics if each.code.id == "OP032"]
    return [finding.message, finding.help, [edit.text for edit in finding.fix]]

known = hover(*analysed(written))
print(json.dumps({
    "offers": {each.label: [each.snippet, each.doc] for each in complete(*analysed(fresh))[1]},
    "hover": known and known.markdown,
    "misspelt": refused(misspelt),
    "unknown": refused(unknown),
    "grammar": grammar(template),
}))
"""
TABLE = Path("opord", "language", "words", "table.py")
POLICIES = "_POLICIES = ("


def in_effect(policy: str) -> str:
    return f"{DESK}\neffect extra(id: str) -> str {{\n  {policy}\n}}\n{ENDS}"


def asked(package: Path) -> dict[str, Any]:
    """Return what the package at a path offers, says and colours."""
    template = (ROOT / "editors" / "textmate" / "grammar.template.json").read_text(encoding="utf-8")
    texts = [
        in_effect(CURSOR),
        in_effect(f"post{CURSOR}pone 5s"),
        in_effect("postpon 5s"),
        in_effect("frobnicate 5s"),
        template,
    ]
    ran = subprocess.run(
        [sys.executable, "-c", ASK],
        input=json.dumps(texts), env={**os.environ, "PYTHONPATH": str(package)}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


@pytest.fixture(scope="module")
def with_it(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(Path(opord.__file__).parent, copy / "opord")
    table = (copy / TABLE).read_text(encoding="utf-8")
    assert table.count(POLICIES) == 1
    (copy / TABLE).write_text(table.replace(POLICIES, POLICIES + ROW), encoding="utf-8")
    return asked(copy)


@pytest.fixture(scope="module")
def without_it() -> dict[str, Any]:
    return asked(Path(opord.__file__).parent.parent)


def test_completion_offers_it_with_its_snippet_and_help(
    with_it: dict[str, Any], without_it: dict[str, Any]
) -> None:
    snippet, doc = with_it["offers"]["postpone"]
    assert snippet == "postpone ${1:5s}"
    assert "How long the first attempt waits." in doc
    assert "postpone" not in without_it["offers"]
    assert "retry" in without_it["offers"]


def test_hover_shows_its_form_and_help(with_it: dict[str, Any], without_it: dict[str, Any]) -> None:
    assert with_it["hover"].startswith("```opord\npostpone D\n```\n\nHow long the first attempt waits.")
    assert without_it["hover"] is None


def test_messages_name_it_where_a_policy_was_expected(
    with_it: dict[str, Any], without_it: dict[str, Any]
) -> None:
    policies = "`retry`, `timeout`, `key`, `repeatable` and `in doubt`"
    found, other = "expected a policy, but found `postpon`", "expected a policy, but found `frobnicate`"
    assert with_it["misspelt"] == [found, "did you mean `postpone`?", ["postpone"]]
    assert with_it["unknown"] == [other, f"the policies are `postpone`, {policies}", []]
    assert without_it["misspelt"] == [found, f"the policies are {policies}", []]


def test_the_grammar_has_a_rule_for_it(with_it: dict[str, Any], without_it: dict[str, Any]) -> None:
    rules = json.loads(with_it["grammar"])["repository"]["policies"]["patterns"]
    [rule] = [each for each in rules if "postpone" in each.get("match", "")]
    assert rule["captures"] == {
        "1": {"name": "keyword.other.policy.opord"},
        "2": {"name": "constant.numeric.duration.opord"},
    }
    assert "postpone" not in without_it["grammar"]
