"""From the checked contract to its guarantee sheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opord.contract import (
    Action,
    Check,
    Contract,
    Effect,
    Event,
    EventHandler,
    Field,
    Nothing,
    Promise,
    State,
    Timer,
    Type,
)
from opord.language.graph import Graph
from opord.language.paths import call_sites
from opord.language.sheet.guarantee import attempts, doubt_word, guarantee, time_limit
from opord.language.sheet.model import (
    ActionSheet,
    EffectSheet,
    EndSheet,
    EventSheet,
    FailureSheet,
    Item,
    Move,
    Sheet,
    StateSheet,
    TypeSheet,
    VariantSheet,
    Wait,
)
from opord.language.sheet.reasons import timer_words, why
from opord.language.spelling import in_words, spell
from opord.language.types import show


def explain_sheet(contract: Contract) -> Sheet:
    """Write the guarantee sheet of a contract without errors."""
    graph = Graph(contract)
    return Sheet(
        contract=contract.name,
        version=contract.version,
        doc=contract.doc,
        input=_items(contract.params),
        key=None if contract.key is None else spell(contract.key),
        states=tuple(_state(graph, state) for state in contract.states if state.kind != "final"),
        ends=tuple(
            EndSheet(state.name, state.outcome or "", state.doc, _items(state.fields))
            for state in contract.states
            if state.kind == "final"
        ),
        actions=tuple(_action(graph, action) for action in contract.actions),
        effects=tuple(_effect(graph, effect) for effect in contract.effects),
        pures=tuple(pure.name for pure in contract.pures),
        events=tuple(_event(contract, event) for event in contract.events),
        types=_types(contract),
        promises=tuple(promise_words(promise) for promise in contract.promises),
    )


def _items(fields: Iterable[Field]) -> tuple[Item, ...]:
    return tuple(Item(field.name, show(field.type), field.doc) for field in fields)


def _result(type: Type) -> str | None:
    return None if isinstance(type, Nothing) else show(type)


def _types(contract: Contract) -> tuple[TypeSheet, ...]:
    records = [TypeSheet(each.name, each.doc, _items(each.fields), ()) for each in contract.records]
    return *records, *(
        TypeSheet(
            each.name,
            each.doc,
            (),
            tuple(VariantSheet(variant.name, _items(variant.fields)) for variant in each.variants),
        )
        for each in contract.enums
    )


# --- States -------------------------------------------------------------------------------------------


def _state(graph: Graph, state: State) -> StateSheet:
    moments = graph.moments(state)
    reasons: dict[str, list[str]] = {target: [] for target in state.targets}
    for moment in moments:
        for target, reason in why(graph, moment):
            said = reasons.setdefault(target, [])
            if reason not in said:
                said.append(reason)
    return StateSheet(
        name=state.name,
        kind=state.kind,
        initial=state.initial,
        phase=state.phase,
        doc=state.doc,
        proves=_items(state.fields),
        calls=tuple(dict.fromkeys(f"{site.verb} {site.name}" for site, _ in call_sites(state.body))),
        waits_for=tuple(
            _wait(graph.contract, moment.handler)
            for moment in moments
            if isinstance(moment.handler, EventHandler)
        ),
        timers=tuple(
            timer_words(moment.handler, moment.shared)
            for moment in moments
            if isinstance(moment.handler, Timer)
        ),
        becomes=tuple(Move(target, tuple(each)) for target, each in reasons.items()),
    )


def _wait(contract: Contract, handler: EventHandler) -> Wait:
    event = next((each for each in contract.events if each.name == handler.event), None)
    return Wait(
        event=handler.event,
        roles=event.roles if event is not None else (),
        takes=_items(event.params) if event is not None else (),
        condition=spell(handler.guard) if handler.guard is not None else "",
        ignored=handler.ignore,
    )


# --- Calls --------------------------------------------------------------------------------------------


def _failures(graph: Graph, name: str) -> tuple[FailureSheet, ...]:
    return tuple(
        FailureSheet(ref.type, variant.name, _items(variant.fields), variant.transient, variant.doc)
        for ref, variant in graph.calls.variants(name)
    )


def _called_in(graph: Graph, name: str) -> tuple[str, ...]:
    """Name the states, and the phases with a shared handler, in which something is called."""
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


def _action(graph: Graph, action: Action) -> ActionSheet:
    key = action.key
    return ActionSheet(
        name=action.name,
        doc=action.doc,
        takes=_items(action.params),
        returns=_result(action.result),
        guarantee=guarantee(graph, action),
        key=None if key is None else spell(key.expr) if key.expr is not None else "made by the runtime",
        key_held_for=in_words(key.window) if key is not None and key.window is not None else None,
        attempts=attempts(graph, action),
        time_limit=time_limit(action),
        in_doubt=doubt_word(action),
        repeatable=action.repeatable,
        undoes=action.undoes,
        undone_by=tuple(other.name for other in graph.contract.actions if other.undoes == action.name),
        committed_in=_called_in(graph, action.name),
        failures=_failures(graph, action.name),
    )


def _effect(graph: Graph, effect: Effect) -> EffectSheet:
    return EffectSheet(
        name=effect.name,
        doc=effect.doc,
        takes=_items(effect.params),
        returns=_result(effect.result),
        attempts=attempts(graph, effect),
        time_limit=time_limit(effect),
        failures=_failures(graph, effect.name),
        performed_in=_called_in(graph, effect.name),
        checks=tuple(
            action.name
            for action in graph.contract.actions
            if isinstance(action.doubt, Check) and action.doubt.effect == effect.name
        ),
    )


# --- Events and promises ------------------------------------------------------------------------------


def _event(contract: Contract, event: Event) -> EventSheet:
    return EventSheet(
        name=event.name,
        doc=event.doc,
        roles=event.roles,
        takes=_items(event.params),
        taken_in=tuple(
            state.name
            for state in contract.states
            if state.kind != "final"
            and any(handler.event == event.name for handler in contract.handlers_of(state))
        ),
        kept=event.keep,
        once_per=None if event.key is None else spell(event.key),
    )


def promise_words(promise: Promise) -> str:
    """Write a promise as the contract states it."""
    one, other = " or ".join(promise.subjects), " or ".join(promise.others)
    match promise.kind:
        case "at most once":
            return f"{one} at most once"
        case "only after":
            return f"{one} only after {other}"
        case "never after":
            return f"never {one} after {other}"
        case "eventually":
            return f"after {other} eventually {one}"
        case "every run ends":
            return "every run ends" + (f" within {in_words(promise.within)}" if promise.within else "")
