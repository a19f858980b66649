"""The output of a demonstration: tables of what happened, made only from what was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractContextManager

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from opord.examples.orders.ledger import Entry, charged_twice
from opord.examples.orders.plot import Played
from opord.examples.orders.provider import Behaviour
from opord.examples.orders.stage import Delivery

WIDTH_PIPED = 110
"""The number of columns if there is no terminal to ask."""


class Screen:
    """Writes to a terminal with colours, and plain text to anything else."""

    def __init__(self, console: Console | None = None) -> None:
        self.console: Console = console or Console(highlight=False)
        if not self.console.is_terminal:
            self.console.width = WIDTH_PIPED

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        self.console.print()
        self.console.print(Rule(f"[bold]{title}", align="left", style="cyan", characters="─"))
        # A command may be the next to write here.
        self.console.file.flush()

    def say(self, text: str) -> None:
        """Explain something that a newcomer needs to know."""
        self.show(Text(text))

    def quote(self, text: str) -> None:
        """Show lines of a file unchanged."""
        self.console.print()
        self.show(Padding(Text(text, "cyan"), (0, 0, 0, 2), expand=False))
        self.console.print()

    def step(self, text: str) -> None:
        """Say what happens now."""
        grid = Table.grid(padding=(0, 1))
        grid.add_row(Text(">", "cyan"), Text(text))
        self.show(grid)

    def show(self, what: RenderableType) -> None:
        """Show a table."""
        self.console.print(Padding(what, (0, 0, 0, 2), expand=False))

    def busy(self) -> AbstractContextManager[object]:
        """Show, on a terminal, that something is under way."""
        return self.console.status("")


def deliveries_table(deliveries: Iterable[Delivery]) -> Table:
    """Show each webhook, how often it was delivered, and each answer that it got."""
    table = _table("webhook", "delivered", "answer", "")
    counts = Counter(deliveries)
    files = Counter(delivery.file for delivery in counts.elements())
    for delivery, count in counts.items():
        answer = f"{delivery.status}" + (f" ({count} times)" if count != files[delivery.file] else "")
        colour = "green" if delivery.status < 300 else "yellow"
        times = f"{files[delivery.file]} time" + ("s" if files[delivery.file] > 1 else "")
        table.add_row(delivery.file, times, Text(answer, colour), delivery.answer)
    return table


def ledger_table(entries: Iterable[Entry]) -> Table:
    """Show a ledger line by line."""
    table = _table("at", "entry", "order", "amount", "idempotency key")
    table.columns[3].justify = "right"
    twice = charged_twice(list(entries))
    for entry in entries:
        style = "red" if entry.order_id in twice else ""
        table.add_row(
            f"{entry.at:%H:%M:%S}.{entry.at.microsecond // 1000:03}",
            f"{entry.kind} {entry.charge_id}",
            entry.order_id,
            dollars(entry.amount_cents),
            entry.idempotency_key or "none",
            style=style,
        )
    return table


def comparison_table(ours: Played, theirs: Played) -> Table:
    """Show both ledgers side by side, order by order."""
    table = _table("order", "what it met", "Opord charged", "ends", "glue.py charged", "ends")
    for order in sorted({*ours.orders, *theirs.orders}):
        table.add_row(
            order,
            met(ours.script.orders.get(order, Behaviour()), killed=order in ours.in_flight),
            *(cell for played in (ours, theirs) for cell in _fate(played, order)),
        )
    table.add_section()
    table.add_row("", "in all", *(cell for played in (ours, theirs) for cell in (_total(played), "")))
    return table


def met(behaviour: Behaviour, *, killed: bool) -> str:
    """Say what the charges of an order met at the provider."""
    parts = [str(status) for status in behaviour.first_answers]
    if killed:
        parts.append("death before the answer")
    if behaviour.drops_answer:
        parts.append("charged, answer lost")
    if behaviour.declines:
        parts.append("declined")
    return ", ".join(parts)


def dollars(cents: int) -> str:
    """Write an amount in dollars."""
    return f"${cents // 100:,}.{cents % 100:02}"


def _fate(played: Played, order: str) -> tuple[Text, Text]:
    charges = played.charges(order)
    end = played.finals.get(order)
    paid = " + ".join(dollars(charge.amount_cents) for charge in charges)
    style = "bold red" if order in charged_twice(played.ledger) else "green" if charges else "dim"
    return Text(paid or "nothing", style), Text(end.state.split(":")[0] if end else "?")


def _total(played: Played) -> str:
    charges = [entry for entry in played.ledger if entry.kind == "charge"]
    orders = len({charge.order_id for charge in charges})
    return f"{len(charges)} for {orders} orders"


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
