"""Lower statements: `let`, calls of effects and actions, `if`, `match` and `goto`."""

from __future__ import annotations

from typing import Literal, assert_never

from opord.contract import (
    JSON,
    Arm,
    Block,
    Call,
    CallSite,
    Expr,
    Goto,
    Hole,
    If,
    Let,
    Match,
    Nothing,
    Statement,
    Type,
    Verb,
)
from opord.language.diagnostics.model import Label, code
from opord.language.diagnostics.suppressors import Unread, undeclared
from opord.language.diagnostics.wording import listed
from opord.language.lowering.arguments import STRANGER, absent, complete, lower_arguments, report_missing
from opord.language.lowering.callees import UNKNOWN_CALL
from opord.language.lowering.context import Lowering, a, is_unknown
from opord.language.lowering.dispatch import lower, lower_condition
from opord.language.lowering.expressions import OTHER_KIND
from opord.language.lowering.patterns import (
    PATTERN,
    can_be_matched,
    lower_patterns,
    subject_of_call,
    subject_of_value,
)
from opord.language.lowering.scope import Binding, Scope
from opord.language.lowering.symbols import CallSymbol, StateSymbol, Subject
from opord.language.syntax import tree
from opord.language.types import UNKNOWN, is_known_alone

UNKNOWN_STATE = code("OP103", rule="name", title="an unknown state", suppressed_by=undeclared("state"))
NO_VALUE = code(
    "OP211",
    rule="type",
    title="a `let` without a value",
    suppressed_by=(Unread("in the head of what it mentions"),),
)


def lower_block(ctx: Lowering, scope: Scope, nodes: list[tree.Statement]) -> Block:
    """Return the statements of a block; its names end with it."""
    mark = scope.mark()
    statements = tuple([_lower(ctx, scope, node) for node in nodes])
    scope.reset(mark)
    return statements


def _lower(ctx: Lowering, scope: Scope, node: tree.Statement) -> Statement:
    match node:
        case tree.Let():
            return _let(ctx, scope, node)
        case tree.CallStatement():
            return _call(ctx, scope, node)
        case tree.If():
            return _if(ctx, scope, node)
        case tree.Match():
            return _match(ctx, scope, node)
        case tree.Goto():
            return _goto(ctx, scope, node)
        case tree.Unparsed():
            return unread(ctx, node.span)
        case _:
            assert_never(node)


def unread(ctx: Lowering, span: tree.Span) -> Statement:
    """Return a statement for text that could not be read: a `let` without name and value.

    It is not known where the path continues after it.
    """
    place = ctx.place(span)
    return Let("", Hole(UNKNOWN, place), place)


def _let(ctx: Lowering, scope: Scope, node: tree.Let) -> Statement:
    value = lower(ctx, scope, node.value)
    type = value.type
    if not is_known_alone(type):
        ctx.report(
            NO_VALUE,
            value.place,
            f"{a(type)} alone does not say the type of `{node.name.text}`",
            help="write the value where it is used; its type is known there",
        )
        type = UNKNOWN
    if node.name.text != "_":
        ctx.bind(scope, node.name, Binding(node.name.text, "binding", type, is_let=True))
    return Let(node.name.text, value, ctx.place(node.span))


# --- Calls ----------------------------------------------------------------------------------------


def _site(ctx: Lowering, scope: Scope, node: tree.BoundaryCall) -> tuple[CallSite, CallSymbol | None]:
    """Return the call of an effect or action, with its declaration if that is known."""
    place = ctx.place(node.span)
    name = node.name.text
    call = ctx.calls.get(name)
    if call is None:
        args = tuple([lower(ctx, scope, each.value) for each in node.arguments])
        near = _report_unknown_call(ctx, node) if name else None
        # After a spelling mistake, continue with the similar call; its arguments are not checked.
        return CallSite(node.verb, near or name, args, place), ctx.calls.get(near or "")
    if ctx.recorder is not None:
        ctx.recorder.refer(node.name.span, call.place)
    owner = f"`{name}`"
    arguments = lower_arguments(ctx, scope, call.params, node.arguments, owner, "parameter")
    short = len(node.arguments) > len(call.params)
    values = complete(ctx, call.params, arguments, owner, "parameter", node.span, short=short)
    return CallSite(node.verb, name, tuple([value for _, value in values]), place), call


def _report_unknown_call(ctx: Lowering, node: tree.BoundaryCall) -> str | None:
    """Report an unknown call; return the similar name of the right kind that was probably meant."""
    kind = kind_of_verb(node.verb)
    name = node.name.text
    names = [each.name for each in ctx.calls.values() if each.kind == kind]
    near = ctx.near(name, names)
    otherwise = f"the {kind}s are {listed(names)}" if names else f"declare it: `{kind} {name}(…)`"
    ctx.report(UNKNOWN_CALL, node.name.span, f"there is no {kind} `{name}`", near=near, help=otherwise)
    return near


def _call(ctx: Lowering, scope: Scope, node: tree.CallStatement) -> Statement:
    site, call = _site(ctx, scope, node.call)
    arms: tuple[Arm, ...] = ()
    if node.arms is not None:
        subject = subject_of_call(ctx, call, site.name)
        arms = tuple([_arm(ctx, scope, subject, arm) for arm in node.arms])
    result: Type = call.result if call is not None else UNKNOWN
    name = node.binding
    if name is None:
        return Call(site, None, result, arms, ctx.place(node.span))
    if isinstance(result, Nothing) and call is not None and fits_verb(call, node.call.verb):
        ctx.report(
            NO_VALUE,
            name.span,
            f"`{call.name}` has no result, so `{name.text}` would have no value",
            help=f"remove `let {name.text} =`, or declare the result: `-> T`",
            labels=[Label(call.place, "declared here")],
        )
    if isinstance(result, Nothing):
        result = UNKNOWN
    if name.text != "_":
        ctx.bind(scope, name, Binding(name.text, "binding", result, is_let=True))
    bound = name.text if name.text != "_" else None
    return Call(site, bound, result, arms, ctx.place(node.span))


def fits_verb(call: CallSymbol, verb: Verb) -> bool:
    """Say whether a call is made with the right verb. A wrong verb is reported elsewhere."""
    return call.kind == kind_of_verb(verb)


def kind_of_verb(verb: Verb) -> Literal["effect", "action"]:
    """Return the kind of call that a verb makes."""
    match verb:
        case "perform":
            return "effect"
        case "commit":
            return "action"
        case _:
            assert_never(verb)


# --- Choices --------------------------------------------------------------------------------------


def _if(ctx: Lowering, scope: Scope, node: tree.If) -> Statement:
    condition = lower_condition(ctx, scope, node.condition)
    then = lower_block(ctx, scope, node.then.statements)
    otherwise: Block | None = None
    if isinstance(node.otherwise, tree.If):
        otherwise = (_if(ctx, scope, node.otherwise),)
    elif node.otherwise is not None:
        otherwise = lower_block(ctx, scope, node.otherwise.statements)
    return If(condition, then, otherwise, ctx.place(node.span))


def _match(ctx: Lowering, scope: Scope, node: tree.Match) -> Statement:
    subject: Subject
    matched: Expr | CallSite
    if isinstance(node.subject, tree.BoundaryCall):
        matched, call = _site(ctx, scope, node.subject)
        subject = subject_of_call(ctx, call, matched.name)
    else:
        findings = len(ctx.findings)
        matched = lower(ctx, scope, node.subject)
        subject_is_typed = len(ctx.findings) == findings  # a wrong subject says nothing about the arms
        subject = subject_of_value(ctx, _matched_type(ctx, matched) if subject_is_typed else UNKNOWN)
    arms = tuple([_arm(ctx, scope, subject, arm) for arm in node.arms])
    return Match(matched, arms, ctx.place(node.span))


def _matched_type(ctx: Lowering, value: Expr) -> Type:
    """Return the type of a matched value.

    A value that cannot be matched is reported; the result is then `Unknown`.
    """
    type = value.type
    if ctx.refuse_secret(value, "`match`"):
        return UNKNOWN
    if can_be_matched(ctx, type):
        return type
    help = "compare its fields with `if`"
    if type == JSON:
        help = "a contract cannot look into a `json`; declare a record with the fields that you need"
    elif not (is_unknown(type) or hasattr(type, "name")):
        help = "ask about it with `if`"
    ctx.report(PATTERN, value.place, f"`match` cannot take {a(type)} apart", help=help)
    return UNKNOWN


def _arm(ctx: Lowering, scope: Scope, subject: Subject, node: tree.Arm) -> Arm:
    mark = scope.mark()
    pattern = lower_patterns(ctx, scope, subject, node)
    body = lower_block(ctx, scope, node.body.statements)
    scope.reset(mark)
    return Arm(pattern, body, ctx.place(node.span))


# --- Goto -----------------------------------------------------------------------------------------


def find_state(ctx: Lowering, name: tree.Name) -> str | None:
    """Return the state that a name means.

    An unknown name is reported; the result is then the most similar state, if any.
    """
    text = name.text
    if text in ctx.states:
        if ctx.recorder is not None:
            ctx.recorder.refer(name.span, ctx.states[text].place)
        return text
    if not text:
        return None
    if text in ctx.phases:
        inside = [each.name for each in ctx.states.values() if each.phase == text]
        ctx.report(
            OTHER_KIND,
            name.span,
            f"`{text}` is a phase, and a run is always in one of its states",
            help=f"name one of them: {listed(inside, 'or')}" if inside else "name a state",
            labels=[Label(ctx.phases[text], "declared here")],
        )
        if ctx.recorder is not None:
            ctx.recorder.refer(name.span, ctx.phases[text])
        return None
    near = ctx.near(text, ctx.states)
    ctx.report(
        UNKNOWN_STATE,
        name.span,
        f"there is no state `{text}`",
        near=near,
        help=f"declare it: `state {text}`",
    )
    return near


def _goto(ctx: Lowering, scope: Scope, node: tree.Goto) -> Statement:
    place = ctx.place(node.span)
    name = node.state.text
    target = ctx.states.get(name)
    if ctx.recorder is not None:
        if target is not None:
            ctx.recorder.refer(node.state.span, target.place)
        elif name == ctx.recorder.marker:
            ctx.recorder.marked(scope)
    if target is None:
        near = find_state(ctx, node.state)
        args = tuple([("", lower(ctx, scope, each.value)) for each in node.arguments])
        return Goto(near or name, args, place)
    fields = target.fields
    if not fields and not node.arguments and node.rest is None:
        return Goto(name, (), place)
    owner = f"`{name}`"
    arguments = lower_arguments(ctx, scope, fields, node.arguments, owner, "field")
    if node.rest is not None:
        _fill_rest(ctx, scope, target, arguments, node.rest)
    return Goto(name, _given_fields(ctx, target, arguments, node), place)


def _fill_rest(
    ctx: Lowering, scope: Scope, target: StateSymbol, arguments: dict[str, Expr], rest: tree.Span
) -> None:
    """Fill the fields that have no value from the variables with the same name."""
    missing: list[str] = []
    for name, field in target.fields.items():
        if name in arguments:
            continue
        binding = scope.names.get(name)
        if binding is None:
            if not field.has_default:
                missing.append(name)
                arguments[name] = Hole(UNKNOWN, ctx.place(rest))
            continue
        variable = tree.NameExpression(tree.Name(name, rest), rest)
        value = lower(ctx, scope, variable)
        arguments[name] = ctx.fit(value, field.type, f"the field `{name}` of `{target.name}`", field.place)
        if ctx.recorder is not None:
            ctx.recorder.rest(rest, name, field.place, binding)
    if missing and STRANGER not in arguments:
        report_missing(
            ctx,
            f"`{target.name}`",
            "field",
            missing,
            ctx.place(rest),
            target.fields,
            "; `..` takes variables of the same name, and there is none",
        )


def _given_fields(
    ctx: Lowering, target: StateSymbol, arguments: dict[str, Expr], node: tree.Goto
) -> tuple[tuple[str, Expr], ...]:
    """Return a value for every field of the target: the argument, the default, or `none`.

    Missing values are reported.
    """
    if len(arguments) == len(target.fields) and STRANGER not in arguments:
        return tuple([(name, arguments[name]) for name in target.fields])
    missing = [
        name for name, field in target.fields.items() if name not in arguments and not field.may_be_left_out
    ]
    place = ctx.place(node.span)
    if missing and STRANGER not in arguments and len(node.arguments) <= len(target.fields):
        report_missing(ctx, f"`{target.name}`", "field", missing, place, target.fields)
    return tuple(
        [
            (name, arguments.get(name) or field.default or absent(field.type, place))
            for name, field in target.fields.items()
        ]
    )
