"""Lower the policies of effects and actions: retries, timeouts, keys and the rule for a doubt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from opord.contract import (
    DATETIME,
    NOWHERE,
    STR,
    Ask,
    Check,
    Doubt,
    Expr,
    Key,
    OptionalOf,
    Place,
    Repeat,
    Report,
    Retry,
    SecretOf,
    Skip,
)
from opord.language.diagnostics.model import code
from opord.language.diagnostics.wording import listed
from opord.language.lowering.arguments import complete, lower_arguments
from opord.language.lowering.callees import UNKNOWN_CALL
from opord.language.lowering.context import Lowering, a, is_unknown
from opord.language.lowering.dispatch import lower
from opord.language.lowering.literals import duration
from opord.language.lowering.scope import Binding, Scope
from opord.language.lowering.symbols import CallSymbol, Fields
from opord.language.lowering.transactions import check_transaction, is_in_transaction
from opord.language.syntax import tree
from opord.language.types import KEYS, RUN

NOT_A_KEY = code("OP213", rule="type", title="a key that is not a text, whole number or uuid")
POLICY = code("OP214", rule="type", title="a policy that cannot be kept")
SECRET_KEY = code("OP603", rule="secret", title="a secret as a key")

_RETRIES_MAX = 1_000_000  # a year of attempts at two a minute; a larger number is a mistake


@dataclass(slots=True)
class Policies:
    """The policies of one call. `doubt` is None without a declaration."""

    retry: Retry | None = None
    timeout: timedelta | None = None
    key: Key | None = None
    repeatable: bool = False
    doubt: Doubt | None = None


def note_policies(call: CallSymbol) -> None:
    """Note the policies that decide how a call can fail.

    This must happen before bodies are lowered.
    """
    for policy in call.node.policies:
        if isinstance(policy, tree.TimeoutPolicy):
            call.times_out = call.kind == "effect"
        elif isinstance(policy, tree.InDoubtPolicy) and call.kind == "action" and not is_in_transaction(call):
            call.reports_doubt = policy.choice == "report" or (
                policy.choice == "ask" and policy.delay is not None
            )


def lower_policies(ctx: Lowering, call: CallSymbol) -> Policies:
    """Return the policies of an effect or action."""
    policies = Policies()
    if is_in_transaction(call):
        check_transaction(ctx, call)
    for policy in call.node.policies:
        match policy:
            case tree.RetryPolicy():
                policies.retry = _retry(ctx, policy)
            case tree.TimeoutPolicy(length):
                policies.timeout = positive(ctx, length, "a timeout")
            case tree.KeyPolicy() if call.kind == "action":
                policies.key = _key(ctx, call, policy)
            case tree.RepeatablePolicy() if call.kind == "action":
                policies.repeatable = True
            case tree.InDoubtPolicy() if call.kind == "action":
                policies.doubt = _doubt(ctx, call, policy)
            case tree.KeyPolicy() | tree.RepeatablePolicy() | tree.InDoubtPolicy():
                pass  # an action's policy on an effect; the parser has reported it
            case _:
                assert_never(policy)
    return policies


def positive(ctx: Lowering, node: tree.DurationLiteral, what: str) -> timedelta:
    """Return a duration; report a duration of zero."""
    value = duration(ctx, node)
    # A literal without digits: the parser has reported the missing duration.
    if node.milliseconds == 0 and ctx.source.slice(node.span)[:1].isdigit():
        ctx.report(
            POLICY, node.span, f"{what} of no length cannot be kept", help="write a longer one, such as `10s`"
        )
    return value


def _key(ctx: Lowering, call: CallSymbol, node: tree.KeyPolicy) -> Key:
    expr = _action_key(ctx, call, node.value) if node.value is not None else None
    window = positive(ctx, node.window, "the time a key is remembered") if node.window is not None else None
    shared = node.shared
    return Key(
        expr,
        window,
        shared.text if shared is not None else None,
        ctx.place(shared.span) if shared is not None else NOWHERE,
        ctx.place(node.span),
    )


def _retry(ctx: Lowering, node: tree.RetryPolicy) -> Retry:
    if not 1 <= node.times <= _RETRIES_MAX:
        few = node.times < 1
        ctx.report(
            POLICY,
            node.times_span,
            f"`retry {node.times} times` {'never tries again' if few else 'is more than anybody can wait for'}",
            help="remove `retry`" if few else f"write {_RETRIES_MAX} at most",
        )
    if node.backoff_min is None or node.backoff_max is None:
        return Retry(node.times, place=ctx.place(node.span))
    base = positive(ctx, node.backoff_min, "a backoff")
    cap = positive(ctx, node.backoff_max, "a backoff")
    if base > cap:
        shortest, longest = ctx.source.slice(node.backoff_min.span), ctx.source.slice(node.backoff_max.span)
        ctx.report(
            POLICY,
            (node.backoff_min.span[0], node.backoff_max.span[1]),
            f"the backoff starts at {shortest} and may grow to {longest} only",
            help=f"write the shorter one first: `backoff {longest} to {shortest}`",
        )
    return Retry(node.times, base, cap, ctx.place(node.span))


def lower_key(ctx: Lowering, scope: Scope, node: tree.Expression, what: str) -> Expr:
    """Return the expression of a key: a text, a whole number or a uuid. A secret is reported."""
    value = lower(ctx, scope, node)
    if isinstance(value.type, SecretOf | OptionalOf) and ctx.holds_secret(value.type):
        ctx.report(
            SECRET_KEY,
            value.place,
            f"{what} cannot be a secret, since keys are shown and compared",
            help="take something that may be seen, such as an id",
        )
    elif value.type not in KEYS and not is_unknown(value.type):
        help = "give a value for `none`: `… ?? other`" if isinstance(value.type, OptionalOf) else ""
        ctx.report(
            NOT_A_KEY,
            value.place,
            f"{what} is a `str`, an `int` or a `uuid`, and this is {a(value.type)}",
            help=help or 'write it into a text: `"{…}"`, or take an id',
        )
    return value


def parameters(params: Fields) -> dict[str, Binding]:
    """Return the bindings of parameters for the expressions of their own declaration."""
    return {name: Binding(name, "param", param.type, places=(param.place,)) for name, param in params.items()}


def _action_key(ctx: Lowering, call: CallSymbol, node: tree.Expression) -> Expr:
    names = {**ctx.input, "run": Binding("run", "run", RUN), **parameters(call.params)}
    why = "a key has to be the same for every attempt: take it from parameters, input or `run`"
    where = "the key of an action"
    scope = Scope(names, where=where, pure_forbidden=True, elsewhere={"now": why, "actor": why, "call": why})
    return lower_key(ctx, scope, node, where)


def _doubt(ctx: Lowering, call: CallSymbol, node: tree.InDoubtPolicy) -> Doubt:
    place = ctx.place(node.span)
    match node.choice:
        case "repeat":
            return Repeat(place)
        case "skip":
            return Skip(place)
        case "report":
            return Report(place)
        case "ask":
            limit = positive(ctx, node.delay, "the time to wait for a person") if node.delay else None
            return Ask(limit, place)
        case "check":
            assert node.check is not None
            return _check(ctx, call, node.check, node.delay, place)
        case _:
            assert_never(node.choice)


def _check(
    ctx: Lowering, call: CallSymbol, node: tree.CheckCall, delay: tree.DurationLiteral | None, place: Place
) -> Check | Ask:
    names = {
        **ctx.input,
        "now": Binding("now", "now", DATETIME),
        "run": Binding("run", "run", RUN),
        **parameters(call.params),
        "call": Binding("call", "call_key", STR),
    }
    scope = Scope(
        names,
        where="the arguments of `in doubt check`",
        pure_forbidden=True,
        elsewhere={"actor": "`actor` is known only in the handler of an event"},
    )
    after = duration(ctx, delay) if delay is not None else timedelta()
    name = node.name.text
    effect = ctx.calls.get(name)
    if effect is None:
        near = ctx.near(name, (each.name for each in ctx.calls.values() if each.kind == "effect"))
        effects = [each.name for each in ctx.calls.values() if each.kind == "effect"]
        if name:
            ctx.report(
                UNKNOWN_CALL,
                node.name.span,
                f"there is no effect `{name}` to check with",
                near=near,
                help=f"the effects are {listed(effects)}"
                if effects
                else f"declare it: `effect {name}(…) -> T?`",
            )
        args = tuple(lower(ctx, scope, each.value) for each in node.arguments)
        return Check(near or name, args, after, place) if near or name else Ask(place=place)
    if ctx.recorder is not None:
        ctx.recorder.refer(node.name.span, effect.place)
    owner = f"`{name}`"
    arguments = lower_arguments(ctx, scope, effect.params, node.arguments, owner, "parameter")
    short = len(node.arguments) > len(effect.params)
    values = complete(ctx, effect.params, arguments, owner, "parameter", node.span, short=short)
    return Check(name, tuple(value for _, value in values), after, place)
