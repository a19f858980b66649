"""Hostile texts: deep, long, strange, or many at once.

Each is answered in work linear in its size.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable
from types import FrameType

import pytest

from opord.language import CheckResult, check_source, check_text
from opord.language.diagnostics.model import FINDINGS_MAX_IN_ALL
from opord.language.flow import graph, repeated_keys
from opord.language.lowering import context
from opord.language.rules import commit_in_a_cycle, restarted_timer, unanswered_action
from opord.language.syntax.source import MAX_SOURCE_BYTES, Source
from tests.fuzz.families import FAMILIES
from tests.fuzz.properties import FILE, hold, hold_findings, read_used

END = "final state Over success\n"


def acting(body: str, *, more: str = "") -> str:
    return f"contract C(a: int)\n{more}initial state A -> Over {{\n{body}\ngoto Over\n}}\n{END}"


def answered(text: str | bytes) -> CheckResult:
    """Check a text; assert that every finding has a place and words."""
    source = Source.from_bytes(FILE, text) if isinstance(text, bytes) else Source(FILE, text)
    result = check_source(source, read=read_used)
    hold_findings(result)
    return result


def codes(text: str | bytes) -> list[str]:
    return [each.code.id for each in answered(text).errors]


# --- Deep -----------------------------------------------------------------------------------------

DEEP = 10_000
NESTED: dict[str, Callable[[int], str]] = {
    "parentheses": lambda n: acting(f"let x = {'(' * n}a{')' * n}"),
    "lists": lambda n: acting(f"let x = {'[' * n}a{']' * n}"),
    "indexes in indexes": lambda n: acting(f"let x = {'a[' * n}0{']' * n}"),
    "slices in slices": lambda n: acting(f"let x = {'a[0:' * n}0{']' * n}"),
    "calls in calls": lambda n: acting(f"let x = {'abs(' * n}1{')' * n}"),
    "records in records": lambda n: acting(f"let x = {'R { r: ' * n}a{' }' * n}"),
    "withs in withs": lambda n: acting(f"let x = {'a with { r: ' * n}a{' }' * n}"),
    "choices in choices": lambda n: acting(f"let x = {'if true then ' * n}1{' else 2' * n}"),
    "choices in conditions": lambda n: acting(f"let x = {'if ' * n}true{' then 1 else 2' * n}"),
    "texts in texts": lambda n: acting("let x = " + '"{' * n + "a" + '}"' * n),
    "minus": lambda n: acting(f"let x = {'- ' * n}1"),
    "not": lambda n: acting(f"let x = {'not ' * n}true"),
    "otherwise": lambda n: acting(f"let x = a{' ?? a' * n}"),
    "plus": lambda n: acting(f"let x = 1{' + 1' * n}"),
    "and": lambda n: acting(f"let x = true{' and true' * n}"),
    "fields": lambda n: acting(f"let x = a{'.b' * n}"),
    "indexes": lambda n: acting(f"let x = a{'[0]' * n}"),
    "calls": lambda n: acting(f"let x = a{'()' * n}"),
    "withs": lambda n: acting(f"let x = a{' with { b: 1 }' * n}"),
    "if": lambda n: acting("if a > 1 {\n" * n + "}\n" * n),
    "else if": lambda n: acting("if a > 1 {\n}" + " else if a > 1 {\n}" * n),
    "match": lambda n: acting("match a {\n1 -> " * n + "goto Over" + "\n}" * n),
    "match in blocks": lambda n: acting("match a {\n1 -> {\n" * n + "goto Over" + "\n}\n}" * n),
    "else of a call": lambda n: acting("perform f() else {\nX -> " * n + "goto Over" + "\n}" * n),
    "phases": lambda n: "contract C()\n" + "phase P {\n" * n + "}\n" * n,
    "lists of lists": lambda n: f"contract C(a: {'list[' * n}int{']' * n})\n",
    "maps of maps": lambda n: f"contract C(a: {'map[str, ' * n}int{']' * n})\n",
    "secrets of secrets": lambda n: f"contract C(a: {'secret ' * n}int)\n",
    "lists of optionals": lambda n: f"contract C(a: {'list[' * n}int{'?]' * n})\n",
}
# Several marks on one type are not nesting, and have their own finding.
FLAT = {"optionals": lambda n: f"contract C(a: int{'?' * n})\n"}


@pytest.mark.parametrize("name", NESTED)
def test_ten_thousand_levels_are_a_finding(name: str) -> None:
    found = codes(NESTED[name](DEEP))
    assert found
    assert "OP009" in found or name == "phases"


@pytest.mark.parametrize("name", NESTED)
def test_the_deepest_accepted_text_can_be_written_as_python(name: str) -> None:
    deepest = bisect_left(range(1, 101), True, key=lambda n: "OP009" in codes(NESTED[name](n)))
    assert deepest >= 12
    hold(NESTED[name](deepest))


@pytest.mark.parametrize("name", NESTED)
def test_the_first_half_of_a_deep_text_is_a_finding(name: str) -> None:
    text = NESTED[name](DEEP)
    assert codes(text[: len(text) // 2])


def test_ten_thousand_marks_on_a_type_are_a_finding() -> None:
    assert codes(FLAT["optionals"](DEEP))


# --- Large ----------------------------------------------------------------------------------------


def test_a_file_of_one_mebibyte_is_read_and_one_more_byte_is_refused() -> None:
    text = acting("let x = a").encode()
    whole = text + b"#" * (MAX_SOURCE_BYTES - len(text))
    assert codes(whole) == []
    assert codes(whole.decode()) == []
    assert codes(whole + b"#") == ["OP001"]
    assert codes(whole.decode() + "#") == ["OP001"]
    assert "1 MiB" in answered(whole + b"#").errors[0].message


def test_the_limit_counts_bytes_not_letters() -> None:
    letters = "é" * (MAX_SOURCE_BYTES // 2)
    assert codes(f"# {letters}") == ["OP001"]
    assert "OP001" not in codes(f"#{letters[:-1]}")


def repeated(line: str) -> str:
    """Repeat a line (with `{i}` as a counter) up to the limit of a file."""
    lines, size = [], 0
    for i in range(MAX_SOURCE_BYTES):
        lines.append(line.format(i=i, next=i + 1))
        size += len(lines[-1])
        if size > MAX_SOURCE_BYTES - 300:
            return "".join(lines[:-1])
    raise AssertionError("a line has no length")


@pytest.mark.parametrize("line", ["state S{i} -> S{next} {{\n}}\n", "goto Over\n", "goto B{i}\n", "a "])
def test_a_full_file_of_one_repeated_line_has_a_limited_number_of_findings(line: str) -> None:
    full = repeated(line)
    result = answered(f"contract C()\n{full}" if "state" in line else acting(full))
    assert 1 <= len(result.diagnostics) <= FINDINGS_MAX_IN_ALL + 1


# --- Strange --------------------------------------------------------------------------------------

STRANGE = {
    "a NUL": ("contract C()\0", ["OP003"]),
    "a form feed": (acting("let x =\x0c a"), ["OP004"]),
    "a vertical tab": (acting("let x =\x0b a"), ["OP004"]),
    "a lone return": (acting("let x = a\rlet y = a"), ["OP004"]),
    "a line separator": (acting("let x = a\u2028let y = a"), ["OP004"]),
    "a Cyrillic letter": (acting("let x = \u0430"), ["OP004"]),
    "a name composed": (acting("let caf\u00e9 = a"), ["OP004"]),
    "a name decomposed": (acting("let cafe\u0301 = a"), ["OP004"]),
    "a zero width space": (acting("let x\u200b = a"), ["OP004"]),
    "a zero width joiner": (acting("let x\u200d = a"), ["OP004"]),
    "a mark from right to left": (acting("let x = a \u202e"), ["OP004"]),
    "a byte order mark inside": (acting("let x = a\ufeff"), ["OP004"]),
    "wide digits": (acting("let x = \uff11"), ["OP007"]),
    "half a pair": (acting('let x = "\ud800"'), ["OP002"]),
    "a huge int": (acting(f"let x = {'9' * 4300}"), ["OP206"]),
    "a huger int": (acting(f"let x = {'9' * 100_000}"), ["OP206"]),
    "a huge float": (acting(f"let x = {'9' * 4300}.5"), ["OP206"]),
    "a huge duration": (acting(f"let x = {'9' * 17}d"), ["OP206"]),
    "a huger duration": (acting(f"let x = {'9' * 4300}s"), ["OP008"]),
    "a huge timeout": (acting("", more=f"effect f(i: int) {{ timeout {'9' * 17}d }}\n"), ["OP206"]),
    "a huge retry": (acting("", more=f"effect f(i: int) {{ retry {'9' * 4300} times }}\n"), ["OP214"]),
    "a huge version": (f"contract C() version {'9' * 4300}\n", ["OP217"]),
    "a letter beyond all": (acting('let x = "\\u{FFFFFFFF}"'), ["OP006"]),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_text_is_reported(name: str) -> None:
    text, expected = STRANGE[name]
    assert set(codes(text)) & set(expected), codes(text)


def test_a_byte_order_mark_and_crlf_line_ends_are_accepted() -> None:
    text = acting("let x = a\nif x > 1 { goto Over }")
    assert codes("\ufeff" + text) == []
    assert codes(text.replace("\n", "\r\n")) == []
    assert codes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()) == []


@pytest.mark.parametrize("at", ["start", "middle", "end"])
def test_invalid_utf_8_is_reported_at_its_place(at: str) -> None:
    text = acting("let x = a").encode()
    start = {"start": 0, "middle": text.index(b"let"), "end": len(text)}[at]
    result = answered(text[:start] + b"\xff" + text[start:])
    assert [each.code.id for each in result.errors] == ["OP002"]
    assert result.errors[0].place.line == {"start": 1, "middle": 3, "end": 7}[at]


LONG = {
    "a line": f"# {'x' * 100_000}\n" + acting("let x = a"),
    "a name": acting(f"let {'x' * 100_000} = a"),
    "a text": acting(f'let x = "{"y" * 100_000}"'),
    "an unknown name": acting(f"let x = {'y' * 100_000}"),
    "an open text": acting(f'let x = "{"y" * 100_000}'),
    "an open comment": acting("let x = a") + "#" * 100_000,
    "a used path": f'use "{"a/" * 50_000}b.opord" {{ T }}\n' + acting("let x = a"),
}


@pytest.mark.parametrize("name", LONG)
def test_a_finding_about_a_long_text_has_a_message_of_limited_length(name: str) -> None:
    result = answered(LONG[name])
    assert all(len(each.message) < 101_000 for each in result.diagnostics)


# --- Growth ---------------------------------------------------------------------------------------


def work(text: str) -> int:
    """Return the number of Python and built-in function calls in a check of a text."""
    count = 0

    def counting(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        check_text(text)
    finally:
        sys.setprofile(before)
    return count


# Work stops growing where a search gives up. With smaller limits a search gives up early, so the
# test sees all of it.
@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "MOVES_MAX", 3_000)
    monkeypatch.setattr(context, "_COMPARED_MAX", 500)
    monkeypatch.setattr(commit_in_a_cycle, "WAYS_SHOWN_MAX", 5)
    monkeypatch.setattr(unanswered_action, "WAYS_SHOWN_MAX", 5)
    monkeypatch.setattr(restarted_timer, "WAYS_SHOWN_MAX", 5)
    monkeypatch.setattr(repeated_keys, "_WORK_MAX", 20_000)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("name", FAMILIES)
def test_twice_the_text_takes_about_twice_the_work(name: str) -> None:
    one, two = (work(FAMILIES[name](size)) for size in (120, 240))
    # A fixed cost, such as a search that gives up, may weigh more at first.
    assert two <= 2.6 * one + 2_000


def test_two_hundred_matches_in_a_row_are_checked() -> None:
    """There are too many paths to count: 4 to the power of 200."""
    assert work(FAMILIES["sequential ifs"](200)) < 400_000
    calls = "failure F { X, Y }\neffect look(i: int) -> int fails F\n"
    body = "".join(
        f"match perform look({i}) {{\nok x -> if x > a {{ goto Over }}\nX -> {{\nlet y{i} = a\n}}\nY -> goto Over\n}}\n"
        for i in range(200)
    )
    result = answered(acting(body, more=calls))
    assert result.errors == []
