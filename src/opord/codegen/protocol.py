"""Write the class of a contract: its states, its handlers, its typed start and events."""

from __future__ import annotations

from typing import assert_never

from opord import contract as ir
from opord.codegen.expressions import Expressions
from opord.codegen.layout import docstring, lay_out, quoted
from opord.codegen.names import calls
from opord.codegen.types import STRUCT_OPTIONS, TypeWriter, parameters, parameters_by_position
from opord.values.duration import format_duration
from opord.values.names import python_names


class ProtocolWriter:
    """Writes the contract's class."""

    def __init__(self, expressions: Expressions) -> None:
        self._all = expressions
        self._names = expressions.names
        self._contract = expressions.names.contract
        self._use = expressions.imports.use
        self._types = TypeWriter(expressions)

    def contract_class(self) -> list[str]:
        """Write the class, with its states first and its start last."""
        contract = self._contract
        lines = [f"class {self._names.workflow}({self._use('Workflow')}):"]
        lines += docstring(contract.doc or f"The contract `{contract.name}`.", 1)
        lines += ["", f"    class Input({self._use('Struct')}, {STRUCT_OPTIONS}):"]
        lines += self._types.body(contract.params, "What a run starts with.", 2)
        for state in contract.states:
            lines += ["", *self._state(state)]
        finals = [self._names.states[state.name] for state in contract.states if state.kind == "final"]
        hidden = set(self._names.states.values())
        alias = f"Result: {self._use('TypeAlias', hidden)} = "
        lines += ["", *_union(alias, finals)]
        lines += ["", *self._handlers(), "", *self._send(), "", *self._run(), "", *self._init()]
        return [*lines, "", *self._prepare(hidden)]

    def _state(self, state: ir.State) -> list[str]:
        base = self._use("Struct")
        lines = [f"    class {self._names.states[state.name]}({base}, {STRUCT_OPTIONS}):"]
        doc = state.doc or f"{_state_kind(state)}."
        if state.targets:
            doc += f"\n\nGoes to {', '.join(state.targets)}."
        return lines + self._types.body(state.fields, doc, 2, defaults=False)

    # --- Handlers ---

    def _handlers(self) -> list[str]:
        contract = self._contract
        lines = [f"    class Handlers({self._use('Protocol')}):"]
        lines += docstring(
            "What a worker has to bring: a method, or a function of a module, for each call.", 2
        )
        for call in calls(contract):
            lines += ["", *self._handler(call)]
        return lines

    def _handler(self, call: ir.Pure | ir.Effect | ir.Action) -> list[str]:
        names = handler_parameters(call)
        hidden = handler_names(self._contract)
        params = ["self", *parameters_by_position(self._all, call.params, names, hidden)]
        result = self._all.annotation(call.result, hidden)
        match call:
            case ir.Pure():
                pass
            case ir.Effect():
                result = f"{self._use('Reply', hidden)}[{result}]"
            case ir.Action(transaction=True):
                params += ["*", f"call: {self._use('TransactionCall', hidden)}"]
            case ir.Action():
                params += ["*", f"call: {self._use('Call', hidden)}"]
                result = f"{self._use('Reply', hidden)}[{result}]"
            case _:
                assert_never(call)
        name = handler_attributes(self._contract)[call.name]
        head = lay_out(f"def {name}({', '.join(params)}) -> {result}:", 2)
        return [
            f"        @{self._use('abstractmethod', hidden)}",
            *head,
            *docstring(self._handler_doc(call), 3),
        ]

    def _handler_doc(self, call: ir.Pure | ir.Effect | ir.Action) -> str:
        doc = call.doc or f"{type(call).__name__} `{call.name}`."
        timeout, failures = (None, ()) if isinstance(call, ir.Pure) else (call.timeout, call.fails)
        match call:
            case ir.Pure():
                facts = [
                    "May run any number of times, anywhere: a plain function that touches nothing outside."
                ]
            case ir.Effect():
                facts = ["May be repeated: it only reads, or is harmless to repeat."]
            case ir.Action(transaction=True):
                facts = [
                    "Writes through `call.connection`, in the transaction that also records its outcome: "
                    "a plain function, which calls nobody outside."
                ]
            case ir.Action():
                facts = ["Commits something the outside can see: pass on `call.key` as its idempotency key."]
            case _:
                assert_never(call)
        if timeout is not None:
            facts.append(f"An attempt takes at most {format_duration(timeout)}.")
        text = doc.rstrip() + "\n\n" + " ".join(facts)
        fails = [self._names.types[name] for name in failures]
        if fails:
            text += "\n\nRaises:\n" + "\n".join(f"    {name}: {self._variants(name)}." for name in fails)
        return text

    def _variants(self, failure: str) -> str:
        declared = next(one for one in self._contract.failures if self._names.types[one.name] == failure)
        return ", ".join(
            variant.name + (f" ({mark})" if (mark := _mark(variant)) else "") for variant in declared.variants
        )

    # --- The run, from outside ---

    def _send(self) -> list[str]:
        lines = [f"    class Send({self._use('Sender')}):", *docstring("The events that a run takes.", 2)]
        events = python_names(event.name for event in self._contract.events)
        hidden = set(events.values())
        for event in self._contract.events:
            names = python_names((param.name for param in event.params), {"self"})
            params = parameters(self._all, event.params, names, hidden)
            params = ["self", *(["*", *params] if params else [])]
            head = f"async def {events[event.name]}({', '.join(params)}) -> {self._use('Sent', hidden)}:"
            members = ", ".join(f"{quoted(param.name)}: {names[param.name]}" for param in event.params)
            body = f"return await self._send({quoted(event.name)}, {{{members}}})"
            doc = event.doc or f"Send `{event.name}`."
            if (senders := _senders(event)) is not None:
                doc += f" {senders}" if "\n" not in doc else f"\n\n{senders}"
            lines += ["", *lay_out(head, 2), *docstring(doc, 3), *lay_out(body, 3)]
        return lines

    def _run(self) -> list[str]:
        workflow = self._names.workflow
        return [
            f"    class Run({self._use('RunHandle')}):",
            *docstring("One run of this contract.", 2),
            "",
            f"        @{self._use('property')}",
            f"        def send(self) -> {workflow}.Send:",
            *docstring("Send the run an event.", 3),
            f"            return {workflow}.Send(self)",
            "",
            f"        async def result(self) -> {workflow}.Result:",
            *docstring("Wait for the end of the run, and return its final state.", 3),
            f"            result: {workflow}.Result = await self._result()",
            "            return result",
        ]

    def _init(self) -> list[str]:
        workflow = self._names.workflow
        return [
            f"    def __init__(self, handlers: {workflow}.Handlers) -> None:",
            *docstring("Join the contract with handlers: an object, or a module that has the functions.", 2),
            f"        {self._use('super')}().__init__(handlers)",
        ]

    def _prepare(self, hidden: set[str]) -> list[str]:
        workflow = self._names.workflow
        hidden = hidden | {"Input", "Handlers", "Send", "Run", "Result"}
        names = self._names.fields(self._contract.params)
        params = parameters(self._all, self._contract.params, names, hidden)
        start = self._use("Start", hidden)
        head = f"def prepare({', '.join(['*', *params] if params else [])}) -> {start}[{workflow}.Run]:"
        members = ", ".join(f"{quoted(name)}: {form}" for name, form in names.items())
        body = f"return {start}({workflow}, {workflow}.Run, {{{members}}})"
        return [
            f"    @{self._use('staticmethod')}",
            *lay_out(head, 1),
            *docstring("Say what `Engine.start` takes for a run of this contract.", 2),
            *lay_out(body, 2),
        ]


def handler_attributes(contract: ir.Contract) -> dict[str, str]:
    """Return the Python name of each call's handler."""
    return python_names(call.name for call in calls(contract))


def handler_names(contract: ir.Contract) -> set[str]:
    """Return the names in the scope of the `Handlers` class."""
    return set(handler_attributes(contract).values())


def handler_parameters(call: ir.Pure | ir.Effect | ir.Action) -> dict[str, str]:
    """Return the Python name of each parameter of a handler; `call` belongs to the runtime."""
    return python_names((param.name for param in call.params), {"call", "self"})


def _mark(variant: ir.Variant) -> str:
    if variant.wait is not None:
        return f"transient, next attempt after `{variant.wait.field}`"
    return "transient" if variant.transient else "settles" if variant.settles else ""


def _state_kind(state: ir.State) -> str:
    if state.kind == "final":
        return f"Final: {state.outcome}"
    what = "acts as soon as it is entered" if state.kind == "acting" else "waits"
    return f"Initial: {what}" if state.initial else what.capitalize()


def _union(head: str, names: list[str]) -> list[str]:
    line = f"    {head}{' | '.join(names)}"
    if len(line) <= 110:
        return [line]
    first, *others = names
    return [f"    {head}(", f"        {first}", *(f"        | {name}" for name in others), "    )"]


def _senders(event: ir.Event) -> str | None:
    """Say who may send an event; None if anyone may."""
    excluded = " or ".join(f"`{each.text}`" for each in event.excepts)
    if not event.roles:
        return f"From anyone but {excluded}." if excluded else None
    return f"From {' or '.join(event.roles)}{f', but not {excluded}' if excluded else ''}."
