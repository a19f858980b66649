"""The extension for VS Code: its manifest, its snippets and its views."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

import opord
from opord.language import check_text, words
from opord.language.syntax.lexer import lex
from opord.language.syntax.source import Source
from opord.language.words import WordPlace
from opord.language.words.table import WORDS
from tests.editors.engine import EXTENSION, check_script, run_extension

MANIFEST: dict[str, Any] = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
CONTRIBUTES: dict[str, Any] = MANIFEST["contributes"]
SNIPPETS: dict[str, Any] = json.loads((EXTENSION / "snippets" / "opord.json").read_text(encoding="utf-8"))
INSIDE_VALUES: set[WordPlace] = {
    "type", "collection", "type modifier", "function", "value", "doubt value", "built-in event", "built-in failure",
    "operator", "copy", "choice", "literal",
}  # fmt: skip
"""The words of these places are parts of types and values. No snippet is about them."""

LEFT_TO_COMPLETION = {
    "ask",
    "at",
    "at most",
    "at most once",
    "eventually",
    "every run ends",
    "except",
    "fails",
    "if",
    "ignore",
    "in transaction",
    "keep",
    "never",
    "no wait is endless",
    "repeat",
    "repeatable",
    "report",
    "shared because",
    "skip",
    "some",
    "stands because",
    "undoes",
    "within",
}
"""The words that no snippet shows. The server's completion offers them where they may stand."""

SCRIPTS = sorted(path for path in EXTENSION.rglob("*.js") if "node_modules" not in path.parts)


def test_the_manifest_names_existing_files_and_the_version_of_opord() -> None:
    assert MANIFEST["version"] == opord.__version__
    copied = (EXTENSION / "build" / "copy-grammar.js").read_text(encoding="utf-8")
    named = [
        MANIFEST["main"],
        CONTRIBUTES["languages"][0]["configuration"],
        CONTRIBUTES["snippets"][0]["path"],
    ]
    assert all((EXTENSION / name).is_file() for name in named)
    grammar = Path(CONTRIBUTES["grammars"][0]["path"])
    assert grammar.name in copied  # it is copied when the extension is packed
    assert (EXTENSION.parent / "textmate" / grammar.name).is_file()
    json.loads((EXTENSION / "language-configuration.json").read_text(encoding="utf-8"))


def test_the_settings_that_are_read_are_the_declared_ones() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    read = {f"opord.{name}" for name in re.findall(r"settings\.get\('([\w.]+)'", text)}
    # The client reads its own trace setting, under the name that it was given.
    assert read | {"opord.trace.server"} == set(CONTRIBUTES["configuration"]["properties"])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_read(script: Path) -> None:
    assert check_script(script) == ""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return run_extension()


def test_offered_commands_exist(told: dict[str, Any]) -> None:
    offered = {command["command"] for command in CONTRIBUTES["commands"]}
    # The server's code lenses have a command that is not offered by name.
    assert set(told["commands"]) == {*offered, "opord.showReferences"}


def test_the_server_is_started_where_the_setting_says(told: dict[str, Any]) -> None:
    assert told["started"] == [["/shop/.venv/bin/opord", "lsp"]]
    assert told["errors"] == []


def test_a_server_that_does_not_start_is_reported_with_the_next_move() -> None:
    (said,) = run_extension("missing")["errors"]
    assert "could not be started: spawn ENOENT" in said
    assert 'pip install "opord[lsp]"' in said


def test_the_diagram_is_drawn_again_once_for_changes_that_come_together(told: dict[str, Any]) -> None:
    asked = [method for method, _ in told["requests"] if method == "opord/diagram"]
    assert len(asked) == 2
    assert told["posted"] == [{"svg": "<svg/>"}] * 2


def test_a_click_shows_only_lines_of_the_contract(told: dict[str, Any]) -> None:
    assert told["revealed"] == [41]


def test_the_page_of_the_diagram_runs_one_script_and_fetches_nothing(told: dict[str, Any]) -> None:
    html = told["html"]
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    (nonce,) = set(re.findall(r'nonce="([^"]*)"', html))
    assert policy == f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'"
    assert len(nonce) >= 22
    assert html.count("<script") == 1
    assert "unsafe" not in html


def test_the_sheet_is_shown_or_a_refusal_in_its_place(told: dict[str, Any]) -> None:
    assert told["sheet"] == "# Sheet"
    assert told["refused"] == "*the contract cannot be explained: it has 1 error*\n"
    assert "markdown.showPreviewToSide" in told["executed"]


def snippet_text(name: str) -> str:
    """Return a snippet with its gaps filled in."""
    body = "\n".join(SNIPPETS[name]["body"])
    for pattern, filled in (
        (r"\$\{\d+:([^{}]*)\}", r"\1"),
        (r"\$\{\d+\|([^,|]*)[^|]*\|\}", r"\1"),
        (r"\$\d+", ""),
    ):
        body = re.sub(pattern, filled, body)
    assert "$" not in body
    return body


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_is_written_in_the_language(name: str) -> None:
    body = snippet_text(name)
    if name in ("Match a commit", "Perform"):
        body = f"state Inside -> Next {{\n{body}\n}}"
    syntax = [finding for finding in check_text(body).diagnostics if finding.rule == "syntax"]
    if name != "Contract":
        syntax = [finding for finding in syntax if "contract" not in finding.message]
    assert syntax == []


def words_in_snippets() -> set[str]:
    """Return the words of the language that the snippets show, with all choices of their gaps."""
    bodies = ["\n".join(snippet["body"]) for snippet in SNIPPETS.values()]
    choices = re.findall(r"\$\{\d+\|([^|]*)\|\}", "\n".join(bodies))
    texts = [*map(snippet_text, SNIPPETS), *",".join(choices).split(",")]
    shown: set[str] = set()
    for text in texts:
        tokens = lex(Source("snippet.opord", text))[0].texts
        shown |= {word.text for index in range(len(tokens)) for word in words.describing(tokens, index)}
    return shown


def test_each_declaration_has_a_snippet() -> None:
    declarations = {word.text for word in words.at("file", "phase") if not word.later}
    assert declarations <= {snippet["prefix"] for snippet in SNIPPETS.values()}


def test_each_prefix_begins_with_a_word_of_the_language() -> None:
    starts = words.texts("file", "phase", "statement")
    strange = [one["prefix"] for one in SNIPPETS.values() if not any(map(one["prefix"].startswith, starts))]
    assert strange == []


def test_the_places_that_no_snippet_is_about_are_places_of_the_table() -> None:
    assert set(get_args(WordPlace)) > INSIDE_VALUES


def test_each_word_is_shown_by_a_snippet_or_left_to_completion() -> None:
    table = {word.text for word in WORDS if not word.later and not INSIDE_VALUES.issuperset(word.places)}
    shown = table & words_in_snippets()
    assert shown | LEFT_TO_COMPLETION == table
    assert shown.isdisjoint(LEFT_TO_COMPLETION)
