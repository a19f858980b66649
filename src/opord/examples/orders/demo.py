"""The demonstration: the same bad day for an order desk on Opord, and for one of glue code.

A card provider, a shop and a worker run as processes of their own. Webhooks arrive, one of them
five times. The worker is killed after the provider has charged and before that is recorded; another
takes over. All output, and the exit status, is computed from what happened.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path

import httpx

from opord.examples.orders.desks import GlueDesk, OpordDesk, contract_file
from opord.examples.orders.ledger import charged_twice
from opord.examples.orders.plot import Played, Provider, play
from opord.examples.orders.show import Screen, comparison_table, deliveries_table, dollars, ledger_table
from opord.examples.orders.stage import StageError, free_port, open_stage

SIGNING_SECRET = "whsec_of_the_demonstration"  # noqa: S105 - made up, and known to both sides here

INTRODUCTION = """\
A shop takes orders by webhook and charges cards at a provider that has bad days: slow answers, lost
answers, 429, 503, declined cards. What the shop does is written in one contract, and the part of it
that matters today says how to charge a card:"""

REAL = "Every process here is a real one, and so is the SIGKILL."

OPORD_AFTERWARDS = """\
Why {orders} were charged once: the intent was on disk before the call. The next worker found it without
an outcome, and went by the contract: {rule}."""

GLUE = """\
What one writes in an afternoon, with care: an order is taken once, calls are repeated under one
idempotency key, and unfinished orders are taken up again after a restart."""

GLUE_AFTERWARDS = """\
One key for all attempts holds as long as the process that made it up. What was being charged when it died
was taken up again, with a new key, and the provider took that for a new charge."""


def main(store: str | None = None) -> int:
    """Run the demonstration, and return its exit status.

    The runs are kept in `store`, a URL at which there is no store yet; None keeps them in a file.
    The status is 0 if nobody was charged twice and every run is legal, else 1.
    """
    screen = Screen()
    try:
        with tempfile.TemporaryDirectory(prefix="opord-demo-") as folder:
            return asyncio.run(_demonstrate(Path(folder), screen, store))
    except StageError as error:
        screen.step(f"The demonstration could not go on: {error}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        screen.step("Stopped; all its processes are gone.")
    return 1


async def _demonstrate(folder: Path, screen: Screen, store: str | None) -> int:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    began = time.monotonic()
    screen.chapter("An order desk on a bad day")
    screen.say(INTRODUCTION)
    screen.quote(_of_contract("action charge_card"))
    screen.say(REAL)
    async with httpx.AsyncClient(timeout=30) as http:
        ours, sound = await _with_opord(folder, http, screen, store)
        theirs = await _with_glue(folder, http, screen)
    screen.chapter("The same day, twice")
    screen.show(comparison_table(ours, theirs))
    for name, played in (("Opord", ours), ("glue.py", theirs)):
        screen.say(f"{name}: {_sentence(played)}")
    screen.say(f"All this took {time.monotonic() - began:.0f} seconds.")
    return 0 if sound and not charged_twice(ours.ledger) else 1


async def _with_opord(
    folder: Path, http: httpx.AsyncClient, screen: Screen, store: str | None
) -> tuple[Played, bool]:
    screen.chapter("1. With Opord")
    port = free_port()
    async with open_stage(folder / "opord", _settings(port)) as stage:
        desk, provider = OpordDesk(stage, http, store), Provider(stage, port)
        with screen.busy():
            played = await play(desk, provider, http, secret=SIGNING_SECRET, tell=screen.step)
        screen.chapter("What the webhooks were answered")
        screen.show(deliveries_table(played.deliveries))
        screen.chapter("What happened to each order: opord runs history")
        await desk.tell(played.orders)
        screen.chapter("The provider's ledger")
        screen.show(ledger_table(played.ledger))
        if all(len(played.charges(order)) == 1 for order in played.in_flight):
            screen.say(OPORD_AFTERWARDS.format(orders=_listed(played.in_flight), rule=_doubt_rule()))
        screen.chapter("Is every journal unbroken, and every move in it legal? opord runs verify")
        return played, await desk.verify()


async def _with_glue(folder: Path, http: httpx.AsyncClient, screen: Screen) -> Played:
    screen.chapter("2. The same day with glue.py")
    screen.say(GLUE)
    port = free_port()
    async with open_stage(folder / "glue", _settings(port)) as stage:
        desk, provider = GlueDesk(stage, http), Provider(stage, port)
        with screen.busy():
            played = await play(desk, provider, http, secret=SIGNING_SECRET, tell=screen.step)
    screen.chapter("The provider's ledger")
    screen.show(ledger_table(played.ledger))
    if charged_twice(played.ledger):
        screen.say(GLUE_AFTERWARDS)
    return played


def _settings(provider_port: int) -> dict[str, str]:
    return {
        "SERVICES_URL": f"http://127.0.0.1:{provider_port}",
        "STRIPE_WEBHOOK_SECRET": SIGNING_SECRET,
    }


def _of_contract(first_words: str) -> str:
    """Return the contract's text of a declaration, from its first words to its closing brace."""
    lines = iter(contract_file().read_text(encoding="utf-8").splitlines())
    declaration = [next(line for line in lines if line.startswith(first_words))]
    while declaration[-1] != "}":
        declaration.append(next(lines))
    return "\n".join(declaration)


def _doubt_rule() -> str:
    """Return the contract's rule for when nobody knows whether a card was charged."""
    lines = _of_contract("action charge_card").splitlines()
    return next(line.strip() for line in lines if line.strip().startswith("in doubt"))


def _listed(orders: list[str]) -> str:
    return " and ".join(sorted(orders))


def _sentence(played: Played) -> str:
    twice = charged_twice(played.ledger)
    if not twice:
        return "no card was charged twice."
    too_much = sum(charge.amount_cents for charges in twice.values() for charge in charges[1:])
    return f"{_listed(list(twice))} charged more than once, {dollars(too_much)} too much."


if __name__ == "__main__":
    sys.exit(main())
