"""What each call guarantees, in sentences for operators and auditors who read no other page."""

from __future__ import annotations

from typing import assert_never

from opord.contract import TRANSACTION_LIMIT, Action, Ask, Check, Effect, Nothing, Repeat, Report, Retry, Skip
from opord.language.ensure import CALL_LIMIT
from opord.language.flow.graph import Graph
from opord.language.spelling import in_words, spell

_CAUSES_OF_DOUBT = "its worker died, the call was given up, or its handler raised something undeclared"


def guarantee(graph: Graph, action: Action) -> str:
    """Say how often an action can take effect, and why."""
    if action.transaction:
        return _transaction(action)
    return " ".join((_identity(action), _in_doubt(graph, action)))


def _transaction(action: Action) -> str:
    """Say what holds for an action in transaction."""
    once = "exactly once each time a state commits it"
    again = ""
    if action.key is not None and action.key.expr is not None:
        once = f"exactly once per {spell(action.key.expr)}"
        again = " Once it has happened in a run, a commit with that key makes no call."
    return (
        f"{action.name} commits in the database's own transaction, together with its outcome and the next state: "
        f"{once}, never in doubt.{again} An attempt that fails, raises something or takes too long is rolled back: it did not happen."
    )


def _identity(action: Action) -> str:
    name, key = action.name, action.key
    if key is None:
        return (
            f"{name} happens at most once each time a state commits it. It has no key that the other side recognises, "
            f"so it is called again only if it certainly did not happen: {_known_not_to_have(action)}."
        )
    window = (
        f" for {in_words(key.window)} after the first attempt (after that, the action counts as one without a key)"
        if key.window
        else ""
    )
    if key.expr is None:
        return (
            f"{name} happens at most once each time a state commits it: every attempt of one commit has the same key, "
            f"made by the runtime. The contract says that the other side remembers the key{window}."
        )
    return (
        f"{name} happens at most once per {spell(key.expr)}: every attempt has the same key. The contract says that the "
        f"other side remembers the key{window}. Once it has happened in a run, a commit with that key makes no call."
    )


def _known_not_to_have(action: Action) -> str:
    """Say how an action without a key is known not to have happened."""
    match action.doubt:
        case Check(effect=effect):
            return f"after a failure that proves it, or when {effect} has said so"
        case Ask():
            return "after a failure that proves it, or when a person has said so"
        case Repeat() | Skip() | Report():
            return "after a failure that proves it"
        case _:
            assert_never(action.doubt)


def _in_doubt(graph: Graph, action: Action) -> str:
    unknown = f"If an attempt's outcome is unknown ({_CAUSES_OF_DOUBT}), "
    result = "" if isinstance(action.result, Nothing) else ", with its result,"
    match action.doubt:
        case Repeat():
            return unknown + _repeat(graph, action)
        case Check() as check:
            return unknown + _check(action, check)
        case Ask(within=None):
            return (
                unknown
                + f"the run waits for a person, who says that it happened{result} or that it did not; "
                "only then is it called again."
            )
        case Ask(within=within):
            assert within is not None
            return (
                unknown
                + f"the run waits for a person, who says that it happened{result} or that it did not; after "
                f"{in_words(within)} without an answer the contract decides, under the name InDoubt."
            )
        case Skip():
            return (
                unknown + "the run goes on as if it had happened: then nobody knows whether it did, "
                "and it is not called again."
            )
        case Report():
            return unknown + "it is not called again; the contract decides, under the name InDoubt."
        case _:
            assert_never(action.doubt)


def _repeat(graph: Graph, action: Action) -> str:
    if action.key is None:
        return "it would be called again, though it has no key."
    if action.retry is not None:
        last = f"within the {_times(action.retry.times)} left"
    elif action.key.window is not None:
        last = f"for as long as the key holds ({in_words(action.key.window)})"
    else:
        last = "until it answers"
    settling = [variant.name for _, variant in graph.calls.variants(action.name) if variant.settles]
    return (
        f"it is called again with the same key, {last}; only {_any_of(['a result', *settling])} ends the doubt. "
        "If that does not end it, the run waits for a person, who says what happened."
    )


def _check(action: Action, check: Check) -> str:
    question = f"{check.effect}({', '.join(spell(argument) for argument in check.args)})"
    later = f" {in_words(check.after)} later, or after that," if check.after else ""
    result = "" if isinstance(action.result, Nothing) else ", and what it finds is the result"
    return (
        f"{question} is asked{later} whether it happened: if so, it is not called again{result}; "
        f"if not, it is called{' with the same key' if action.key else ''}; while {check.effect} fails, it is asked again."
    )


def attempts(graph: Graph, call: Effect | Action) -> str:
    """Say how often a call is tried, after which failures, and how far apart."""
    reasons = [variant.name for _, variant in graph.calls.variants(call.name) if variant.transient]
    if isinstance(call, Effect) and call.timeout is not None:
        reasons.append("a time-out")
    transaction = isinstance(call, Action) and call.transaction
    if isinstance(call, Action) and isinstance(call.doubt, Repeat) and not transaction:
        reasons.append("an unknown outcome")
    if call.retry is None or not reasons:
        if transaction:
            return "one attempt; 3 more if its handler raises something undeclared or takes too long"
        return (
            "one attempt"
            if isinstance(call, Action)
            else "one attempt; 3 more if its handler raises something undeclared"
        )
    asking = _asking(graph, call)
    return f"up to {_times(call.retry.times)} after {_any_of(reasons)}, {_apart(call.retry)}{asking}"


def _asking(graph: Graph, call: Effect | Action) -> str:
    """Say which failures can ask for a longer pause."""
    asking = [
        f"{variant.name} can ask for a longer pause{'' if at_most is None else f' ({in_words(at_most)} at most)'}"
        for _, variant in graph.calls.variants(call.name)
        for at_most in ([] if variant.wait is None else [variant.wait.at_most])
    ]
    return f"; {', '.join(asking)}" if asking else ""


def _times(times: int) -> str:
    return "1 more attempt" if times == 1 else f"{times} more attempts"


def _any_of(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _apart(retry: Retry) -> str:
    if retry.base == retry.cap:
        return f"at most {in_words(retry.cap)} apart"
    return f"at most {in_words(retry.base)} apart at first and {in_words(retry.cap)} in the end"


def time_limit(call: Effect | Action) -> str:
    """Say how long an attempt may take, and what happens after that."""
    if isinstance(call, Action) and call.transaction:
        return f"{in_words(call.timeout or TRANSACTION_LIMIT)} for each attempt; then it is rolled back, and tried again"
    if call.timeout is not None:
        after = (
            "then its outcome is unknown" if isinstance(call, Action) else "in the end it fails with TimedOut"
        )
        return f"{in_words(call.timeout)} for each attempt; {after}"
    after = (
        "then its outcome is unknown"
        if isinstance(call, Action)
        else "then it counts as a fault of its handler, and is tried again"
    )
    return f"no timeout, so the worker's call limit ({in_words(CALL_LIMIT)} unless set) for each attempt; {after}"


def doubt_word(action: Action) -> str:
    """Return an action's policy in doubt as the contract writes it, or `never`."""
    if action.transaction:
        return "never"
    match action.doubt:
        case Repeat():
            return "repeat"
        case Check(effect=effect, args=args, after=after):
            row = ", ".join(spell(argument) for argument in args)
            return f"check {effect}({row})" + (f" after {in_words(after)}" if after else "")
        case Ask(within=within):
            return "ask" + (f" within {in_words(within)}" if within else "")
        case Skip():
            return "skip"
        case Report():
            return "report"
        case _:
            assert_never(action.doubt)
