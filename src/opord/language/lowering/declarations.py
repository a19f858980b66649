"""Enter declarations into their namespaces: types, calls, events, roles, and states with phases.

There are three passes, because a declaration may mention any other in the file: first the names,
then the types of fields and parameters, then their defaults.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, assert_never

from opord.contract import (
    DATETIME,
    STR,
    Field,
    Place,
    VariantRef,
)
from opord.language.diagnostics.model import Label, code
from opord.language.diagnostics.wording import listed
from opord.language.lowering.asked_waits import lower_asked_wait
from opord.language.lowering.builtins import BUILTINS
from opord.language.lowering.context import DUPLICATE, HIDES, NEVER_HIDDEN, Lowering
from opord.language.lowering.dispatch import lower_to
from opord.language.lowering.policies import note_policies
from opord.language.lowering.scope import Binding, Scope
from opord.language.lowering.symbols import (
    CallSymbol,
    EventSymbol,
    Fields,
    FieldSymbol,
    StateSymbol,
    TypeSymbol,
    VariantSymbol,
)
from opord.language.lowering.typenodes import UNKNOWN_TYPE, lower_type, refuse_endless
from opord.language.syntax import tree
from opord.language.syntax.letter_case import LetterCase
from opord.language.types import NOTHING, RUN, UNKNOWN, show

CANCEL = code("OP215", rule="type", title="`cancel` with other parameters than its own")


def _kind(node: tree.RecordType | tree.Enum | tree.Failure) -> Literal["record", "enum", "failure"]:
    match node:
        case tree.RecordType():
            return "record"
        case tree.Enum():
            return "enum"
        case tree.Failure():
            return "failure"
        case _:
            assert_never(node)


# --- Names ----------------------------------------------------------------------------------------


def collect_types(ctx: Lowering, declarations: Iterable[tree.Declaration]) -> None:
    """Enter records, enums and failures with their variants. Their fields are entered later."""
    for node in declarations:
        if not isinstance(node, tree.RecordType | tree.Enum | tree.Failure):
            continue
        kind = _kind(node)
        first = ctx.types.get(node.name.text)
        if first is not None:
            ctx.duplicate("the type", node.name, first.place)
            first.visible = True  # a type that only came with another type is declared here too
            continue
        ctx.declared(node.name, f"{'an' if kind == 'enum' else 'a'} {kind}", "PascalCase")
        if not node.name.text:
            continue
        symbol = TypeSymbol(kind, node.name.text, ctx.place(node.name.span), node.doc, node=node)
        ctx.types[symbol.name] = symbol
        if not isinstance(node, tree.RecordType):
            _collect_variants(ctx, symbol, node.variants)


def _collect_variants(ctx: Lowering, symbol: TypeSymbol, nodes: list[tree.Variant]) -> None:
    case: LetterCase = "either" if symbol.kind == "enum" else "PascalCase"
    for node in nodes:
        name = node.name.text
        place = ctx.place(node.name.span)
        if name in symbol.variants:
            ctx.duplicate("the variant", node.name, symbol.variants[name].place)
        elif name:
            ctx.declared(node.name, "a variant", case)
            variant = VariantSymbol(
                VariantRef(symbol.name, name),
                {},
                place,
                node.transient is not None,
                node.settles is not None,
                node.doc,
            )
            symbol.variants[name] = variant
            ctx.variants.setdefault(name, []).append(variant)


def collect_boundary(ctx: Lowering, declarations: Iterable[tree.Declaration]) -> None:
    """Enter roles, events and calls."""
    for node in declarations:
        match node:
            case tree.Role(names):
                for name in names:
                    if name.text in ctx.roles:
                        ctx.duplicate("the role", name, ctx.roles[name.text])
                    elif name.text:
                        ctx.declared(name, "a role", "snake_case")
                        ctx.roles[name.text] = ctx.place(name.span)
            case tree.Event(name):
                earlier = ctx.events.get(name.text)
                if earlier is not None:
                    ctx.duplicate("the event", name, earlier.place)
                elif name.text:
                    ctx.declared(name, "an event", "snake_case")
                    ctx.events[name.text] = EventSymbol(name.text, ctx.place(name.span), node)
            case tree.CallDeclaration():
                _collect_call(ctx, node)
            case (
                tree.Use()
                | tree.Contract()
                | tree.Require()
                | tree.RecordType()
                | tree.Enum()
                | tree.Failure()
                | tree.State()
                | tree.Phase()
                | tree.Ensure()
                | tree.Unparsed()
            ):
                pass
            case _:
                assert_never(node)


def _collect_call(ctx: Lowering, node: tree.CallDeclaration) -> None:
    name = node.name
    earlier = ctx.calls.get(name.text)
    if earlier is not None:
        ctx.duplicate("the call", name, earlier.place)
    elif node.kind == "pure" and name.text in BUILTINS:
        ctx.report(
            DUPLICATE,
            name.span,
            f"`{name.text}` is a built-in function already",
            help="give the pure another name",
        )
    elif name.text:
        ctx.declared(name, f"{'a' if node.kind == 'pure' else 'an'} {node.kind}", "snake_case")
        ctx.calls[name.text] = CallSymbol(node.kind, name.text, ctx.place(name.span), node)


def collect_states(ctx: Lowering, declarations: Iterable[tree.Declaration]) -> None:
    """Enter states and phases, which share one namespace."""
    for node in declarations:
        if isinstance(node, tree.State):
            _collect_state(ctx, node)
        elif isinstance(node, tree.Phase):
            name = node.name.text
            earlier = ctx.states.get(name)
            first = earlier.place if earlier is not None else ctx.phases.get(name)
            if first is not None:
                ctx.duplicate("the phase" if name in ctx.phases else "the state", node.name, first)
            elif name:
                ctx.declared(node.name, "a phase", "PascalCase")
                ctx.phases[name] = ctx.place(node.name.span)
            for state in node.states:
                _collect_state(ctx, state, name, shares=bool(node.handlers))


def _collect_state(
    ctx: Lowering, node: tree.State, phase: str | None = None, *, shares: bool = False
) -> None:
    name = node.name.text
    if name in ctx.states:
        ctx.duplicate("the state", node.name, ctx.states[name].place)
    elif name in ctx.phases:
        ctx.duplicate("the phase", node.name, ctx.phases[name])
        # A `goto` with this name means the state.
        ctx.states[name] = StateSymbol(name, ctx.place(node.name.span), node, phase, shares)
    elif name:
        ctx.declared(node.name, "a state", "PascalCase")
        ctx.states[name] = StateSymbol(name, ctx.place(node.name.span), node, phase, shares)


# --- Types of fields and parameters ---------------------------------------------------------------


def lower_fields(ctx: Lowering, nodes: list[tree.Field], kind: str, *, hides: bool = False) -> Fields:
    """Return fields or parameters with their types; `kind` is "field" or "parameter".

    `hides` says that the names become visible in expressions, where they must not hide some names.
    """
    fields: Fields = {}
    for node in nodes:
        name = node.name.text
        type = lower_type(ctx, node.type)
        if name in fields:
            ctx.duplicate(f"the {kind}", node.name, fields[name].place)
            continue
        if not name:
            continue
        ctx.declared(node.name, f"a {kind}", "snake_case")
        if hides and name in ("now", "run"):
            ctx.report(
                HIDES,
                node.name.span,
                f"`{name}` always means {NEVER_HIDDEN[name]}, and cannot be given another meaning",
                help="choose another name",
            )
        fields[name] = FieldSymbol(name, type, ctx.place(node.name.span), node.doc, node.default)
    return fields


def lower_types(ctx: Lowering) -> None:
    """Add the fields to the records and variants of this file."""
    for symbol in ctx.types.values():
        node = symbol.node
        if isinstance(node, tree.RecordType):
            symbol.fields = lower_fields(ctx, node.fields, "field")
        elif node is not None:
            for each in node.variants:
                variant = symbol.variants.get(each.name.text)
                # The second of two variants with the same name has no symbol of its own.
                if variant is not None and variant.place == ctx.place(each.name.span):
                    variant.fields = lower_fields(ctx, each.fields, "field")
                    variant.wait = lower_asked_wait(ctx, each, variant)
    refuse_endless(ctx)


def lower_boundary(ctx: Lowering) -> None:
    """Add the parameters, results and failures to calls and events."""
    for call in ctx.calls.values():
        node = call.node
        keyed = any(isinstance(policy, tree.KeyPolicy | tree.InDoubtPolicy) for policy in node.policies)
        call.params = lower_fields(ctx, node.parameters, "parameter", hides=keyed)
        call.result = lower_type(ctx, node.result) if node.result is not None else NOTHING
        call.fails = _failures(ctx, node.failures)
        note_policies(call)
    for event in ctx.events.values():
        if event.node is not None:
            event.params = lower_fields(
                ctx, event.node.parameters, "parameter", hides=event.node.key is not None
            )
    _declare_cancel(ctx)


def _failures(ctx: Lowering, names: list[tree.Name]) -> tuple[str, ...]:
    places: dict[str, Place] = {}
    for name in names:
        text = name.text
        symbol = ctx.type_named(text)
        if symbol is not None and ctx.recorder is not None:
            ctx.recorder.refer(name.span, symbol.place)
        if text in places:
            ctx.duplicate("the failure", name, places[text])
        elif symbol is not None and symbol.kind == "failure":
            places[text] = ctx.place(name.span)
        elif symbol is not None and symbol.unread:
            continue
        elif symbol is not None:
            places[text] = ctx.place(name.span)
            ctx.report(
                UNKNOWN_TYPE,
                name.span,
                f"`{text}` is {'an enum' if symbol.kind == 'enum' else 'a record'}, and a call fails with a `failure`",
                help=f"declare it as `failure {text} {{ … }}`",
                labels=[Label(symbol.place, "declared here")],
            )
        elif text:
            failures = [each.name for each in ctx.types.values() if each.visible and each.kind == "failure"]
            near = ctx.near(text, failures)
            hint = (
                f"the failures are {listed(failures)}"
                if failures
                else f"declare it: `failure {text} {{ … }}`"
            )
            ctx.report(UNKNOWN_TYPE, name.span, f"there is no failure `{text}`", near=near, help=hint)
            # An unknown failure stays in the list, so that no finding says that the call cannot
            # fail with it.
            places.setdefault(near or text, ctx.place(name.span))
    return tuple(places)


def _declare_cancel(ctx: Lowering) -> None:
    """Check the parameters of a declared `cancel`.

    The event is built in; a declaration only says who may send it.
    """
    reason = FieldSymbol("reason", STR, Place("", 0, 0, 0, 0))
    cancel = ctx.events.get("cancel")
    if cancel is None or cancel.node is None:
        return
    shape = [(param.name, param.type, param.has_default) for param in cancel.params.values()]
    if shape != [("reason", STR, False)]:
        signature = ", ".join(f"{param.name}: {show(param.type)}" for param in cancel.params.values())
        if not any(param.type is UNKNOWN for param in cancel.params.values()):
            ctx.report(
                CANCEL,
                cancel.place,
                f"`cancel` is built in with the parameters `(reason: str)`, not `({signature})`",
                help="write `event cancel(reason: str)`, or give the event another name",
            )
        cancel.params = {"reason": reason}


def builtin_cancel() -> EventSymbol:
    """Return the event `cancel` for a contract that does not declare it."""
    nowhere = Place("", 0, 0, 0, 0)
    return EventSymbol("cancel", nowhere, None, {"reason": FieldSymbol("reason", STR, nowhere)})


# --- Defaults -------------------------------------------------------------------------------------

_SAME_FOR_ALL = "this default is the same for every run: give the value where the data is made"


def lower_type_defaults(ctx: Lowering) -> None:
    """Add the defaults to the fields of this file's records and variants."""
    for symbol in ctx.types.values():
        if symbol.node is not None:
            lower_defaults(ctx, symbol.fields, symbol.name)
            for variant in symbol.variants.values():
                lower_defaults(ctx, variant.fields, variant.ref.variant)


def lower_boundary_defaults(ctx: Lowering) -> None:
    """Add the defaults to the parameters of calls and events.

    A default may name a call below it.
    """
    for call in ctx.calls.values():
        lower_defaults(ctx, call.params, call.name)
    for event in ctx.events.values():
        lower_defaults(ctx, event.params, event.name)


def lower_defaults(ctx: Lowering, fields: Fields, owner: str) -> None:
    """Lower the defaults of parameters, or of the fields of a record or variant.

    They are constants.
    """
    scope: Scope | None = None
    for field in fields.values():
        if field.default_node is None:
            continue
        if scope is None:
            scope = Scope(
                {},
                where="a default",
                pure_forbidden=True,
                elsewhere=dict.fromkeys((*ctx.input, *NEVER_HIDDEN), _SAME_FOR_ALL),
            )
        _lower_default(ctx, scope, field, owner)


def lower_state_defaults(ctx: Lowering) -> None:
    """Lower the defaults of the fields of states. They may use the input, `run` and `now`."""
    scope: Scope | None = None
    for state in ctx.states.values():
        for field in state.fields.values():
            if field.default_node is None:
                continue
            if scope is None:
                names = dict(ctx.input)
                names["now"] = Binding("now", "now", DATETIME)
                names["run"] = Binding("run", "run", RUN)
                scope = Scope(
                    names,
                    where="a default",
                    pure_forbidden=True,
                    elsewhere={"actor": "`actor` is known only in the handler of an event"},
                )
            _lower_default(ctx, scope, field, state.name)


def _lower_default(ctx: Lowering, scope: Scope, field: FieldSymbol, owner: str) -> None:
    assert field.default_node is not None
    what = f"the default of `{field.name}` of `{owner}`"
    # The message must name the default, not the field: the declared type is right, the default is
    # wrong.
    field.default = lower_to(ctx, scope, field.default_node, field.type, what)


# --- The checked form -----------------------------------------------------------------------------


def checked_fields(fields: Fields) -> tuple[Field, ...]:
    """Return fields in the form of the checked contract."""
    return tuple(Field(each.name, each.type, each.default, each.doc, each.place) for each in fields.values())
