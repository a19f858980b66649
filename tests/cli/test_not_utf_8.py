"""Bytes that are not UTF-8 are wrong usage, with their place, wherever they come in."""

from __future__ import annotations

import subprocess

import pytest

from tests.cli.kit import OPORD, Shop, order

BAD = b'{"order": {"id": "o1",\n "cents": 1, "card": "\xff"}}'
WHERE = "2: byte 23 of the line is 0xff, which is not UTF-8"


def said(shop: Shop, *arguments: bytes, given: bytes = b"") -> tuple[int, bytes, str]:
    ran = subprocess.run([*OPORD, *arguments], cwd=shop.folder, input=given, capture_output=True, timeout=60)
    return ran.returncode, ran.stdout, ran.stderr.decode()


@pytest.mark.parametrize(
    "arguments",
    [
        (b"runs", b"show", b"Desk/\xe9"),
        (b"runs", b"send", b"Desk/o1", b"appr\xff"),
        (b"runs", b"start", b"desk.opord", b"--input", b'{"order": "\xff"}'),
        (b"runs", b"cancel", b"Desk/o1", b"--reason", b"\xfcber"),
        (b"runs", b"list", b"--contract", b"D\xe9sk"),
        (b"check", b"d\xe9sk.opord"),
        (b"worker", b"--contract", b"desk.opord", b"--handlers", b"h\xe9"),
        (b"\xff",),
    ],
    ids=lambda arguments: repr(arguments[-1]),
)
def test_an_argument_names_its_number_and_the_byte(shop: Shop, arguments: tuple[bytes, ...]) -> None:
    status, out, err = said(shop, *arguments)
    assert (status, out) == (2, b"")
    text = arguments[-1]
    at = next(index for index, byte in enumerate(text) if byte > 127)
    assert (
        f"error[usage]: argument {len(arguments)} is not UTF-8: byte {at + 1} of it is 0x{text[at]:02x}"
        in err
    )


@pytest.mark.parametrize(
    "arguments",
    [
        (b"runs", b"start", b"desk.opord", b"--input"),
        (b"runs", b"send", b"Desk/o1", b"approve", b"--input"),
        (b"runs", b"resolve", b"Desk/o1", b"--happened"),
    ],
    ids=lambda arguments: arguments[1].decode(),
)
def test_a_file_names_the_line_and_the_byte(shop: Shop, arguments: tuple[bytes, ...]) -> None:
    (shop.folder / "bad.json").write_bytes(BAD)
    assert said(shop, *arguments, b"@bad.json") == (2, b"", f"error[usage]: bad.json:{WHERE}\n")


def test_standard_input_names_the_line_and_the_byte(shop: Shop) -> None:
    start = (b"runs", b"start", b"desk.opord", b"--input", b"-")
    assert said(shop, *start, given=BAD) == (2, b"", f"error[usage]: standard input:{WHERE}\n")
    cut = BAD[: BAD.index(b"\xff")] + b"\xc3"
    told = "error[usage]: standard input: the text ends in the middle of a UTF-8 character\n"
    assert said(shop, *start, given=cut) == (2, b"", told)


def test_a_line_of_many_is_refused_alone(shop: Shop) -> None:
    (shop.folder / "some.jsonl").write_bytes(b'{"order": "\xff"}\n' + order("o1").encode() + b"\n")
    status, out, err = said(shop, b"runs", b"start", b"desk.opord", b"--input", b"@some.jsonl")
    assert (status, out) == (1, b"1 started, 1 refused\n")
    assert err.startswith(
        "error[input_invalid]: some.jsonl:1: the line is refused: not UTF-8: byte 11 is 0xff"
    )
