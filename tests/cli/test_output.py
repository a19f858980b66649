"""Output: control characters are escaped, and durations are in words."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from opord.cli import output
from opord.story.words import span, value
from opord.values.visible import readable, safe
from tests.cli.kit import OPORD, Shop


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain — ünïcode 漢字", "plain — ünïcode 漢字"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\x9b1m", "\\x9b1m"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_control_characters_are_escaped_in_output(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_newlines_are_kept_in_readable_text() -> None:
    assert readable("a\n\tb\x07") == "a\n    b\\x07"


def test_json_on_a_terminal_is_indented_and_escapes_control_characters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {"b": "\u202e\x9b\U000e0001", "a": "ü"}
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    output.write_json(said)
    printed = capsys.readouterr().out
    assert json.loads(printed) == said
    assert "\\u202e\\u009b\\udb40\\udc01" in printed
    assert '{\n  "a": "ü"' in printed


def test_json_in_a_pipe_is_canonical(capsys: pytest.CaptureFixture[str]) -> None:
    output.write_json({"b": [1, None], "a": "ü"})
    assert capsys.readouterr().out == '{"a":"ü","b":[1,null]}\n'


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0001, "0.1 ms"), (0.0032, "3.2 ms"), (0.123, "123 ms"), (1.25, "1.25 s"), (59.4, "59.4 s"),
        (60, "1m"), (250, "4m 10s"), (3600, "1h"), (7500, "2h 5m"), (86400 * 2 + 3 * 3600, "2d 3h"), (-2, "-2 s"),
    ],
)  # fmt: skip
def test_a_duration_has_as_much_detail_as_matters(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_a_value_is_one_line_and_cut_if_it_is_long() -> None:
    assert value({"id": "a", "lines": [1, 2]}) == 'id "a"  lines [1, 2]'
    assert value({"text": "x" * 500}, limit=20) == 'text "xxxxxxxxxxxxx…'


def test_a_long_reason_is_whole_in_a_pipe_and_cut_on_a_terminal(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.start("o1")
    why = "asked for by phone, " * 10
    assert shop.opord("runs", "terminate", "Desk/o1", "--reason", why).status == 0
    assert why.strip() in shop.opord("runs", "list").out
    monkeypatch.setattr("opord.cli.runs.list.on_terminal", lambda: True)
    last = shop.opord("runs", "list").out.splitlines()[1]
    assert last.endswith(f"{why[:89]}…")


@pytest.mark.parametrize(
    "command", [["runs", "list"], ["runs", "list", "--json"], ["simulate", "desk.opord", "--runs", "1"]]
)
def test_output_that_cannot_be_written_is_an_error_with_its_reason(shop: Shop, command: list[str]) -> None:
    shop.start("o1")
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [*OPORD, *command], cwd=shop.folder, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert ran.returncode == 2
    assert ran.stderr == (
        "error[output]: the output cannot be written: No space left on device; write it to another place\n"
    )


def test_a_closed_output_is_not_an_error(shop: Shop) -> None:
    shop.start("o1")
    shell = f"exec {shlex.join(OPORD)} runs list >&-"
    ran = subprocess.run(["sh", "-c", shell], cwd=shop.folder, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    "command", [["runs", "list"], ["runs", "list", "--json"], ["--help"], ["--version"], ["runs", "--help"]]
)
def test_a_pipe_that_nobody_reads_is_not_an_error(shop: Shop, command: list[str]) -> None:
    shop.start("o1")
    ours, theirs = os.pipe()
    os.close(ours)
    ran = subprocess.run(
        [*OPORD, *command], cwd=shop.folder, stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=60
    )
    os.close(theirs)
    assert (ran.returncode, ran.stderr) == (0, "")


LONG = {
    "a long text": "x" * 1000,
    "a text within": [{"note": "é\n" * 1000}, 1],
    "a long list": list(range(1000)),
    "lists in lists": [[[1, "a"] * 300, {}] * 300] * 300,
    "a wide object": {f"name{number}": number for number in range(1000)},
    "an object within": {"a": {str(number): [] for number in range(1000)}, "b": 1},
    "empty lists": [[]] * 1000,
    "just a line": ["a" * 77, "b" * 77],
    "a sign more": ["a" * 77, "b" * 78],
    "nothing": None,
}

LONGER = 100_000
"""A limit that only the lists in lists are longer than: in full they have millions of items."""


@pytest.mark.parametrize("shown", LONG.values(), ids=LONG)
@pytest.mark.parametrize("limit", [1, 2, 3, 40, 159, 160, 161, 500])
def test_the_line_of_a_long_value_begins_like_the_whole(shown: Any, limit: int) -> None:
    whole = value(shown, limit=LONGER)
    assert value(shown, limit=limit) == (whole if len(whole) <= limit else f"{whole[: limit - 1]}…")


class Counted(list[Any]):
    """A list that counts how many items are read from it and from its like."""

    read = 0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            Counted.read += 1
            yield item


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_a_line_reads_no_more_items_than_it_has_signs(monkeypatch: pytest.MonkeyPatch, depth: int) -> None:
    monkeypatch.setattr(Counted, "read", 0)
    nested: Any = 1
    for _ in range(depth):
        nested = Counted([nested] * 50)
    assert value(nested, limit=160).endswith("…") == (depth > 1)
    assert 0 < Counted.read <= 161 + depth
