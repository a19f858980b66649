"""The TextMate grammar, read by the engine of editors.

The tests check marked words, and every name of every contract in the repository.

In `grammar/*.opord` a comment below a line gives the scope above its `^`. `#<---` marks the first
column. `!` before a scope means that the scope is not there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from opord.language.syntax import tokens as lexed
from opord.language.syntax.source import Source
from opord.language.words import Word
from opord.language.words.table import WORDS
from opord.language.words.textmate import grammar
from opord.lsp.analysis import Analysis
from opord.lsp.index import SymbolKind
from tests.editors.engine import GRAMMAR, ROOT, Token, tokenize

MARKED = sorted((Path(__file__).parent / "grammar").glob("*.opord"))
CONTRACTS = [
    *sorted((ROOT / "src" / "opord" / "examples").rglob("*.opord")),
    *sorted((ROOT / "examples").rglob("*.opord")),
    *sorted((ROOT / "tests" / "language" / "good").rglob("*.opord")),
    *sorted((ROOT / "tests" / "codegen" / "golden").glob("*.opord")),
    ROOT / "tests" / "language" / "sheet" / "odd.opord",
]
BY_PATH = pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: str(path.relative_to(ROOT)))

_MARK = re.compile(r"#(?:(<-*)|( *)(\^+)) (!?)([a-z.-]+)$")


@pytest.fixture(scope="module")
def read() -> dict[str, list[Token]]:
    """Every contract, read with the grammar in one run."""
    paths = [*MARKED, *CONTRACTS]
    return tokenize({str(path): path.read_text(encoding="utf-8") for path in paths})


def at(tokens: list[Token], line: int, column: int) -> Token:
    return next(token for token in tokens if token.line == line and token.start <= column < token.end)


@pytest.mark.parametrize("path", MARKED, ids=lambda path: path.stem)
def test_marked_words_have_the_marked_scope(path: Path, read: dict[str, list[Token]]) -> None:
    lines, tokens = path.read_text(encoding="utf-8").split("\n"), read[str(path)]
    marks, line = 0, 0
    for number, text in enumerate(lines):
        mark = _MARK.fullmatch(text)
        if mark is None:
            line = number
            continue
        begin = 0 if mark[1] else 1 + len(mark[2])
        for column in range(begin, begin + len(mark[1] or mark[3])):
            token = at(tokens, line, column)
            place = f"{path.name}:{line + 1}:{column + 1} `{token.text}`"
            assert token.has(mark[5]) is (mark[4] == ""), f"{place}: {mark[4]}{mark[5]} in {token.scopes}"
        marks += 1
    assert marks > 10


def test_golden_the_grammar_is_made_of_its_template_and_the_table_of_words() -> None:
    made = grammar(GRAMMAR.with_name("grammar.template.json").read_text(encoding="utf-8"))
    if os.environ.get("OPORD_GOLDEN"):
        GRAMMAR.write_text(made, encoding="utf-8")
    assert GRAMMAR.read_text(encoding="utf-8") == made


OF_THE_LANGUAGE = ("keyword", "storage", "support", "constant.language", "variable.language")
# They look like names that the contract declares.
LIKE_DECLARED = {
    "built-in event": "entity.name.function.event",
    "built-in failure": "variable.other.enummember",
}


def example_of(word: Word) -> str:
    """Write the example of a word in a contract where the word is allowed."""
    if word.example.partition(" ")[0] in lexed.DECLARATION_WORDS:
        return word.example
    match word.places[0]:
        case "policy" | "doubt" | "policy part" | "doubt value":
            return f"action a() {{\n  {word.example}\n}}"
        case "type" | "collection" | "type modifier" | "literal":
            return f"record R {{\n  {word.example}\n}}"
        case "pattern" | "built-in failure":
            return f"state S -> T {{\n  match x {{\n    {word.example}\n  }}\n}}"
        case "function" | "copy":
            return f"state S -> T {{\n  let x = {word.example}\n}}"
        case _:  # open: the others belong in a body
            return f"state S -> T {{\n  {word.example}\n}}"


def test_every_word_of_the_table_has_a_colour_in_its_example() -> None:
    examples = {f"{word.text}, {word.places[0]}": example_of(word) for word in WORDS}
    assert len(examples) == len(WORDS)
    read = tokenize(examples)
    for word in WORDS:
        name = f"{word.text}, {word.places[0]}"
        spots = Spots(examples[name], read[name])
        scopes = (LIKE_DECLARED[word.places[0]],) if word.places[0] in LIKE_DECLARED else OF_THE_LANGUAGE
        found = re.finditer(rf"\b{word.text}\b", examples[name])
        tokens = [spots.at(each.start()) for each in found]
        assert any(token.has(scope) for token in tokens for scope in scopes), f"{name}: {tokens}"


SCOPES: dict[str, str] = {
    lexed.TEXT: "string.quoted.double",
    lexed.TEXT_START: "string.quoted.double",
    lexed.TEXT_MIDDLE: "string.quoted.double",
    lexed.TEXT_END: "string.quoted.double",
    lexed.DURATION: "constant.numeric.duration",
    lexed.INT: "constant.numeric.integer",
    lexed.NUMBER: "constant.numeric.fraction",
    "true": "constant.language",
    "false": "constant.language",
    "none": "constant.language",
    "->": "keyword.operator.arrow",
}


@BY_PATH
def test_the_grammar_sees_the_tokens_that_the_language_sees(path: Path, read: dict[str, list[Token]]) -> None:
    analysis = Analysis(Source(str(path), path.read_text(encoding="utf-8")))
    spots = Spots(analysis.text, read[str(path)])
    known = analysis.tokens
    seen = 0
    for kind, start in zip(known.kinds, known.starts, strict=True):
        scope = SCOPES.get(kind, "keyword" if kind in lexed.RESERVED else "")
        if scope:
            seen += 1
            assert spots.at(start).has(scope), f"{spots.told(start)}: no {scope}"
        if kind != lexed.END:
            assert not spots.at(start).has("comment"), f"{spots.told(start)}: taken for a comment"
            assert not spots.at(start).has("invalid"), f"{spots.told(start)}: taken for a mistake"
    for comment in known.comments:
        assert spots.at(comment.span[0]).has("comment"), f"{spots.told(comment.span[0])}: no comment"
    assert seen > 0 or "contract" not in analysis.text


KINDS: dict[SymbolKind, tuple[str, ...]] = {
    "contract": ("entity.name.type.contract",),
    "record": ("entity.name.type",),
    "enum": ("entity.name.type",),
    "failure": ("entity.name.type",),
    "variant": ("variable.other.enummember",),
    "role": ("entity.name.tag.role",),
    "event": ("entity.name.function.event",),
    "pure": ("entity.name.function",),
    "effect": ("entity.name.function",),
    "action": ("entity.name.function",),
    "state": ("entity.name.class.state",),
    "phase": ("entity.name.namespace.phase",),
}


@BY_PATH
def test_the_grammar_gives_every_name_its_kind(path: Path, read: dict[str, list[Token]]) -> None:
    source = Source(str(path), path.read_text(encoding="utf-8"))
    analysis = Analysis(source, read=lambda used: Path(used).read_bytes())
    spots = Spots(analysis.text, read[str(path)])
    for occurrence in analysis.index.occurrences:
        start, end = occurrence.span
        kind = analysis.index.symbols[occurrence.places[0]].kind
        wanted = KINDS.get(kind, ("variable",))
        name = analysis.text[start:end]
        if kind == "variant" and name[0].islower():
            wanted = (
                "variable",
                "entity.name.function",
            )  # in an expression it looks like a variable or a call
        token = spots.at(start)
        assert any(token.has(scope) for scope in wanted), f"{spots.told(start)} is a {kind}: {token.scopes}"
        assert token.text == name, f"{spots.told(start)}: `{token.text}` is read as one"
    assert analysis.index.occurrences


class Spots:
    """Finds the token at an offset in a text."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self._starts = [0]
        for line in text.split("\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._tokens: dict[int, list[Token]] = {}
        for token in tokens:
            self._tokens.setdefault(token.line, []).append(token)
        self._text = text

    def at(self, offset: int) -> Token:
        line = self._text.count("\n", 0, offset)
        column = offset - self._starts[line]
        return at(self._tokens[line], line, column)

    def told(self, offset: int) -> str:
        line = self._text.count("\n", 0, offset)
        return f"{line + 1}:{offset - self._starts[line] + 1} `{self.at(offset).text}`"
