"""Find the keys of actions that can be equal in two runs.

The key of a contract tells its runs apart. The key of an action does so too if all parts of that
key are in it, or something that belongs to this run alone: `run`, or what a call of this run has
answered. What an event tells, or the clock, can be the same in another run.

A key is followed through the arguments of each commit and through the fields of the states, back to
where their values come from (`origins.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from opord.contract import INT, STR, UUID, Action, Block, CallSite, Contract, Expr, Hole, PureCall, Unknown
from opord.language.flow.graph import Graph
from opord.language.flow.handed import HANDED_MAX, key_value
from opord.language.flow.origins import PRINTING, Origins, original, paths_in, readable_from
from opord.language.flow.value_flow import MadeValue, StepFlow, Value
from opord.statements import call_sites, nodes


@dataclass(frozen=True, slots=True)
class SharedKey:
    """A key that can be equal in two runs, a place where it is committed so, and what is missing.

    `missing` are the inputs, or fields of them, that the contract's key reads and this one does
    not.
    """

    action: Action
    site: CallSite
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the contract's key, and the inputs or fields of them from which it is made."""

    value: Value
    paths: tuple[MadeValue, ...]


def shared_keys(contract: Contract, graph: Graph) -> Iterator[SharedKey]:
    """Yield the keys of actions that do not tell the runs of a contract apart, each once.

    Without a key of the contract, nothing is known that tells its runs apart. The key of an action
    in transaction is never shared: only its own run knows it.
    """
    parts = [*_parts_of(StepFlow(()).value(contract.key))] if is_key(contract.key) else []
    actions = {
        action.name: action
        for action in contract.actions
        if action.key is not None and is_key(action.key.expr) and not action.transaction
    }
    if not parts or not actions:
        return
    keys = _Keys(graph, actions)
    # Most keys have what they need in the arguments, or in the step. The ways to the step are
    # followed only for the others.
    unclear = {site.name for site, key in keys.in_arguments() if _missing(parts, key)}
    unclear = {site.name for site, key in keys.in_steps(unclear) if _missing(parts, key)}
    reported: set[str] = set()
    for site, key in keys.in_states(unclear):
        missing = _missing(parts, key)
        if missing and site.name not in reported:
            reported.add(site.name)
            yield SharedKey(actions[site.name], site, tuple(missing))


def is_key(expr: Expr | None) -> TypeGuard[Expr]:
    """Say whether an expression can be a key. What cannot be one has its own finding."""
    return (
        expr is not None
        and expr.type in (STR, INT, UUID)
        and not any(isinstance(node, PureCall) for node in nodes(expr, types=False))
    )


class _Keys:
    """The keys of commits, as values of where they come from."""

    def __init__(self, graph: Graph, actions: Mapping[str, Action]) -> None:
        self._graph = graph
        self._actions = actions
        self._flows: dict[int, StepFlow] = {}

    def in_arguments(self) -> Iterator[tuple[CallSite, Value]]:
        """Yield each commit with its key, as far as the arguments tell."""
        for step in self._graph.steps:
            for site, _ in call_sites(step.body):
                action = self._actions.get(site.name)
                if action is not None:
                    args = tuple(map(StepFlow(()).value, site.args))
                    yield site, original(key_value(action, args), {})

    def in_steps(self, names: set[str]) -> Iterator[tuple[CallSite, Value]]:
        """Yield each commit of these actions with its key, as far as its step tells."""
        if names:
            for step in self._graph.steps:
                yield from self._keys(step.body, names, {})

    def in_states(self, names: set[str]) -> Iterator[tuple[CallSite, Value]]:
        """Yield each commit of these actions with its key, for each state that commits it.

        Yield nothing if a part of a step could not be read: it may be the part that is missing.
        """
        if (
            not names
            or len(self._graph.edges) > HANDED_MAX
            or any(_is_torn(step.body) for step in self._graph.steps)
        ):
            return
        origins = Origins(self._graph)
        for state in self._graph.contract.states:
            fields = origins.of(state)
            if fields is not None:
                for moment in self._graph.moments(state):
                    yield from self._keys(moment.body, names, fields)

    def _keys(
        self, body: Block, names: set[str], fields: Mapping[str, Value]
    ) -> Iterator[tuple[CallSite, Value]]:
        sites = [site for site, _ in call_sites(body) if site.name in names]
        if sites and id(body) not in self._flows:
            self._flows[id(body)] = StepFlow(body)
        for site in sites:
            calling = self._flows[id(body)].callings.get(id(site))
            if calling is not None:
                yield site, original(key_value(self._actions[site.name], calling.args), fields)


def _is_torn(body: Block) -> bool:
    return any(
        isinstance(node, Hole) or isinstance(getattr(node, "type", None), Unknown)
        for node in nodes(body, types=False)
    )


def _parts_of(key: Value) -> Iterator[_Part]:
    """Yield the parts of the contract's key; each has to be in the key of an action."""
    if isinstance(key, MadeValue) and key.how in PRINTING:
        for part in key.parts:
            yield from _parts_of(part)
    elif paths := tuple(paths_in(key)):
        yield _Part(key, paths)


def _missing(parts: list[_Part], key: Value) -> list[str]:
    """List the inputs that the contract's key has and this key lacks."""
    readable = readable_from(key)
    if readable is None:
        return []
    missing = [
        _spelled(path)
        for part in parts
        if part.value not in readable
        for path in part.paths
        if not _is_in(path, readable)
    ]
    return list(dict.fromkeys(missing))


def _is_in(path: Value, readable: frozenset[Value]) -> bool:
    """Say whether a field of the input, or a record around it, can be read from a key."""
    while path not in readable:
        if not isinstance(path, MadeValue) or not path.parts:
            return False
        path = path.parts[0]
    return True


def _spelled(path: MadeValue) -> str:
    return ".".join((*(_spelled(part) for part in path.parts if isinstance(part, MadeValue)), path.names[0]))
