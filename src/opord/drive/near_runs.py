"""Find the run that is meant by a name that no run has. It costs a few reads by name."""

from __future__ import annotations

from collections.abc import Collection

from opord.drive.host import Host
from opord.values.types import RunId

_CONTRACTS_MAX = 5
"""How many contracts are tried for a key that is given without one."""


async def near_run(host: Host, run: RunId) -> RunId | None:
    """Return an existing run with a name like `run`.

    The letter case or a mistyped contract may differ, and the letter case of the key.
    """
    for name in _candidates(run, await host.contract_names()):
        if await host.load(name) is not None:
            return name
    return None


def _candidates(run: RunId, contracts: Collection[str]) -> list[RunId]:
    from opord.language.diagnostics.suggest import nearest

    contract, slash, key = run.partition("/")
    if not slash:
        return [RunId(f"{one}/{run}") for one in sorted(contracts)[:_CONTRACTS_MAX]]
    meant = contract if contract in contracts else nearest(contract, sorted(contracts))
    if meant is None:
        return []
    keys = dict.fromkeys((key, key.strip(), key.lower(), key.upper()))
    whole = [RunId(key)] if key.startswith(f"{meant}/") else []  # the name was given as the key
    return whole + [name for one in keys if (name := RunId(f"{meant}/{one}")) != run]
