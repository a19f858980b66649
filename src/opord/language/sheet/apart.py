"""What the key of an action tells apart: which runs, and which commits of one run."""

from __future__ import annotations

from opord.contract import Action
from opord.language.flow.graph import Graph
from opord.language.flow.shared_keys import shared_keys
from opord.language.spelling import spell


def tells_apart(graph: Graph, action: Action) -> str | None:
    """Return in words what the key of an action tells apart; None if it has no key."""
    key = action.key
    if key is None:
        return None
    if key.expr is None:
        return "each commit of each run"
    differing = f"commits whose {spell(key.expr)} differs"
    if action.transaction:
        return f"in a run, {differing}"
    if graph.contract.key is None:
        return f"{differing}, in one run or in two"
    missing = next((each.missing for each in shared_keys(graph.contract, graph) if each.action is action), ())
    if missing:
        return f"{differing}; not two runs that differ in {' or '.join(missing)} alone"
    return f"each run; in a run, {differing}"
