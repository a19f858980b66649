"""Secrets in the errors of handlers: no form of them reaches the journal or the log."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

import opord
from opord.kernel.trouble import TRACEBACK_CHARACTERS
from opord.testing import World
from tests.support.contracts import compiled

CONTRACT = """
contract Told(id: str, pin: secret str, card: secret Card, code: secret bytes) key id
record Card { holder: str, number: int, tags: list[str] }
effect read(pin: secret str) -> int
action charge(pin: secret str, card: secret Card, code: secret bytes) { in doubt ask }
initial state Reading -> Charging {
  let n = perform read(pin)
  goto Charging(n)
}
state Charging(n: int) -> Done {
  commit charge(pin, card, code)
  goto Done
}
final state Done success
"""
ONE_LINE = 'it\'s "pîn" 7\\3'
PIN = 'it\'s "pîn" 73\n\\second-line-55'
CARD = {"holder": "holder-3380", "number": 4556737586899855, "tags": ["tag-6614"]}
CODE = b"code-\xf0-zqzq"
PARTS = (
    "73\n",
    "second-line-55",
    "pîn",
    "p\\xeen",
    "p\\u00een",
    "holder-3380",
    "4556737586899855",
    "tag-6614",
    "zqzq",
)


def grouped(text: str) -> Exception:
    return ExceptionGroup("several", [ValueError(text), ExceptionGroup("more", [KeyError(text)])])


def noted(text: str) -> Exception:
    error = RuntimeError("lost")
    error.add_note(f"it was {text}")
    return error


def caused(text: str) -> Exception:
    error = RuntimeError("lost")
    error.__cause__ = LookupError({"what": [text]})
    return error


RAISED: dict[str, Callable[[str], Exception]] = {
    "the text": RuntimeError,
    "a literal": KeyError,
    "a literal with the other quotation mark": lambda text: KeyError(f"{text}'\""),
    "a mapping": lambda text: RuntimeError({"pin": [text], "why": 'it\'s "so"'}),
    "two arguments": lambda text: RuntimeError("lost", text),
    "bytes": lambda text: RuntimeError(text.encode()),
    "ascii": lambda text: RuntimeError(ascii(text)),
    "JSON": lambda text: RuntimeError(json.dumps({"pin": text})),
    "JSON in UTF-8": lambda text: RuntimeError(json.dumps({"pin": text}, ensure_ascii=False)),
    "JSON in JSON": lambda text: RuntimeError(json.dumps(json.dumps({"pin": text}))),
    "JSON in a literal": lambda text: KeyError(json.dumps({"pin": text})),
    "an address": lambda text: RuntimeError(f"GET /?pin={quote(text)}"),
    "a form": lambda text: RuntimeError(f"pin={quote_plus(text)}"),
    "lines": lambda text: RuntimeError(text.replace("\n", "\r\n    ")),
    "a group": grouped,
    "a note": noted,
    "a cause": caused,
}


class Handlers:
    """Handlers that raise errors with forms of their secrets.

    Nothing else adds to the errors of their run.
    """

    def __init__(self, fails: str, raised: Callable[..., Exception]) -> None:
        self.fails, self.raised = fails, raised

    def read(self, pin: Any) -> int:
        if self.fails == "read":
            raise self.raised(pin.reveal())
        return 1

    def charge(self, pin: Any, card: Any, code: Any, *, call: opord.Call) -> None:
        raise self.raised(*(value.reveal() for value in (pin, card, code)[: 3 if self.fails == "all" else 1]))


def told(
    fails: str, raised: Callable[..., Exception], caplog: pytest.LogCaptureFixture, pin: str = PIN
) -> tuple[str, str]:
    """Let a handler raise; return the reason, and the journal, story and log about it."""
    caplog.set_level(logging.DEBUG, logger="opord")
    world = World()
    try:
        module = compiled(CONTRACT)
        code = base64.b64encode(CODE).decode()
        run = world.start(
            module.Told, handlers=Handlers(fails, raised), id="t", pin=pin, card=CARD, code=code
        )
        assert run.status == ("stalled" if fails == "read" else "in_doubt")
        stored = world.stored(run.id)
        # The rows of other records contain the secrets themselves, for this world seals nothing.
        rows = [row for row in world.journal(run.id) if row.kind in ("doubt", "stalled")]
        assert rows
        return (
            stored.reason or "",
            f"{run.story}\n{rows}\n{stored.reason}\n{stored.body.trouble}\n{caplog.text}",
        )
    finally:
        world.close()


@pytest.mark.parametrize("fails", ["read", "charge"])
@pytest.mark.parametrize("raised", RAISED.values(), ids=RAISED.keys())
@pytest.mark.parametrize("pin", [ONE_LINE, PIN], ids=["a line", "lines"])
def test_no_form_of_a_secret_is_shown(
    raised: Any, fails: str, pin: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, said = told(fails, raised, caplog, pin)
    assert [part for part in PARTS if part in said] == []
    assert "[secret]" in said


@pytest.mark.parametrize("before", ["", "u", "u:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_no_secret_in_base64_behind_a_prefix_is_shown(
    encode: Callable[[bytes], bytes], before: str, caplog: pytest.LogCaptureFixture
) -> None:
    """For example `Authorization: Basic`, where a name and a colon precede a password."""
    _, said = told(
        "charge", lambda pin: RuntimeError("Basic " + encode((before + pin).encode()).decode()), caplog
    )
    assert re.search(r"Basic \S{0,4}\[secret\]\S{0,4}( |\n|'|\)|\"|$)", said)


def test_no_part_of_a_secret_record_or_of_secret_bytes_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    def raised(pin: str, card: Any, code: bytes) -> Exception:
        return RuntimeError(f"{card} {card.number} {card.tags[0]} {card.holder!r} {code!r} {code.hex()}")

    _, said = told("all", raised, caplog)
    assert [part for part in (*PARTS, CODE.hex()) if part in said] == []


@pytest.mark.parametrize("fails", ["read", "charge"])
@pytest.mark.parametrize("room", [480, 489, 498])
def test_a_reason_that_is_too_long_is_cut_after_its_secrets_are_hidden(
    room: int, fails: str, caplog: pytest.LogCaptureFixture
) -> None:
    reason, said = told(fails, lambda pin: RuntimeError("." * room + pin), caplog)
    assert PIN[:4] not in said
    assert len(reason) < 600


def test_a_long_traceback_is_cut_after_its_secrets_are_hidden(caplog: pytest.LogCaptureFixture) -> None:
    """Wherever its middle is cut out, there is a secret."""
    _, said = told("read", lambda pin: RuntimeError((pin + ".") * (TRACEBACK_CHARACTERS // 8)), caplog)
    assert "characters left out" in said
    assert not re.search(r"second-|line-5|pîn", said)
