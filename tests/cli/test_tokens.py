"""`opord tokens`, `opord links` and `opord audit`: what they say, and what they refuse."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from opord.cli import program

FLOW = """
contract Refund(order: str) key order
role clerk
role boss
event approve(note: str) by clerk | boss
initial state Asked -> Paid { on approve(note) -> goto Paid }
final state Paid success
"""


@pytest.fixture
def opord(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> object:
    """Run a command in a folder with a store; return its status, and what it wrote."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPORD_STORE", raising=False)
    (tmp_path / "refund.opord").write_text(FLOW)

    def call(*arguments: str) -> tuple[int, str, str]:
        status = program.run(arguments)
        said = capsys.readouterr()
        return status, said.out, said.err

    assert call("db", "migrate")[0] == 0
    assert call("runs", "start", "refund.opord", "--input", '{"order": "a"}')[0] == 0
    return call


def test_a_token_is_made_listed_and_revoked(opord) -> None:  # type: ignore[no-untyped-def]
    assert "makes the first one" in opord("tokens", "list")[2]
    status, text, said = opord(
        "tokens", "create", "shop", "--role", "clerk", "--contract", "Refund", "--expires", "90d"
    )
    assert (status, bool(re.fullmatch("opord_[0-9A-Za-z]{61}\n", text))) == (0, True)
    assert "keep it now, it is not shown again" in said
    (one,) = json.loads(opord("tokens", "list", "--json")[1])
    assert (one["name"], one["roles"], one["contracts"]) == ("shop", ["clerk"], ["Refund"])
    assert text.strip() not in str(one)
    assert "good until" in opord("tokens", "list")[1]
    assert "is revoked" in opord("tokens", "revoke", one["id"])[1]
    assert "revoked" in opord("tokens", "list")[1]
    acts = json.loads(opord("audit", "--json")[1])
    assert [(act["act"], act["address"]) for act in acts] == [
        ("revoke token", "command line"), ("create token", "command line"),
    ]  # fmt: skip
    made = json.loads(opord("tokens", "create", "ops", "--role", "opord:admin", "--json")[1])
    assert made["token"].startswith("opord_")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tokens", "create", "a\x1b[31m"), "has invisible characters"),
        (("tokens", "create", "local"), "choose another"),
        (("tokens", "create", "webhook:stripe"), "choose another"),
        (("tokens", "create", "a", "--role", "opord:root"), "expected roles of contracts"),
        (("tokens", "create", "a", "--expires", "soon"), "expected a time to come"),
        (("tokens", "revoke", "none"), "`opord tokens list` has the ids"),
        (("links", "create", "Refund/a", "approve", "--as", "ann"), "name the role of the link"),
        (("links", "create", "Refund/a", "aprove", "--as", "ann"), "it handles approve"),
        (("links", "create", "Refund/b", "approve", "--as", "ann"), "there is no run"),
        (("links", "create", "Refund/a", "approve", "--as", "ann", "--role", "boss", "--expires", "91d"), "90 days at most"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(opord, arguments: tuple[str, ...], words: str) -> None:  # type: ignore[no-untyped-def]
    status, _, said = opord(*arguments)
    assert (status, words in said, "internal" in said) == (1, True, False), said


def test_a_link_is_made_and_its_key_dropped(opord) -> None:  # type: ignore[no-untyped-def]
    made = opord(
        "links",
        "create",
        "Refund/a",
        "approve",
        "--as",
        "ann",
        "--role",
        "boss",
        "--url",
        "https://ops.example/",
    )
    assert re.fullmatch("https://ops.example/api/v1/links/opordlink_[0-9A-Za-z]{61}\n", made[1])
    plain = json.loads(
        opord("links", "create", "Refund/a", "approve", "--as", "ann", "--role", "boss", "--json")[1]
    )
    assert plain["link"].startswith("/api/v1/links/")
    assert "open nothing now" in opord("links", "rotate", "--drop")[1]
    assert "new key" in opord("links", "rotate")[1]


def test_a_list_shows_no_sign_that_a_terminal_would_obey(opord, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    import asyncio

    from opord.backends.opening import open_backend
    from opord.server.state import State
    from opord.server.state.audit import Audit

    async def write() -> None:
        async with open_backend(f"sqlite:///{tmp_path}/opord.db") as backend:
            state = State(lambda: backend)
            audit = Audit(state)
            act = await audit.act("eve\x1b[2J\n", "", "1.2.3.4", "send x\r", "Refund/\u202ea")
            await audit.begin(act._replace(reason="\x07", status=200))
            await state.close()

    asyncio.run(write())
    shown = opord("audit")[1]
    assert not {"\x1b", "\r", "\u202e", "\x07"} & {*shown}
    assert "eve\\x1b[2J\\n" in shown


def test_the_trail_says_where_it_goes_on(opord) -> None:  # type: ignore[no-untyped-def]
    for number in range(3):
        opord("tokens", "create", f"t{number}")
    status, shown, said = opord("audit", "--limit", "2")
    assert (status, shown.count("create token")) == (0, 2)
    after = re.search("--after (\\S+)", said)
    assert after is not None
    assert opord("audit", "--after", after[1])[1].count("create token") == 1
    assert "nothing was done that fits" in opord("audit", "--who", "nobody")[2]
