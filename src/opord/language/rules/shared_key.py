"""A key that two runs can share, and a `shared because` for a key that they cannot share."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Action, Contract, Expr, Key
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.places import known_place
from opord.language.diagnostics.suppressors import MISUNDERSTOOD, WAYS_UNREAD
from opord.language.diagnostics.wording import quoted
from opord.language.flow.graph import Graph
from opord.language.flow.shared_keys import SharedKey, shared_keys
from opord.language.rules.same_key import extended_key
from opord.language.spelling import spell
from opord.statements import call_sites

CODE = code(
    "OP810",
    rule="sharedkey",
    title="a key that two runs can have",
    suppressed_by=WAYS_UNREAD,
    allowed_by="shared because",
)
NEEDLESS = code(
    "OP814",
    rule="unused",
    title="a `shared because` that allows nothing",
    suppressed_by=(*WAYS_UNREAD, *MISUNDERSTOOD),
)

_HIDDEN = " (a parameter of the action has the name of the input, and hides it: call the parameter otherwise)"


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find keys that do not tell runs apart, and reasons for keys that do.

    Nothing is reported if the contract has no key, or if nothing commits the action.
    """
    if contract.key is None:
        return
    shared = {each.action.name: each for each in shared_keys(contract, graph)}
    committed = {site.name for step in graph.steps for site, _ in call_sites(step.body)}
    for action in contract.actions:
        key = action.key
        if key is None or key.expr is None or action.name not in committed:
            continue
        if action.name not in shared and key.shared is not None:
            yield _needless(action, key, key.expr)
        elif action.name in shared and key.shared is None:
            yield _finding(contract.key, shared[action.name], key, key.expr)


def _finding(contract_key: Expr, shared: SharedKey, key: Key, expr: Expr) -> Diagnostic:
    action = shared.action
    missing = quoted(shared.missing)
    longer = key_with_missing(shared, expr)
    hint = f", as in `key {longer}`" if longer is not None else _HIDDEN
    return CODE.at(
        known_place(key.place, action.place),
        f"two runs can commit `{action.name}` with the same key `{spell(expr)}`: {missing} "
        f"{'are' if len(shared.missing) > 1 else 'is'} not in it",
        label=f"the same in two runs that differ in {quoted(shared.missing, 'or')} alone",
        labels=(
            Label(shared.site.place, "committed here with this key"),
            Label(known_place(contract_key.place, action.place), "tells one run from another"),
        ),
        help=f"put {missing} into the key{hint}, or say after the key "
        'why both runs mean the same effect: `shared because "…"`',
        about=action.name,
    )


def key_with_missing(shared: SharedKey, expr: Expr) -> str | None:
    """Write the key with what is missing in it; None if a parameter hides it from the key."""
    names = [name for path in shared.missing if (name := _in_key(shared, path)) is not None]
    return extended_key(expr, names) if len(names) == len(shared.missing) else None


def _in_key(shared: SharedKey, path: str) -> str | None:
    """Return how the action's key can read a part of the input.

    A parameter hides an input of its name. Then it is read from the parameter that is given it;
    None if none is.
    """
    params = shared.action.params
    if path.split(".")[0] not in {param.name for param in params}:
        return path
    for param, arg in zip(params, shared.site.args, strict=False):
        given = spell(arg)
        if path == given or path.startswith(f"{given}."):
            return param.name + path.removeprefix(given)
    return None


def _needless(action: Action, key: Key, expr: Expr) -> Diagnostic:
    why = f"no two runs have the same key `{spell(expr)}` of `{action.name}`"
    if action.transaction:
        why = f"`{action.name}` is in transaction, and only its own run knows its key"
    return NEEDLESS.at(
        known_place(key.shared_place, action.place),
        f"this reason allows nothing: {why}",
        label="no warning is silenced by it",
        help="remove the reason",
    )
