"""What a contract says reaches no terminal, page or module raw: controls, hidden signs, quotes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.cli.kit import Shop
from tests.support.nasty import CONTRACT, raw

HANDLERS = (
    "class Handlers:\n    def seen(self, shape): return False\n    def act(self, text, *, call): pass\n"
)
COMMANDS = {
    "check": ("check", "nasty.opord"),
    "check --json": ("check", "nasty.opord", "--json"),
    "check sarif": ("check", "nasty.opord", "--format", "sarif"),
    "check github": ("check", "nasty.opord", "--format", "github"),
    "explain": ("explain", "nasty.opord"),
    "explain markdown": ("explain", "nasty.opord", "--format", "markdown"),
    "explain html": ("explain", "nasty.opord", "--format", "html"),
    "diagram svg": ("diagram", "nasty.opord", "--format", "svg"),
    "diagram dot": ("diagram", "nasty.opord", "--format", "dot"),
    "diagram mermaid": ("diagram", "nasty.opord", "--format", "mermaid"),
    "simulate": ("simulate", "nasty.opord", "--runs", "1"),
    "doctor": ("doctor",),
}


@pytest.fixture
def nasty(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    (shop.folder / "nasty.opord").write_text(CONTRACT, encoding="utf-8")
    (shop.folder / "desk.opord").unlink()
    monkeypatch.chdir(shop.folder)
    return shop


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_no_command_shows_a_text_raw(nasty: Shop, command: tuple[str, ...]) -> None:
    said = nasty.opord(*command)
    assert said.status in (0, 1), said.err
    assert len(said.out) > 100
    assert raw(said.out + said.err) == []


def test_a_page_has_no_tag_of_a_text(nasty: Shop) -> None:
    for form in ("html", "svg"):
        command = ("explain", "--format", "html") if form == "html" else ("diagram", "--format", "svg")
        out = nasty.opord(command[0], "nasty.opord", *command[1:]).out
        assert "<script>alert" not in out
        assert out.count("</svg>") <= 1


def test_a_generated_module_holds_texts_escaped_and_means_what_they_show(nasty: Shop) -> None:
    said = nasty.opord("gen", "nasty.opord", "-o", ".")
    assert said.status == 0, said.err
    module = Path("nasty.py").read_text(encoding="utf-8")
    assert raw(module) == []
    documented = [
        ast.get_docstring(node, clean=False) or ""
        for node in ast.walk(ast.parse(module))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    texts = [text for text in documented if "alert" in text]
    assert len(texts) > 6
    for text in texts:
        assert raw(text) == [], "a docstring is shown by help()"
        assert '"""' in text
        assert "\\x41" in text


def test_a_run_tells_its_story_without_raw_texts(nasty: Shop) -> None:
    (nasty.folder / "nasty_handlers.py").write_text(HANDLERS)
    started = nasty.opord(
        "runs", "start", "nasty.opord", "--input", '{"order": {"id": "o\\u001b[31m\\u202e"}}'
    )
    worked = nasty.process(
        "worker", "--contract", "nasty.opord", "--handlers", "nasty_handlers:Handlers", "--until-idle"
    )
    assert (started.status, worked.status) == (0, 0), started.err + worked.err
    run = nasty.opord("runs", "list", "--json").json
    name = (run["runs"] if isinstance(run, dict) else run)[0]["run"]
    told = nasty.opord("runs", "history", name)
    shown = nasty.opord("runs", "show", name)
    assert raw(started.out + worked.err + told.out + shown.out) == []
    assert "act" in told.out
