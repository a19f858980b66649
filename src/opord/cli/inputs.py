"""INPUT: a JSON object with a member for each parameter.

It is given in place, in a file, in a file with an object on each line, or on stdin.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from opord.cli.errors import CliError

INPUT_HELP = (
    "A JSON object with a member for each parameter. @file.json reads it from a file, - from standard input."
)


class InputLine(NamedTuple):
    """One line of a file of inputs: its number, and its text without the newline.

    The text is None if the line is too long.
    """

    number: int
    text: bytes | None


def is_bulk(argument: str) -> bool:
    """Say whether the input names a file with one input on each line."""
    return argument.startswith("@") and argument.endswith((".jsonl", ".ndjson"))


def read_one(argument: str | None) -> Any:
    """Return the given input; if none is given, an object without members.

    Raises:
        CliError: it cannot be read, or it is not JSON that can be kept exactly.
    """
    if argument is None:
        return {}
    if is_bulk(argument):
        raise CliError(
            "usage",
            "a .jsonl file has many inputs, and only `opord runs start` takes it; give one JSON object here",
            2,
        )
    try:
        return parsed(_text(argument), "the input")
    except CliError as wrong:
        if os.path.isfile(argument):  # unlike a path, it takes a text of any length
            raise CliError(
                wrong.code, f"{wrong}; to read the file, write `@{argument}`", wrong.status
            ) from wrong
        raise


def parsed(text: str | bytes, what: str) -> Any:
    """Read JSON strictly.

    Raises:
        CliError: it is refused; the message says where and why.
    """
    from opord.values.guard import BadValue, parse

    try:
        return parse(text)
    except BadValue as bad:
        where = f" at {bad.path}" if bad.path else ""
        raise CliError("input_invalid", f"{what} is refused{where}: {bad.message}") from bad


def lines_of(argument: str) -> Iterator[InputLine]:
    """Read a file of inputs line by line; blank lines are left out."""
    from opord.values.guard import LIMIT_BYTES

    path = argument[1:]
    try:
        with Path(path).open("rb") as file:
            number = 0
            while line := file.readline(LIMIT_BYTES + 2):
                number += 1
                if len(line.rstrip(b"\r\n")) > LIMIT_BYTES:
                    _skip_rest(file, line)
                    yield InputLine(number, None)
                elif line.strip():
                    yield InputLine(number, line.rstrip(b"\r\n"))
    except OSError as wrong:
        raise CliError("file", f"{path}: {wrong.strerror or wrong}", 2) from wrong


def _skip_rest(file: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = file.readline(1 << 20)


def _text(argument: str) -> str | bytes:
    from opord.values.guard import LIMIT_BYTES

    if argument == "-":
        return _in_utf_8(sys.stdin.buffer.read(LIMIT_BYTES + 1), "standard input")
    if not argument.startswith("@"):
        return argument
    path = argument[1:]
    try:
        with Path(path).open("rb") as file:
            return _in_utf_8(file.read(LIMIT_BYTES + 1), path)
    except OSError as wrong:
        raise CliError("file", f"{path}: {wrong.strerror or wrong}", 2) from wrong


def _in_utf_8(content: bytes, where: str) -> bytes:
    """Return a text's bytes, if they are UTF-8.

    One that is cut off at the limit passes: its length is refused later.

    Raises:
        CliError: they are not; the message has the line and the byte in it.
    """
    from opord.values.guard import LIMIT_BYTES

    try:
        content[:LIMIT_BYTES].decode()
    except UnicodeDecodeError as wrong:
        if len(content) > LIMIT_BYTES:
            return content
        if len(content) > wrong.end or wrong.reason != "unexpected end of data":
            before = content[: wrong.start]
            line, column = before.count(b"\n") + 1, wrong.start - before.rfind(b"\n")
            message = f"{where}:{line}: byte {column} of the line is 0x{content[wrong.start]:02x}, which is not UTF-8"
            raise CliError("usage", message, 2) from None
        raise CliError("usage", f"{where}: the text ends in the middle of a UTF-8 character", 2) from None
    return content
