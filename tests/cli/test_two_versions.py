"""Two versions of a contract in one folder: their modules, and a worker with handlers for both."""

from __future__ import annotations

from tests.cli.kit import DESK, HANDLERS, Said, Shop

NEWER = (
    DESK.replace("version 1", "version 2")
    .replace("record Receipt { charge: str }", "record Receipt { charge: str, fee: int = 0 }")
    .replace("contract Desk(order: Order)", "contract Desk(order: Order, gift: bool = false)")
)
CLIENT = """\
from desk import PaymentError, Receipt


def charge(id):
    if id.startswith("declined"):
        raise PaymentError.Declined(reason="no funds")
    return Receipt(charge="ch_" + id)
"""
HANDLERS_OVER_A_CLIENT = f"""\
import client

{HANDLERS.split("    async def charge")[0]}
    async def charge(self, order, *, call):
        return client.charge(order.id)

    async def tell(self, text, *, call):
        pass
"""
BOTH = ("--contract", "desk.v1.opord", "--handlers", "over:Handlers")


def two(shop: Shop) -> Said:
    """Lay two versions into the folder, with handlers over a client that knows the types."""
    (shop.folder / "desk.v1.opord").write_text(DESK)
    (shop.folder / "desk.opord").write_text(NEWER)
    (shop.folder / "client.py").write_text(CLIENT)
    (shop.folder / "over.py").write_text(HANDLERS_OVER_A_CLIENT)
    return shop.opord("gen", "desk.v1.opord", "desk.opord", "-o", ".")


def test_the_newest_version_has_the_plain_name(shop: Shop) -> None:
    assert two(shop).out == "desk_v1.py written\ndesk.py written\n"
    assert "version 2" in (shop.folder / "desk.py").read_text()
    for files in (["desk.opord"], ["desk.v1.opord"], ["desk.opord", "desk.v1.opord"]):
        assert shop.opord("gen", "--check", *files, "-o", ".").status == 0, files
    assert shop.opord("gen", "desk.opord", "desk.v1.opord", "-o", "out").status == 0
    for name in ("desk.py", "desk_v1.py"):
        assert (shop.folder / name).read_text() == (shop.folder / "out" / name).read_text()


def test_the_module_of_another_version_is_not_overwritten(shop: Shop) -> None:
    assert shop.opord("gen", "desk.opord", "-o", ".").status == 0
    before = (shop.folder / "desk.py").read_text()
    (shop.folder / "desk.v2.opord").write_text(NEWER)
    said = shop.opord("gen", "desk.v2.opord", "-o", ".")
    assert (said.status, (shop.folder / "desk.py").read_text()) == (1, before)
    assert said.err.startswith("error[module_other_version]: desk.py is the module of Desk version 1; ")
    assert "`mv desk.py desk_v1.py`" in said.err
    assert shop.opord("gen", "desk.v2.opord", "desk.opord", "-o", ".").status == 0
    assert (shop.folder / "desk_v1.py").read_text() == before


def test_two_files_of_one_version_are_refused(shop: Shop) -> None:
    (shop.folder / "copy.opord").write_text(DESK)
    said = shop.opord("gen", "desk.opord", "copy.opord", "-o", ".")
    assert said.status == 1
    assert "desk.opord and copy.opord would both be written to desk.py" in said.err


def test_doctor_finds_the_module_of_each_version(shop: Shop) -> None:
    two(shop)
    said = shop.opord("doctor")
    assert "desk.py is up to date with desk.opord" in said.out
    assert "desk_v1.py is up to date with desk.v1.opord" in said.out


def test_one_worker_serves_both_with_one_class_of_handlers(shop: Shop) -> None:
    two(shop)
    for file, id in (("desk.v1.opord", "o1"), ("desk.v1.opord", "declined-1"), ("desk.opord", "declined-2")):
        order = f'{{"order": {{"id": "{id}", "cents": 5, "card": "x"}}}}'
        assert shop.opord("runs", "start", file, "--input", order).status == 0
    said = shop.process("worker", *BOTH, "--contract", "desk.opord", *BOTH[2:], "--until-idle")
    assert said.status == 0, said.err
    states = {one: shop.view(one)["state"] for one in ("o1", "declined-1", "declined-2")}
    assert states == {"o1": "Done", "declined-1": "Rejected", "declined-2": "Rejected"}


def test_a_module_of_the_same_version_with_another_text_is_stale_and_one_command_mends_it(shop: Shop) -> None:
    two(shop)
    (shop.folder / "over.py").write_text(f"from desk import Desk\n{HANDLERS_OVER_A_CLIENT}")
    (shop.folder / "desk.opord").write_text(NEWER.replace("> 1000", "> 2000"))
    worker = ("worker", "--contract", "desk.opord", "--handlers", "over:Handlers", "--until-idle")
    said = shop.process(*worker)
    assert (said.status, "error[module_stale]" in said.err) == (1, True)
    assert f"run `opord gen desk.opord -o {shop.folder}` again" in said.err
    assert shop.opord("gen", "desk.opord", "-o", str(shop.folder)).status == 0
    assert shop.process(*worker).status == 0
    assert shop.process("worker", *BOTH, "--until-idle").status == 0
