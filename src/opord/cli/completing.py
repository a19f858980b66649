"""What a shell offers for a half-written argument: contracts, and the names of runs.

A shell asks at each key, so nothing here may be slow or fail: what cannot be had is not offered.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Literal

import click
from click.shell_completion import CompletionItem

RUNS_MAX = 100
"""How many names of runs are offered, the newest first."""

CONTRACTS_MAX = 20
"""Of how many versions of contracts names are offered, the newest first: each has to be read."""


def offer_contracts(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the contracts of the folder that is being written, and let the shell add folders."""
    return [*_contracts(incomplete), CompletionItem(incomplete, type="dir")]


def offer_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the newest runs whose names begin as written. No store is made for this."""
    return _of_store(ctx, lambda shown: _runs(shown, incomplete))


def offer_stored(
    what: Literal["contract", "state", "role"],
) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Return what offers the names that stored contracts have. No store is made for this."""

    def offer(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        names = _of_store(ctx, lambda shown: _stored(shown, what))
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]

    return offer


async def _stored(shown: Any, what: Literal["contract", "state", "role"]) -> list[str]:
    versions = await shown.backend.versions()
    if what == "contract":
        return sorted({one.name for one in versions})
    contracts = [await shown.contract(one.digest) for one in versions[-CONTRACTS_MAX:]]
    parts = [
        part
        for contract in contracts
        if contract is not None
        for part in (contract.states if what == "state" else contract.roles)
    ]
    return sorted({part.name for part in parts})


def _of_store(ctx: click.Context, job: Callable[[Any], Awaitable[list[Any]]]) -> list[Any]:
    from opord.cli.reading import on_reader
    from opord.cli.settings import DEFAULT_STORE, setting

    try:
        url = ctx.params.get("store") or os.environ.get("OPORD_STORE") or setting("store", DEFAULT_STORE)
        return on_reader(str(url), job)
    except Exception:  # whatever keeps the runs from being read, a key that is pressed is no place to say so
        return []


async def _runs(shown: Any, incomplete: str) -> list[CompletionItem]:
    from opord.backends.base import RunFilter

    names = [row.run async for row in shown.rows(RunFilter(), limit=RUNS_MAX)]
    return [CompletionItem(name) for name in names if name.startswith(incomplete) and name.isprintable()]


def _contracts(incomplete: str) -> Iterator[CompletionItem]:
    folder, begun = os.path.split(incomplete)
    try:
        names = sorted(os.listdir(folder or "."))
    except OSError:
        return
    for name in names:
        if name.endswith(".opord") and name.startswith(begun) and name.isprintable():
            yield CompletionItem(os.path.join(folder, name))
