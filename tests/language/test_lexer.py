"""The lexer: names, literals, texts with braces, and significant newlines."""

from __future__ import annotations

import pytest

from opord.language.syntax import tokens as t
from opord.language.syntax.lexer import duration_ms, lex
from opord.language.syntax.source import MAX_SOURCE_BYTES, Source


def kinds(text: str) -> list[str]:
    tokens, findings = lex(Source("t", text))
    assert not findings
    return tokens.kinds[: tokens.kinds.index(t.END)]


def finding_codes(text: str) -> list[str]:
    return [each.code.id for each in lex(Source("t", text))[1]]


def ends_a_line(text: str) -> bool:
    """Say whether the newline in `text` is significant."""
    tokens, _ = lex(Source("t", text))
    after = next(i for i in range(1, len(tokens.kinds)) if tokens.newlines[i])
    return tokens.newlines[after] == t.NEWLINE


def test_each_kind_of_literal_has_its_own_token_kind() -> None:
    assert kinds('42 10_000 2.5 "a" 48h 1h30m 250ms true none') == [
        t.INT, t.INT, t.NUMBER, t.TEXT, t.DURATION, t.DURATION, t.DURATION, "true", "none",
    ]  # fmt: skip


def test_keywords_of_declarations_are_names() -> None:
    assert kinds("key state by at on retry") == [t.NAME] * 6


def test_a_text_with_braces_contains_the_tokens_of_its_expressions() -> None:
    assert kinds('"a {b + "c {d}"} e"') == [
        t.TEXT_START, t.NAME, "+", t.TEXT_START, t.NAME, t.TEXT_END, t.TEXT_END,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ['"\\{ }"', '"\\u{1F600}"', '"\\\\"', '"\\""', '"}"'],
    ids=["escaped brace", "code point", "backslash", "quote", "closing brace alone"],
)
def test_escapes_open_no_braces(text: str) -> None:
    assert kinds(text) == [t.TEXT]


@pytest.mark.parametrize(
    "text",
    [
        "f(a\nb)",
        "[a\nb]",
        "a,\nb",
        "a =\nb",
        "a ->\nb",
        "a +\nb",
        "a and\nb",
        "not\na",
        "a -\nb",
        "a\n-> b",
        "a\n| b",
        "a\nand b",
        "a\nor b",
        "a\n+ b",
        "a\n== b",
        "a\n?? b",
        "a\n* b",
        "a\n<= b",
    ],
)
def test_a_newline_is_not_significant_where_the_line_continues(text: str) -> None:
    assert not ends_a_line(text)


@pytest.mark.parametrize(
    "text", ["a\nb", "a\n- b", "a\nin b", "a\n(b)", "a\n[b]", "a\n{", "(A {\nb })", "a\nnot b", "a\nelse"]
)
def test_a_newline_is_significant_elsewhere(text: str) -> None:
    assert ends_a_line(text)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("250ms", 250),
        ("10s", 10000),
        ("5m", 300000),
        ("48h", 172800000),
        ("7d", 604800000),
        ("1h30m", 5400000),
        ("1d2h3m4s5ms", 93784005),
    ],
)
def test_durations_are_milliseconds(text: str, ms: int) -> None:
    assert duration_ms(text) == ms


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('"abc', "OP005"), ('"a {b', "OP005"), ("10x", "OP008"), ("1.5h", "OP008"), ("30m1h", "OP008"),
        ("1h1h", "OP008"), ("1e5", "OP007"), ("1__0", "OP007"), ("a ; b", "OP036"), ("a && b", "OP036"),
        ("'a'", "OP036"), ("größe", "OP004"), ("a\u00a0b", "OP004"), ("$", "OP004"), ("a\rb", "OP004"),
    ],
)  # fmt: skip
def test_a_meaningless_sign_is_one_finding(text: str, code: str) -> None:
    assert finding_codes(text) == [code]


def test_an_unclosed_text_spoils_only_its_line() -> None:
    tokens, findings = lex(Source("t", 'let a = "b {c + "d {e\nlet f = 1'))
    assert len(findings) == 1
    assert tokens.texts[-7:-3] == ["let", "f", "=", "1"]


def test_columns_count_code_points_without_the_byte_order_mark() -> None:
    source = Source.from_bytes("t", '\ufeffa "😀" b'.encode())
    tokens, _ = lex(source)
    assert [source.position(start) for start in tokens.starts[:3]] == [(1, 1), (1, 3), (1, 7)]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"#" * (MAX_SOURCE_BYTES + 1), "OP001"),
        (b"role a\n# \xff", "OP002"),
        (b"role a\n# \x00", "OP003"),
    ],
    ids=["too large", "not UTF-8", "NUL"],
)
def test_bytes_that_are_not_text_are_refused(data: bytes, code: str) -> None:
    source = Source.from_bytes("t", data)
    assert [each.code.id for each in source.findings] == [code]
    assert source.refused


def test_a_file_of_exactly_one_mebibyte_is_read() -> None:
    assert not Source.from_bytes("t", b"#" * MAX_SOURCE_BYTES).refused


def test_the_place_of_a_bad_byte_is_its_line_and_column() -> None:
    (finding,) = Source.from_bytes("t", "é\nab\udcff".encode("utf-8", "surrogateescape")).findings
    assert (finding.place.line, finding.place.column) == (2, 3)
