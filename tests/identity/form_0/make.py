"""Make the files in this folder: a store, an archive and modules of the last Opord without forms.

    PYTHONPATH=src/of/that/version python make.py

It writes `store.sql`, `old-runs.jsonl`, `shop.py` and `vault.py`. The program is kept for readers;
with a later version it would not write the same files.
"""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
KEY = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="


def main() -> None:
    import apsw
    import apsw.shell

    import opord
    from opord.codegen import write_module
    from opord.language import check_file
    from opord.stores.sqlite import SqliteStore

    for name in ("shop", "vault"):
        result = check_file(HERE / f"{name}.opord")
        assert result.contract is not None
        sources = tuple((Path(path).name, text) for path, text in result.sources)
        write_module(result.contract, sources, HERE)
    sys.path.insert(0, str(HERE))
    import shop
    import vault

    spare = opord.load(HERE / "spare.opord")

    class ShopHandlers:
        def reduced(self, price: Any) -> Any:
            if price.currency == "none":
                raise ZeroDivisionError("there is no rate for it")
            return shop.Amount(cents=price.cents - 1, currency=price.currency)

        async def price_of(self, buyer: str) -> Any:
            return shop.Amount(cents=1000, currency="none" if buyer == "stalls" else "eur")

        async def was_paid(self, key: str) -> None:
            return None

        async def pay(self, buyer: str, amount: Any, *, call: opord.Call) -> str:
            if buyer == "doubtful":
                raise ConnectionError("the line went dead")
            if buyer == "poor":
                raise shop.PayError.Declined(reason="no money")
            return f"r-{buyer}"

        async def send(self, receipt: str, *, call: opord.Call) -> None:
            return None

        async def refund(self, receipt: str, *, call: opord.Call) -> None:
            return None

    class VaultHandlers:
        async def charge(self, pin: Any, code: Any, *, call: opord.Call) -> Any:
            if code.reveal() == "doubtful":
                raise ConnectionError("the line went dead")
            return vault.Receipt(number="n1", token=opord.Secret("token-7391"))

    place = HERE / "made.db"
    for left in HERE.glob("made.db*"):
        left.unlink()

    async def work() -> None:
        flows = [shop.Shop(ShopHandlers()), vault.Vault(VaultHandlers()), spare.Spare]
        async with opord.Engine(f"sqlite:///{place}", flows, secret_keys=KEY) as engine:
            for name in ("old1", "old2", "ended", "waiting", "stalls", "doubtful", "poor"):
                buyer = name if name in ("stalls", "doubtful", "poor") else "ann"
                way = shop.Way.Invoice(days=14) if name == "waiting" else shop.Way.Card()
                await engine.start(shop.Shop, id=name, buyer=buyer, way=way)
            for name in ("locked", "open", "doubtful"):
                await engine.start(vault.Vault, id=name, pin=opord.Secret(f"pin-{name}"))
            await asyncio.sleep(1)
            for name in ("old1", "old2", "ended"):
                await engine.client.send(f"Shop/{name}", "parcel", {"code": f"c-{name}"}, actor="carrier")
            await engine.client.send("Shop/doubtful", "parcel", {"code": "early"}, actor="carrier")
            for name in ("open", "doubtful"):
                await engine.client.send(f"Vault/{name}", "confirm", {"code": name}, actor="ann")
            await engine.client.send("Vault/locked", "peek", {}, actor="eve")
            await asyncio.sleep(1)

    async def leave() -> None:
        """Start a run that no worker has claimed yet."""
        async with opord.Engine(f"sqlite:///{place}", [shop.Shop], secret_keys=KEY) as engine:
            await engine.start(shop.Shop, id="fresh", buyer="bob", way=shop.Way.Card())

    asyncio.run(work())
    prune(SqliteStore(place), HERE / "old-runs.jsonl")
    asyncio.run(leave())
    connection = apsw.Connection(str(place))
    text = io.StringIO()
    apsw.shell.Shell(db=connection, stdout=text).process_command(".dump")
    number = connection.pragma("user_version")
    ident = connection.pragma("application_id")
    connection.close()
    said = f"PRAGMA application_id = {ident};\nPRAGMA user_version = {number};\n"
    (HERE / "store.sql").write_text(text.getvalue() + said)
    for left in HERE.glob("made.db*"):
        left.unlink()


def prune(store: Any, archive: Path) -> None:
    """Prune two runs into an archive."""
    from opord.engine.pruning import Pruning
    from opord.kernel.instants import text
    from opord.stores.archive import ArchiveWriter

    writer = ArchiveWriter.open(archive, store.identity(), text(store.now()))
    year = 365 * 86_400 * 1_000_000
    pruning = Pruning(store, before=store.now(), archive=writer, keep_us=year, contract="Shop", limit=2)
    assert [tally.pruned for tally in pruning.steps()][-1] == 2
    writer.close()
    store.close()


if __name__ == "__main__":
    main()
