"""Turn the tree of one file into its contract, one kind of declaration after the other."""

from __future__ import annotations

from typing import assert_never

from opord.contract import (
    NOWHERE,
    STR,
    Action,
    Ask,
    Constant,
    Contract,
    Doubt,
    Effect,
    Enum,
    Event,
    Expr,
    Failure,
    Field,
    Phase,
    Promise,
    Pure,
    RecordType,
    Repeat,
    Requirement,
    Role,
    Taken,
    Variant,
)
from opord.language.diagnostics.model import Label, code
from opord.language.diagnostics.suppressors import UnreadWord, undeclared
from opord.language.diagnostics.wording import listed
from opord.language.lowering.context import Lowering
from opord.language.lowering.declarations import (
    checked_fields,
    collect_boundary,
    collect_states,
    collect_types,
    lower_boundary,
    lower_boundary_defaults,
    lower_defaults,
    lower_fields,
    lower_state_defaults,
    lower_type_defaults,
    lower_types,
)
from opord.language.lowering.dispatch import lower, lower_condition
from opord.language.lowering.excepts import lower_excepts
from opord.language.lowering.policies import lower_key, lower_policies, parameters
from opord.language.lowering.promises import lower_promise
from opord.language.lowering.scope import Binding, Scope
from opord.language.lowering.states import Bodies, lower_state_fields
from opord.language.lowering.symbols import CallSymbol, EventSymbol, TypeSymbol
from opord.language.syntax import tree
from opord.language.types import RUN

UNKNOWN_ROLE = code("OP106", rule="name", title="an unknown role", suppressed_by=undeclared("role"))
NO_CONTRACT = code(
    "OP116", rule="name", title="no contract in a file, or two", suppressed_by=(UnreadWord("contract"),)
)
VERSION = code("OP217", rule="type", title="a version that cannot be")

_TYPES = (tree.Use, tree.RecordType, tree.Enum, tree.Failure)
_VERSION_MAX = 2**31 - 1


def lower_types_of(ctx: Lowering, file: tree.File) -> None:
    """Lower the types of a file. The types that it uses must have been entered before."""
    collect_types(ctx, file.declarations)
    lower_types(ctx)
    lower_type_defaults(ctx)


def lower_contract(ctx: Lowering, file: tree.File) -> Contract:
    """Lower a whole file. Mistakes go to `ctx.findings`; the rest of the contract is complete."""
    declarations = file.declarations
    header = _header(ctx, declarations)
    collect_types(ctx, declarations)
    collect_boundary(ctx, declarations)
    collect_states(ctx, declarations)
    if header is not None:
        ctx.params = lower_fields(ctx, header.parameters, "parameter", hides=True)
        ctx.input = {
            name: Binding(name, "input", param.type, places=(param.place,))
            for name, param in ctx.params.items()
        }
    lower_types(ctx)
    lower_boundary(ctx)
    lower_type_defaults(ctx)
    lower_boundary_defaults(ctx)
    lower_state_fields(ctx)
    if header is not None:
        lower_defaults(ctx, ctx.params, header.name.text)
    lower_state_defaults(ctx)
    return _assemble(ctx, header, declarations)


def is_types_file(file: tree.File) -> bool:
    """Say whether a file declares only types, for use by other files."""
    return bool(file.declarations) and all(isinstance(each, _TYPES) for each in file.declarations)


def _header(ctx: Lowering, declarations: list[tree.Declaration]) -> tree.Contract | None:
    headers = [each for each in declarations if isinstance(each, tree.Contract)]
    for second in headers[1:]:
        ctx.report(
            NO_CONTRACT,
            second.name.span,
            "a file has one contract, and this is a second one",
            help="move it into a file of its own",
            labels=[Label(ctx.place(headers[0].name.span), "the first")],
        )
    if headers:
        header = headers[0]
        ctx.declared(header.name, "a contract", "PascalCase")
        if not 1 <= header.version <= _VERSION_MAX and header.version_span is not None:
            ctx.report(
                VERSION,
                header.version_span,
                f"a version is a whole number from 1 on, not {header.version}",
                help="write `version 1` for the first",
            )
        return header
    # Text that could not be read may have been the header.
    if not any(isinstance(each, tree.Unparsed) for each in declarations):
        named = [each for each in declarations if not isinstance(each, tree.Use)]
        ctx.report(
            NO_CONTRACT,
            (0, 0) if not named else (named[0].span[0], named[0].span[0]),
            "this file has no contract" + ("" if declarations else ": it is empty"),
            help="start it with `contract Name(parameters) key … version 1`",
        )
    return None


def _assemble(ctx: Lowering, header: tree.Contract | None, declarations: list[tree.Declaration]) -> Contract:
    bodies = Bodies(ctx)
    key = None
    if header is not None and header.key is not None:
        key = _contract_key(ctx, header.key)
    requirements = _requirements(ctx, declarations) if header is not None else ()
    events = [_event(ctx, each, declarations) for each in ctx.events.values()]
    pures: list[Pure] = []
    effects: list[Effect] = []
    actions: list[Action] = []
    for call in ctx.calls.values():
        declared = _call(ctx, call)
        match declared:
            case Pure():
                pures.append(declared)
            case Effect():
                effects.append(declared)
            case Action():
                actions.append(declared)
            case _:
                assert_never(declared)
    _refer_to_allowed(ctx, declarations)
    states = tuple([bodies.state(symbol) for symbol in ctx.states.values()])
    phases: list[Phase] = []
    for node in declarations:
        if isinstance(node, tree.Phase) and ctx.phases.get(node.name.text) == ctx.place(node.name.span):
            phases.append(bodies.phase(node))
    if "cancel" in ctx.events and ctx.events["cancel"].node is None:
        # The event is handled without a declaration.
        events.append(_event(ctx, ctx.events["cancel"], declarations))
    return Contract(
        name=header.name.text if header is not None else "",
        version=header.version if header is not None else 1,
        params=checked_fields(ctx.params),
        key=key,
        requirements=requirements,
        **checked_types(ctx),  # type: ignore[arg-type]
        roles=_roles(ctx, declarations),
        events=tuple(events),
        pures=tuple(pures),
        effects=tuple(effects),
        actions=tuple(actions),
        states=states,
        phases=tuple(phases),
        promises=_promises(ctx, declarations),
        taken=_taken(ctx, declarations),
        doc=header.doc if header is not None else "",
        place=ctx.place(header.name.span) if header is not None else NOWHERE,
    )


# --- Parts ----------------------------------------------------------------------------------------


def checked_types(
    ctx: Lowering,
) -> dict[str, tuple[RecordType, ...] | tuple[Enum, ...] | tuple[Failure, ...]]:
    """Return the types of a file, with the used types, in the form of the checked contract."""
    records: list[RecordType] = []
    enums: list[Enum] = []
    failures: list[Failure] = []
    for symbol in ctx.types.values():
        if symbol.unread:
            continue
        match symbol.kind:
            case "record":
                records.append(
                    RecordType(symbol.name, checked_fields(symbol.fields), symbol.doc, symbol.place)
                )
            case "enum":
                enums.append(Enum(symbol.name, _variants(symbol), symbol.doc, symbol.place))
            case "failure":
                failures.append(Failure(symbol.name, _variants(symbol), symbol.doc, symbol.place))
            case _:
                assert_never(symbol.kind)
    return {"records": tuple(records), "enums": tuple(enums), "failures": tuple(failures)}


def _variants(symbol: TypeSymbol) -> tuple[Variant, ...]:
    return tuple(
        Variant(
            name, checked_fields(each.fields), each.transient, each.settles, each.wait, each.doc, each.place
        )
        for name, each in symbol.variants.items()
    )


def _roles(ctx: Lowering, declarations: list[tree.Declaration]) -> tuple[Role, ...]:
    docs = {
        name.text: node.doc for node in declarations if isinstance(node, tree.Role) for name in node.names
    }
    return tuple(Role(name, docs.get(name, ""), place) for name, place in ctx.roles.items())


def _taken(ctx: Lowering, declarations: list[tree.Declaration]) -> tuple[Taken, ...]:
    """Return the names of the `use` lines that are types. Other names have been reported."""
    types: dict[str, Taken] = {}
    for node in declarations:
        if not isinstance(node, tree.Use):
            continue
        for name in node.names:
            symbol = ctx.types.get(name.text)
            if symbol is not None and not symbol.unread and symbol.used_from is not None:
                types.setdefault(name.text, Taken(name.text, node.path, ctx.place(name.span)))
    return tuple(types.values())


def _contract_key(ctx: Lowering, node: tree.Expression) -> Expr:
    why = "the key is computed before the run starts: use the input"
    scope = Scope(
        dict(ctx.input),
        where="the key of a contract",
        pure_forbidden=True,
        elsewhere={"now": why, "run": why, "actor": why},
    )
    return lower_key(ctx, scope, node, "the key of a contract")


def _requirements(ctx: Lowering, declarations: list[tree.Declaration]) -> tuple[Requirement, ...]:
    why = "a `require` is checked before the run starts: use the input"
    scope = Scope(
        dict(ctx.input),
        where="a `require`",
        pure_forbidden=True,
        elsewhere={"now": why, "run": why, "actor": why},
    )
    return tuple([_requirement(ctx, scope, each) for each in declarations if isinstance(each, tree.Require)])


def _requirement(ctx: Lowering, scope: Scope, node: tree.Require) -> Requirement:
    condition = lower_condition(ctx, scope, node.condition, "`require`")
    # A missing text has been reported.
    text: Expr = lower(ctx, scope, node.text) if node.text is not None else Constant("", STR)
    return Requirement(condition, text, ctx.place(node.span))


def _event(ctx: Lowering, symbol: EventSymbol, declarations: list[tree.Declaration]) -> Event:
    node = symbol.node
    params = checked_fields(symbol.params)
    if node is None:
        return Event(symbol.name, params, keep=True)
    key = None
    if node.key is not None:
        why = "an event has the same key each time it is sent: use its parameters"
        scope = Scope(
            {
                **ctx.input,
                "run": Binding("run", "run", RUN),
                **parameters(symbol.params),
            },
            where="the key of an event",
            pure_forbidden=True,
            elsewhere={"now": why, "actor": why},
        )
        key = lower_key(ctx, scope, node.key, "the key of an event")
    keep = node.keep is not None or symbol.name == "cancel"
    roles, excepts = _event_roles(ctx, node), lower_excepts(ctx, symbol, declarations)
    return Event(symbol.name, params, roles, key, keep, excepts, node.doc, symbol.place)


def _event_roles(ctx: Lowering, node: tree.Event) -> tuple[str, ...]:
    spans: dict[str, tree.Span] = {}
    for name in node.roles:
        text = name.text
        if text in spans:
            ctx.duplicate("the role", name, ctx.place(spans[text]))
        elif text in ctx.roles:
            spans[text] = name.span
            if ctx.recorder is not None:
                ctx.recorder.refer(name.span, ctx.roles[text])
        elif text:
            near = ctx.near(text, ctx.roles)
            hint = f"the roles are {listed(ctx.roles)}" if ctx.roles else f"declare it: `role {text}`"
            ctx.report(UNKNOWN_ROLE, name.span, f"there is no role `{text}`", near=near, help=hint)
            if near is not None:
                spans.setdefault(near, name.span)
    return tuple(spans)


def _call(ctx: Lowering, call: CallSymbol) -> Pure | Effect | Action:
    node = call.node
    params = checked_fields(call.params)
    match call.kind:
        case "pure":
            return Pure(call.name, params, call.result, node.doc, call.place)
        case "effect":
            return _effect(ctx, call, params)
        case "action":
            return _action(ctx, call, params)
        case _:
            assert_never(call.kind)


def _effect(ctx: Lowering, call: CallSymbol, params: tuple[Field, ...]) -> Effect:
    policies = lower_policies(ctx, call)
    _refer_to_undone(ctx, call.node)
    return Effect(
        call.name,
        params,
        call.result,
        call.fails,
        policies.retry,
        policies.timeout,
        call.node.doc,
        call.place,
    )


def _refer_to_undone(ctx: Lowering, node: tree.CallDeclaration) -> None:
    undone = ctx.calls.get(node.undoes.text) if node.undoes is not None else None
    if node.undoes is not None and undone is not None and ctx.recorder is not None:
        ctx.recorder.refer(node.undoes.span, undone.place)


def _refer_to_allowed(ctx: Lowering, declarations: list[tree.Declaration]) -> None:
    """Record the actions that `allow` comments name."""
    if ctx.recorder is None:
        return
    for _, allow in tree.allows(declarations):
        for name in allow.names:
            if name.text in ctx.calls:
                ctx.recorder.refer(name.span, ctx.calls[name.text].place)


def _action(ctx: Lowering, call: CallSymbol, params: tuple[Field, ...]) -> Action:
    node = call.node
    policies = lower_policies(ctx, call)
    _refer_to_undone(ctx, node)
    transaction = node.transaction
    doubt: Doubt = policies.doubt or (Repeat() if policies.key is not None else Ask())
    return Action(
        call.name,
        params,
        call.result,
        call.fails,
        node.undoes.text if node.undoes is not None else None,
        node.stands.text if node.stands is not None else None,
        policies.retry,
        policies.timeout,
        policies.key,
        policies.repeatable,
        doubt if transaction is None else Repeat(),
        transaction is not None,
        ctx.place(node.undoes.span) if node.undoes is not None else NOWHERE,
        ctx.place(node.stands.span) if node.stands is not None else NOWHERE,
        ctx.place(transaction) if transaction is not None else NOWHERE,
        node.doc,
        call.place,
    )


def _promises(ctx: Lowering, declarations: list[tree.Declaration]) -> tuple[Promise, ...]:
    return tuple([lower_promise(ctx, each) for each in declarations if isinstance(each, tree.Ensure)])
