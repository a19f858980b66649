"""Put a generated module and its contract into the tables that the kernel reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, assert_never

from opord import contract as ir
from opord.codegen.expressions import Expressions
from opord.codegen.imports import Imports
from opord.codegen.names import Names, calls, except_words, handler_id, timer_id
from opord.codegen.steps import contains_call
from opord.content import contract_digest, legacy_digest
from opord.kernel.program import (
    CallKind,
    CallProgram,
    EventProgram,
    ExceptProgram,
    HandlerProgram,
    Program,
    StateProgram,
    TimerProgram,
)
from opord.kernel.requests import Frame, InDoubt, RunInfo, TimedOut
from opord.loading.modules import places_in
from opord.values.codec import Codecs
from opord.values.types import START_OF_TIME, Digest, Key

_NO_RUN = RunInfo("", START_OF_TIME)


def build_program(contract: ir.Contract, sources: tuple[tuple[str, str], ...], module: ModuleType) -> Program:
    """Make a program of a contract and the module that was generated from it."""
    return _Builder(contract, module).build(sources)


def secret_places(contract: ir.Contract) -> tuple[str, ...]:
    """Return the places of secrets in the data of a contract, such as `Order.card_token`."""
    groups: list[tuple[str, Sequence[ir.Field]]] = [("input", contract.params)]
    groups += [(record.name, record.fields) for record in contract.records]
    sums: list[ir.Enum | ir.Failure] = [*contract.enums, *contract.failures]
    for sum_type in sums:
        groups += [(f"{sum_type.name}.{variant.name}", variant.fields) for variant in sum_type.variants]
    groups += [(event.name, event.params) for event in contract.events]
    groups += [(state.name, state.fields) for state in contract.states]
    groups += [(call.name, call.params) for call in calls(contract)]
    places = [f"{name}.{field.name}" for name, fields in groups for field in fields if _is_secret(field.type)]
    return (*places, *(f"{call.name}()" for call in calls(contract) if _is_secret(call.result)))


def _kind(call: ir.Pure | ir.Effect | ir.Action) -> CallKind:
    match call:
        case ir.Pure():
            return "pure"
        case ir.Effect():
            return "effect"
        case ir.Action():
            return "action"
        case _:
            assert_never(call)


def _is_secret(type_: ir.Type) -> bool:
    match type_:
        case ir.SecretOf():
            return True
        case ir.ListOf(inner) | ir.MapOf(inner) | ir.OptionalOf(inner):
            return _is_secret(inner)
        case ir.Primitive() | ir.Named() | ir.ProblemOf() | ir.RunInfo() | ir.Nothing() | ir.Unknown():
            return False
        case _:
            assert_never(type_)


class _Builder:
    def __init__(self, contract: ir.Contract, module: ModuleType) -> None:
        self._contract = contract
        self._module = module
        self._names = Names(contract)
        self._workflow = vars(module)[self._names.workflow]
        classes = {name: vars(module)[form] for name, form in self._names.types.items()}
        self._classes = classes
        self._codecs = Codecs(contract, classes, self._evaluate)

    def build(self, sources: tuple[tuple[str, str], ...]) -> Program:
        contract = self._contract
        legacy = legacy_digest(contract)
        return Program(
            contract=contract,
            digest=Digest(contract_digest(contract)),
            also=frozenset() if legacy is None else frozenset((legacy,)),
            sources=sources,
            workflow=self._workflow,
            input=self._codecs.struct(contract.params, self._workflow.Input, "the input"),
            key=self._key(),
            refusal=self._refusal(),
            initial=self._function("initial"),
            states={state.name: self._state(state) for state in contract.states},
            events={event.name: self._event(event) for event in contract.events},
            calls={call.name: self._call(call) for call in calls(contract)},
            place_of=places_in(self._module),
            initial_state=next(state.name for state in contract.states if state.initial),
            secrets=secret_places(contract),
        )

    def _function(self, *words: str) -> Any:
        return vars(self._module)[self._names.function(*words)]

    def _key(self) -> Callable[[Any], Key] | None:
        if self._contract.key is None:
            return None
        key = self._function("key")

        def key_of(input_value: Any) -> Key:
            text: Key = key(Frame(input_value, _NO_RUN, START_OF_TIME))
            return text

        return key_of

    def _refusal(self) -> Callable[[Any], tuple[int, str] | None] | None:
        if not self._contract.requirements:
            return None
        refusal = self._function("refusal")

        def refusal_of(input_value: Any) -> tuple[int, str] | None:
            refused: tuple[int, str] | None = refusal(Frame(input_value, _NO_RUN, START_OF_TIME))
            return refused

        return refusal_of

    def _event(self, event: ir.Event) -> EventProgram:
        key = self._function("key", "of", event.name) if event.key is not None else None
        names = tuple(param.name for param in event.params)
        excepts = tuple(
            ExceptProgram(each, self._function(*except_words(event.name, number)))
            for number, each in enumerate(event.excepts, 1)
        )
        args = self._codecs.params(event.params, f"the event {event.name}")
        return EventProgram(event, names, args, key, excepts)

    def _call(self, call: ir.Pure | ir.Effect | ir.Action) -> CallProgram:
        key = check = None
        if isinstance(call, ir.Action):
            if call.key is not None and call.key.expr is not None:
                key = self._function("key", "of", call.name)
            if isinstance(call.doubt, ir.Check):
                check = self._function("check", call.name)
        problems = self._problems(call)
        return CallProgram(
            declaration=call,
            kind=_kind(call),
            params=tuple(param.name for param in call.params),
            args=self._codecs.params(call.params, f"the call of {call.name}"),
            result=None if isinstance(call.result, ir.Nothing) else self._codecs.of(call.result),
            failure=self._codecs.problem(problems, f"the failures of {call.name}"),
            fails=frozenset(cls.opord_type for cls, _ in problems.values() if cls.opord_type),
            key=key,
            check_args=check,
        )

    def _problems(
        self, call: ir.Pure | ir.Effect | ir.Action
    ) -> dict[str, tuple[type[Any], tuple[ir.Field, ...]]]:
        problems: dict[str, tuple[type[Any], tuple[ir.Field, ...]]] = {
            "TimedOut": (TimedOut, ()),
            "InDoubt": (InDoubt, ()),
        }
        declared = () if isinstance(call, ir.Pure) else call.fails
        for failure in self._contract.failures:
            if failure.name in declared:
                forms = self._names.variants[failure.name]
                for variant in failure.variants:
                    cls = getattr(self._classes[failure.name], forms[variant.name])
                    problems[f"{failure.name}.{variant.name}"] = cls, variant.fields
        return problems

    def _state(self, state: ir.State) -> StateProgram:
        cls = getattr(self._workflow, self._names.states[state.name])
        phase = self._contract.phase_of(state)
        own = {handler.event for handler in state.handlers}
        handlers: dict[str, tuple[HandlerProgram, ...]] = {}
        for handler in state.handlers:
            handlers[handler.event] = (*handlers.get(handler.event, ()), self._handler(state, handler))
        timers = [self._timer(state, timer) for timer in state.timers]
        if phase is not None:
            for handler in phase.handlers:
                if handler.event not in own:
                    program = self._handler(phase, handler)
                    handlers[handler.event] = (*handlers.get(handler.event, ()), program)
            timers += [self._timer(phase, timer) for timer in phase.timers]
        # `initial` computes the defaults of an initial state. All other code gives every field.
        fields = tuple(dataclasses.replace(field, default=None) for field in state.fields)
        return StateProgram(
            declaration=state,
            cls=cls,
            fields=self._codecs.struct(fields, cls, f"the state {state.name}"),
            step=self._function("step", state.name) if state.kind == "acting" else None,
            handlers=handlers,
            timers=tuple(timers),
        )

    def _handler(self, owner: ir.State | ir.Phase, handler: ir.EventHandler) -> HandlerProgram:
        words = handler_id(owner, handler)
        return HandlerProgram(
            id=words,
            declaration=handler,
            guard=self._function("guard", words) if handler.guard is not None else None,
            step=None if handler.ignore else self._function("step", words),
            calls=contains_call(handler.body),
            shared=isinstance(owner, ir.Phase),
        )

    def _timer(self, owner: ir.State | ir.Phase, timer: ir.Timer) -> TimerProgram:
        words = timer_id(owner, timer)
        return TimerProgram(
            id=words,
            declaration=timer,
            when=self._function("when", words),
            step=self._function("step", words),
            calls=contains_call(timer.body),
            shared=isinstance(owner, ir.Phase),
        )

    def _evaluate(self, expr: ir.Expr) -> Any:
        """Compute a default that is not a plain literal."""
        imports = Imports(self._names.module_names)
        text = Expressions(self._names, imports).write(expr)
        space = dict(vars(self._module))
        for home, name, local in imports.used():
            space[local] = getattr(import_module(home), name)
        return eval(text, space)  # noqa: S307 - our own text
