"""The actions and effects of the sheet."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Action, AskedWait, Check, Effect
from opord.language.flow.graph import Graph
from opord.language.sheet.apart import tells_apart
from opord.language.sheet.fields import ContractReading, result_words
from opord.language.sheet.guarantee import attempts, doubt_word, guarantee, time_limit
from opord.language.sheet.model import ActionSheet, EffectSheet, FailureSheet
from opord.language.spelling import in_words, spell
from opord.statements import call_sites


def action_sheet(reading: ContractReading, action: Action) -> ActionSheet:
    """Return the sheet of an action."""
    graph, key = reading.graph, action.key
    return ActionSheet(
        name=action.name,
        doc=action.doc,
        takes=reading.items(action.params),
        returns=result_words(action.result),
        guarantee=guarantee(graph, action),
        key=None if key is None else spell(key.expr) if key.expr is not None else "made by the runtime",
        key_held_for=in_words(key.window) if key is not None and key.window is not None else None,
        key_tells_apart=tells_apart(graph, action),
        key_shared_because=key.shared if key is not None else None,
        attempts=attempts(graph, action),
        time_limit=time_limit(action),
        in_doubt=doubt_word(action),
        repeatable=action.repeatable,
        undoes=action.undoes,
        undone_by=tuple(other.name for other in graph.contract.actions if other.undoes == action.name),
        stands_because=action.stands,
        committed_in=_called_in(graph, action.name),
        failures=_failures(reading, action.name),
        transaction=action.transaction,
    )


def effect_sheet(reading: ContractReading, effect: Effect) -> EffectSheet:
    """Return the sheet of an effect."""
    graph = reading.graph
    return EffectSheet(
        name=effect.name,
        doc=effect.doc,
        takes=reading.items(effect.params),
        returns=result_words(effect.result),
        attempts=attempts(graph, effect),
        time_limit=time_limit(effect),
        failures=_failures(reading, effect.name),
        performed_in=_called_in(graph, effect.name),
        checks=tuple(
            action.name
            for action in graph.contract.actions
            if isinstance(action.doubt, Check) and action.doubt.effect == effect.name
        ),
    )


def _failures(reading: ContractReading, name: str) -> tuple[FailureSheet, ...]:
    return tuple(
        FailureSheet(
            ref.type,
            variant.name,
            reading.items(variant.fields),
            variant.transient,
            variant.doc,
            variant.settles,
            _wait(variant.wait) if variant.wait is not None else None,
        )
        for ref, variant in reading.graph.calls.variants(name)
    )


def _wait(wait: AskedWait) -> str:
    limit = f", {in_words(wait.at_most)} at most" if wait.at_most is not None else ""
    return f"as long as {wait.field} says{limit}"


def _called_in(graph: Graph, name: str) -> tuple[str, ...]:
    """Return the states, and the phases with a shared handler, in which something is called."""
    return tuple(dict.fromkeys(_callers(graph, name)))


def _callers(graph: Graph, name: str) -> Iterator[str]:
    for state in graph.contract.states:
        for moment in graph.moments(state):
            if not moment.shared and any(site.name == name for site, _ in call_sites(moment.body)):
                yield state.name
    for phase in graph.contract.phases:
        for step in graph.shared_steps(phase):
            if any(site.name == name for site, _ in call_sites(step.body)):
                yield phase.name
