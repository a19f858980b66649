"""Lower states and phases: their fields, their targets, and the handlers and timers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never, cast

from opord.contract import (
    DATETIME,
    DURATION,
    NOWHERE,
    STR,
    Block,
    Constant,
    EventHandler,
    OptionalOf,
    Outcome,
    Phase,
    Place,
    State,
    StateKind,
    Timer,
    TimerKind,
)
from opord.language.diagnostics.model import Label, code
from opord.language.diagnostics.suppressors import undeclared
from opord.language.diagnostics.wording import listed
from opord.language.lowering.arguments import MISSING
from opord.language.lowering.context import Lowering
from opord.language.lowering.declarations import builtin_cancel, checked_fields, lower_fields
from opord.language.lowering.dispatch import lower, lower_condition
from opord.language.lowering.scope import Binding, Scope
from opord.language.lowering.statements import find_state, lower_block
from opord.language.lowering.symbols import EventSymbol, StateSymbol
from opord.language.syntax import tree
from opord.language.types import RUN, UNKNOWN

UNKNOWN_EVENT = code("OP105", rule="name", title="an unknown event", suppressed_by=undeclared("event"))
NO_DEFAULT = code("OP212", rule="type", title="an initial state that a run cannot start in")

_ONLY_IN_HANDLERS = {"actor": "`actor` is known only in the handler of an event"}
_HANDLERS = (tree.OnEvent, tree.After, tree.At)


def lower_state_fields(ctx: Lowering) -> None:
    """Add the fields to the states."""
    for state in ctx.states.values():
        node = state.node
        if node.fields:
            state.fields = lower_fields(ctx, node.fields, "field", hides=node.kind != "final")
            if node.kind == "initial":
                _ask_for_defaults(ctx, state)


def _ask_for_defaults(ctx: Lowering, state: StateSymbol) -> None:
    for field in state.fields.values():
        if isinstance(field.type, OptionalOf) and not field.has_default:
            field.default = Constant(None, field.type, field.place)
        elif not field.has_default:
            ctx.report(
                NO_DEFAULT,
                field.place,
                f"a run starts in `{state.name}`, and `{field.name}` has no value then",
                help=f"give it a default, which may use the input: `{field.name}: … = …`",
            )


class Bodies:
    """Lower the bodies of states and phases. All bodies can use the names of the input."""

    def __init__(self, ctx: Lowering) -> None:
        self.ctx = ctx
        self.everywhere: dict[str, Binding] = {
            **ctx.input,
            "now": Binding("now", "now", DATETIME),
            "run": Binding("run", "run", RUN),
        }
        self.states_of: dict[str, list[StateSymbol]] = {}
        for state in ctx.states.values():
            if state.phase is not None:
                self.states_of.setdefault(state.phase, []).append(state)

    def scope(self, fields: Iterable[Binding]) -> Scope:
        """Return the scope at the start of a body."""
        names = dict(self.everywhere)
        for field in fields:
            names[field.name] = field
        return Scope(names, where="this body", elsewhere=_ONLY_IN_HANDLERS)

    def state(self, symbol: StateSymbol) -> State:
        """Return a state with its body."""
        node = symbol.node
        ctx = self.ctx
        scope = self.scope(
            [
                Binding(name, "field", field.type, places=(field.place,))
                for name, field in symbol.fields.items()
            ]
        )
        statements: list[tree.Statement] = []
        handlers: list[EventHandler] = []
        timers: list[Timer] = []
        for part in node.body or ():
            if isinstance(part, _HANDLERS):
                self._handler(scope, part, handlers, timers)
            else:
                statements.append(part)
        # Text that could not be read may have been a handler. Beside handlers it does not make a
        # state acting.
        if (handlers or timers) and all(isinstance(each, tree.Unparsed) for each in statements):
            statements = []
        targets, places = _targets(ctx, node)
        waits = not statements and (handlers or timers or symbol.shares)
        kind: StateKind = "waiting" if waits else "acting"
        return State(
            symbol.name,
            "final" if node.kind == "final" else kind,
            node.kind == "initial",
            checked_fields(symbol.fields),
            targets,
            lower_block(ctx, scope, statements) if statements else (),
            tuple(handlers),
            tuple(timers),
            symbol.phase,
            _outcome(node),
            places,
            node.doc,
            symbol.place,
        )

    def phase(self, node: tree.Phase) -> Phase:
        """Return a phase with its shared handlers.

        The handlers can use the fields that all states of the phase have.
        """
        ctx = self.ctx
        inside = self.states_of.get(node.name.text, [])
        scope = self.scope(common_fields(inside))
        scope.elsewhere = {**_ONLY_IN_HANDLERS, **fields_of_some(inside, scope, "states of the phase")}
        scope.where = "a handler that states share"
        handlers: list[EventHandler] = []
        timers: list[Timer] = []
        for part in node.handlers:
            self._handler(scope, part, handlers, timers)
        return Phase(
            node.name.text,
            tuple(each.name for each in inside),
            tuple(handlers),
            tuple(timers),
            node.doc,
            ctx.place(node.name.span),
        )

    def _handler(
        self,
        scope: Scope,
        node: tree.OnEvent | tree.After | tree.At,
        handlers: list[EventHandler],
        timers: list[Timer],
    ) -> None:
        match node:
            case tree.OnEvent():
                handlers.append(self._on(scope, node))
            case tree.After(length, body):
                timers.append(self._timer(scope, "after", length, body, node.span))
            case tree.At(instant, body):
                timers.append(self._timer(scope, "at", instant, body, node.span))
            case _:
                assert_never(node)

    def _timer(
        self, scope: Scope, kind: TimerKind, when: tree.Expression, body: tree.Block, span: tree.Span
    ) -> Timer:
        ctx = self.ctx
        match kind:
            case "after":
                expected = DURATION
            case "at":
                expected = DATETIME
            case _:
                assert_never(kind)
        value = lower(ctx, scope.guarded(f"`{kind}`"), when, expected)
        if not ctx.refuse_secret(value, f"`{kind}`"):
            value = ctx.fit(value, expected, f"what follows `{kind}`")
        block = lower_block(ctx, scope, body.statements)
        return Timer(kind, value, block, ctx.place(span))

    def _on(self, scope: Scope, node: tree.OnEvent) -> EventHandler:
        ctx = self.ctx
        event = self._event(node)
        mark = scope.mark()
        outer = scope.elsewhere
        scope.elsewhere = {name: why for name, why in outer.items() if name != "actor"}
        if node.names is None and event is not None and event.params:
            # Without parentheses, the handler does not use the event's parameters.
            form = f"write `on {event.name}({', '.join(event.params)})` to take it from the event"
            scope.elsewhere |= dict.fromkeys(event.params, form)
        scope.bind(Binding("actor", "actor", STR))
        names = self._bind_names(scope, node, event)
        guard = None
        if node.guard is not None:
            guard = lower_condition(ctx, scope.guarded("a guard"), node.guard, "a guard")
        body: Block = ()
        if node.body is not None:
            body = lower_block(ctx, scope, node.body.statements)
        scope.elsewhere = outer
        scope.reset(mark)
        name = event.name if event is not None else node.event.text
        return EventHandler(name, names, guard, body, node.body is None, ctx.place(node.span))

    def _event(self, node: tree.OnEvent) -> EventSymbol | None:
        ctx = self.ctx
        name = node.event.text
        event = ctx.events.get(name)
        if event is None and name == "cancel":
            event = ctx.events[name] = builtin_cancel()
        if event is None and name:
            near = ctx.near(name, (*ctx.events, "cancel"))
            hint = f"the events are {listed(ctx.events)}" if ctx.events else f"declare it: `event {name}(…)`"
            ctx.report(UNKNOWN_EVENT, node.event.span, f"there is no event `{name}`", near=near, help=hint)
            if near is not None:
                # The handler is lowered for the similar event, but the names in it are not checked
                # against its parameters.
                return EventSymbol(near, Place("", 0, 0, 0, 0), None, {})
        if event is not None and ctx.recorder is not None:
            ctx.recorder.refer(node.event.span, event.place)
        return event

    def _bind_names(
        self, scope: Scope, node: tree.OnEvent, event: EventSymbol | None
    ) -> tuple[str | None, ...]:
        ctx = self.ctx
        params = list(event.params.values()) if event is not None else []
        event_is_declared = event is not None and (event.node is not None or bool(event.params))
        bindings = node.names
        if bindings is None:
            # Without parentheses, the handler does not use the event's parameters.
            return tuple(None for _ in params)
        if event_is_declared and len(bindings) != len(params):
            assert event is not None
            count = f"{len(params)} parameter{'s' if len(params) != 1 else ''}" if params else "no parameters"
            form = f"({', '.join(each.name for each in params)})" if params else ""
            at = node.event.span[0], bindings[-1].span[1] if bindings else node.event.span[1]
            ctx.report(
                MISSING,
                at,
                f"`{event.name}` has {count}, and {len(bindings) or 'none'} {'are' if len(bindings) > 1 else 'is'} named here",
                help=f"write `on {event.name}{form}`",
                labels=[Label(event.place, "declared here")] if event.place.line else (),
            )
        names: list[str | None] = []
        places: dict[str, Place] = {}
        for index, name in enumerate(bindings):
            type = params[index].type if index < len(params) else UNKNOWN
            if name.text == "_" or not name.text:
                names.append(None)
                continue
            if name.text in places:
                ctx.duplicate("the name", name, places[name.text])
                names.append(None)
                continue
            places[name.text] = ctx.place(name.span)
            ctx.bind(scope, name, Binding(name.text, "binding", type))
            names.append(name.text)
        for param in params[len(bindings) :]:
            # The missing parameter has been reported. The body may use its name.
            if param.name not in places:
                name = tree.Name(param.name, node.event.span)
                ctx.bind(scope, name, Binding(param.name, "binding", UNKNOWN))
        names.extend(None for _ in params[len(names) :])
        return tuple(names[: len(params)] if event_is_declared else names)


def _targets(ctx: Lowering, node: tree.State) -> tuple[tuple[str, ...], tuple[Place, ...]]:
    """Return the states that a header lists, with their places.

    A state that replaces an unknown name has the place `NOWHERE`.
    """
    targets: dict[str, Place] = {}
    for name in node.targets:
        earlier = targets.get(name.text)
        if earlier is not None and earlier.line:
            ctx.duplicate("the target", name, earlier)
            continue
        state = find_state(ctx, name)
        if state == name.text:
            targets[state] = ctx.place(name.span)
        else:
            # The similar state, or the written name, which is no state.
            targets.setdefault(state or name.text, NOWHERE)
    return tuple(targets), tuple(targets.values())


def _outcome(node: tree.State) -> Outcome | None:
    if node.kind != "final":
        return None
    # A missing or misspelt outcome has been reported. No rule reports `success`, so it is used
    # here.
    return cast(Outcome, node.outcome.text) if node.outcome is not None else "success"


def common_fields(states: list[StateSymbol]) -> list[Binding]:
    """Return the fields that all states have with the same type."""
    if not states:
        return []
    return [
        Binding(name, "field", field.type, places=tuple(each.fields[name].place for each in states))
        for name, field in states[0].fields.items()
        if all(name in each.fields and each.fields[name].type == field.type for each in states[1:])
    ]


def fields_of_some(states: list[StateSymbol], scope: Scope, which: str) -> dict[str, str]:
    """Return the reasons why a name cannot stand for a field of all these states.

    The keys are fields that only some of them have, or that have several types. `which` describes
    the states: "states of the phase".
    """
    having: dict[str, list[str]] = {}
    for state in states:
        for name in state.fields:
            having.setdefault(name, []).append(state.name)
    return {
        name: f"only {listed(have)} {'has' if len(have) == 1 else 'have'} a field `{name}`"
        if len(have) < len(states)
        else f"`{name}` has not the same type in all {which}"
        for name, have in having.items()
        if name not in scope.names
    }
