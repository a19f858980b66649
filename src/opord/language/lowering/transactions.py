"""Report policies that do not fit an action in transaction.

Such an action writes in the run's own database, and its writes commit together with its outcome.
So nothing is ever in doubt, nobody outside has to know a key, and the database waits meanwhile.
"""

from __future__ import annotations

from datetime import timedelta
from typing import assert_never

from opord.contract import TRANSACTION_LIMIT
from opord.language.diagnostics.model import Label, code
from opord.language.lowering.context import Lowering
from opord.language.lowering.symbols import CallSymbol
from opord.language.syntax import tree
from opord.values.duration import format_duration

NEVER_IN_DOUBT = code("OP513", rule="commitment", title="in doubt of an action in transaction")
TOO_LONG = code("OP514", rule="commitment", title="an action in transaction that may take too long")
KEY_FOR_NOBODY = code(
    "OP515", rule="commitment", title="an action in transaction with a key that nobody reads"
)


def is_in_transaction(call: CallSymbol) -> bool:
    """Say whether a call is an action with the clause `in transaction`."""
    return call.kind == "action" and call.node.transaction is not None


def check_transaction(ctx: Lowering, call: CallSymbol) -> None:
    """Report the policies of an action in transaction that cannot be meant."""
    for policy in call.node.policies:
        match policy:
            case tree.InDoubtPolicy():
                _never_in_doubt(ctx, call, policy)
            case tree.TimeoutPolicy():
                _too_long(ctx, call, policy)
            case tree.KeyPolicy():
                _key_for_nobody(ctx, call, policy)
            case tree.RetryPolicy() | tree.RepeatablePolicy():
                pass
            case _:
                assert_never(policy)


def _never_in_doubt(ctx: Lowering, call: CallSymbol, policy: tree.InDoubtPolicy) -> None:
    ctx.report(
        NEVER_IN_DOUBT,
        policy.span,
        f"`{call.name}` is never in doubt: what it writes commits together with its outcome",
        help="remove this policy, or remove `in transaction` if the handler calls something outside",
        labels=_clause(ctx, call),
    )


def _too_long(ctx: Lowering, call: CallSymbol, policy: tree.TimeoutPolicy) -> None:
    if timedelta(milliseconds=policy.duration.milliseconds) <= TRANSACTION_LIMIT:
        return
    longest = format_duration(TRANSACTION_LIMIT)
    ctx.report(
        TOO_LONG,
        policy.duration.span,
        f"the database waits while `{call.name}` runs, so it may take {longest} at most",
        help=f"write `timeout {longest}` or less, or do the long part in an action of its own before it",
        labels=_clause(ctx, call),
    )


def _key_for_nobody(ctx: Lowering, call: CallSymbol, policy: tree.KeyPolicy) -> None:
    if policy.value is None:
        ctx.report(
            KEY_FOR_NOBODY,
            policy.span,
            f"no other side has to recognise a repeat of `{call.name}`, so it needs no `key`",
            help="remove `key`, or write `key <expression>` to say which commits of a run are the same",
            labels=_clause(ctx, call),
        )
    elif policy.window is not None:
        ctx.report(
            KEY_FOR_NOBODY,
            policy.window.span,
            f"no other side remembers the key of `{call.name}`: the run itself does, as long as it exists",
            help="remove `for` and the time",
            labels=_clause(ctx, call),
        )


def _clause(ctx: Lowering, call: CallSymbol) -> tuple[Label, ...]:
    span = call.node.transaction
    return (Label(ctx.place(span), "commits with the outcome"),) if span is not None else ()
