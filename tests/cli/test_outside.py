"""Contracts that `use` a file outside their folder: refused by every command, unless allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.kit import Shop

PARCEL = """\
use "../types.opord" { Address }
contract Parcel(to: Address) key to.city
initial state Sent -> Done { goto Done }
final state Done success
"""
HANDLERS = "class Handlers:\n    pass\n"

COMMANDS = {
    "check": ("check", "inner/parcel.opord"),
    "explain": ("explain", "inner/parcel.opord"),
    "diagram": ("diagram", "inner/parcel.opord"),
    "gen": ("gen", "inner/parcel.opord", "-o", "made"),
    "simulate": ("simulate", "inner/parcel.opord", "--runs", "2"),
    "runs start": ("runs", "start", "inner/parcel.opord", "--input", '{"to": {"city": "c"}}'),
    "worker": ("worker", "--contract", "inner/parcel.opord", "--handlers", "none:Handlers", "--until-idle"),
}


@pytest.fixture
def parcel(shop: Shop) -> Shop:
    (shop.folder / "inner").mkdir()
    (shop.folder / "made").mkdir()
    (shop.folder / "inner" / "parcel.opord").write_text(PARCEL)
    (shop.folder / "types.opord").write_text("record Address { city: str }\n")
    (shop.folder / "none.py").write_text(HANDLERS)
    return shop


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_file_outside_is_refused_and_the_flag_allows_it(parcel: Shop, command: tuple[str, ...]) -> None:
    refused = parcel.process(*command)
    assert refused.status == 1
    assert "it is outside of" in refused.out + refused.err or "see `opord check inner/" in refused.err
    allowed = parcel.process(*command, "--allow-outside")
    assert allowed.status == 0, allowed.out + allowed.err


@pytest.mark.parametrize("how", ["opord.toml", "OPORD_ALLOW_OUTSIDE"])
def test_a_setting_allows_it(parcel: Shop, how: str) -> None:
    environment = {how: "1"} if how.isupper() else {}
    if not environment:
        (parcel.folder / how).write_text("allow_outside = true\n")
    assert parcel.process(*COMMANDS["check"], **environment).status == 0


def test_a_text_from_standard_input_has_the_folder_of_its_name(parcel: Shop) -> None:
    command = ("check", "-", "--stdin-name", "inner/parcel.opord")
    assert "OP120" in parcel.process(*command, given=PARCEL).out
    assert parcel.process(*command, "--allow-outside", given=PARCEL).status == 0


def test_a_generated_module_and_a_stored_contract_are_not_asked_again(parcel: Shop) -> None:
    assert parcel.process(*COMMANDS["gen"], "--allow-outside").status == 0
    assert parcel.process(*COMMANDS["runs start"], "--allow-outside").status == 0
    shown = parcel.process("runs", "list", "--json")
    assert (shown.status, '"Parcel/c"' in shown.out) == (0, True)
    (module,) = Path(parcel.folder / "made").glob("*.py")
    module.rename(parcel.folder / "parcel.py")
    work = parcel.process(
        "worker", "--contract", "parcel:Parcel", "--handlers", "none:Handlers", "--until-idle"
    )
    assert work.status == 0, work.err
    assert "Done" in parcel.process("runs", "show", "Parcel/c").out
