"""A secret that a handler reveals into something plain fails the test, wherever it lands."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from typing import Any

import pytest

from opord import load
from opord.testing import SecretRevealed, World

TEXT = """contract Pay(id: str, iban: secret str) key id
failure BankError { Refused(reason: str), Busy transient }
effect look(iban: secret str) -> str
action transfer(iban: secret str, note: str) -> str fails BankError stands because "it is a test" {
  key id
  retry 2 times
  timeout 10s
}
initial state Paying -> Paid | Failed {
  let bank = perform look(iban)
  match commit transfer(iban, bank) {
    ok number -> goto Paid(number)
    Refused(reason) -> goto Failed(reason)
    Busy -> goto Failed("busy")
  }
}
final state Paid(number: str) success
final state Failed(reason: str) failure
"""
IBAN = "DE02 1203/0000"


def played(folder: Path, leak: str, shown: Any = lambda text: text, **settings: Any) -> None:
    """Play a run whose handlers reveal the secret at one place."""
    path = folder / "pay.opord"
    path.write_text(TEXT)
    module = load(path)

    class Handlers:
        def look(self, iban: Any) -> str:
            return f"bank of {shown(iban.reveal())}" if leak == "effect" else "a bank"

        def transfer(self, iban: Any, note: str, *, call: Any) -> str:
            text = f"no account {shown(iban.reveal())}"
            if leak == "log":
                logging.getLogger("shop.payments").warning("%s", text)
            if leak == "failure":
                raise module.BankError.Refused(reason=text)
            return text if leak == "result" else f"for {iban}"

    world = World(**settings)
    world.start(module.Pay, handlers=Handlers(), id="p1", iban=IBAN)
    world.close()


@pytest.mark.parametrize(
    ("leak", "told"),
    [
        ("failure", "`failed.reason` of what `transfer` answered"),
        ("result", "`ok` of what `transfer` answered"),
        ("effect", "`ok` of what `look` answered"),
        ("log", "a log line has a secret in plain: no account [secret]"),
    ],
)
def test_a_revealed_secret_is_told_with_its_place(tmp_path: Path, leak: str, told: str) -> None:
    with pytest.raises(SecretRevealed) as caught:
        played(tmp_path, leak)
    assert told in str(caught.value)
    assert IBAN not in str(caught.value)


@pytest.mark.parametrize("shown", [repr, lambda text: base64.b64encode(text.encode()).decode()])
def test_an_encoded_secret_is_found_in_a_failure(tmp_path: Path, shown: Any) -> None:
    with pytest.raises(SecretRevealed, match=r"failed\.reason"):
        played(tmp_path, "failure", shown)


def test_a_secret_that_is_kept_is_no_finding(tmp_path: Path) -> None:
    played(tmp_path, "nowhere")
    played(tmp_path, "failure", lambda text: text[-4:])


def test_the_watch_can_be_left_out(tmp_path: Path) -> None:
    played(tmp_path, "failure", watch_secrets=False)
