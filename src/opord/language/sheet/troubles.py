"""What can go wrong with calls: where it leads, whether it is tried again, and who can act."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from opord.contract import (
    Action,
    Arm,
    Ask,
    Check,
    ConstantPattern,
    Contract,
    Effect,
    ElsePattern,
    NonePattern,
    OkPattern,
    Repeat,
    Report,
    Skip,
    SomePattern,
    VariantPattern,
    VariantRef,
)
from opord.language.flow.calls import IN_DOUBT, TIMED_OUT
from opord.language.sheet.fields import ContractReading
from opord.language.sheet.model import CallTrouble, Item
from opord.statements import call_sites, gotos

_UNKNOWN = "unknown outcome"


def troubles(reading: ContractReading) -> Iterator[CallTrouble]:
    """Yield the declared failures in the order of the file, then the undeclared troubles."""
    users = _users(reading)
    for failure in reading.contract.failures:
        for variant in failure.variants:
            ref = VariantRef(failure.name, variant.name)
            if ref in users:
                yield _trouble(
                    reading, ref, users[ref], variant.doc, reading.items(variant.fields), variant.transient
                )
    if TIMED_OUT in users:
        cause = "No attempt answered within its time limit."
        yield _trouble(reading, TIMED_OUT, users[TIMED_OUT], cause, (), True)
    yield from _doubts(reading)
    if IN_DOUBT in users:
        cause = "Nobody knows whether the action took effect, and the contract is to decide."
        yield _trouble(reading, IN_DOUBT, users[IN_DOUBT], cause, (), False)
    yield from _undeclared(reading.contract)


def _users(reading: ContractReading) -> dict[VariantRef, list[Effect | Action]]:
    """Return for each failure the calls that can end in it."""
    users: dict[VariantRef, list[Effect | Action]] = {}
    calls: tuple[Effect | Action, ...] = (*reading.contract.effects, *reading.contract.actions)
    for call in calls:
        for ref in reading.graph.calls.failures(call.name):
            users.setdefault(ref, []).append(call)
    return users


def _trouble(
    reading: ContractReading,
    ref: VariantRef,
    calls: list[Effect | Action],
    doc: str,
    carries: tuple[Item, ...],
    again: bool,
) -> CallTrouble:
    retried = [call.name for call in calls if again and call.retry is not None]
    once = [call.name for call in calls if call.name not in retried]
    if not retried:
        acts = "the contract decides"
    elif not once:
        acts = "the worker tries again; when no attempt is left, the contract decides"
    else:
        acts = f"the worker tries {_all_of(retried)} again; then, and for {_all_of(once)} at once, the contract decides"
    return CallTrouble(
        type=ref.type,
        name=ref.variant,
        doc=doc,
        carries=carries,
        calls=tuple(call.name for call in calls),
        again=again,
        leads_to=_leads_to(reading, ref, {call.name for call in calls}),
        acts=acts,
    )


def _leads_to(reading: ContractReading, ref: VariantRef, calls: set[str]) -> tuple[str, ...]:
    """Return the states that a step can go to after one of these calls ended with this failure."""
    targets: dict[str, None] = {}
    for step in reading.graph.steps:
        for site, arms in call_sites(step.body):
            arm = _arm_for(ref, arms) if site.name in calls else None
            if arm is not None:
                targets |= dict.fromkeys(goto.state for goto in gotos(arm.body))
    return tuple(targets)


def _arm_for(ref: VariantRef, arms: tuple[Arm, ...]) -> Arm | None:
    for arm in arms:
        match arm.pattern:
            case VariantPattern(variants=variants) if ref in variants:
                return arm
            case ElsePattern() if ref != IN_DOUBT:
                return arm
            case VariantPattern() | ElsePattern() | OkPattern():
                pass
            case SomePattern() | NonePattern() | ConstantPattern():
                pass  # patterns of values, never of the outcome of a call
            case _:
                assert_never(arm.pattern)
    return None


# --- Undeclared errors
# --------------------------------------------------------------------------------


def _undeclared(contract: Contract) -> Iterator[CallTrouble]:
    """Yield what happens when a handler of a pure or effect raises an undeclared error.

    For an action, such an error is a doubt, unless it is in transaction.
    """
    stalls = "the run stalls in its state; an operator mends the cause and lets it go on: `opord runs resume`"
    for calls, acts in (
        (contract.pures, stalls),
        (contract.effects, f"the worker tries 3 more times, then {stalls}"),
        (
            tuple(action for action in contract.actions if action.transaction),
            f"what it wrote is rolled back; the worker tries 3 more times, then {stalls}",
        ),
    ):
        if calls:
            yield CallTrouble(
                type="",
                name="undeclared error",
                doc="A handler raised what the contract does not declare, answered what does not fit, or not at all.",
                carries=(),
                calls=tuple(call.name for call in calls),
                again=calls is not contract.pures,
                leads_to=(),
                acts=acts,
            )


# --- Doubts ---------------------------------------------------------------------------------------


def _doubts(reading: ContractReading) -> Iterator[CallTrouble]:
    """Yield what happens to actions with an unknown outcome.

    Actions with the same policy form one group.
    """
    groups: dict[str, list[Action]] = {}
    for action in reading.contract.actions:
        if action.transaction:
            continue
        groups.setdefault(_who_ends_doubt(action), []).append(action)
    for acts, actions in groups.items():
        yield CallTrouble(
            type="",
            name=_UNKNOWN,
            doc="The call was given up, its worker died, or its handler raised what the contract does not declare: nobody knows whether the action took effect.",
            carries=(),
            calls=tuple(action.name for action in actions),
            again=isinstance(actions[0].doubt, Repeat | Check),
            leads_to=(),
            acts=acts,
        )


def _who_ends_doubt(action: Action) -> str:
    match action.doubt:
        case Repeat():
            return "the worker calls again with the same key; if that does not end the doubt, a person says what happened: `opord runs resolve`"
        case Check(effect=effect):
            return (
                f"the worker asks {effect}, and calls again only if that says no; when no attempt is left, a person says "
                "what happened: `opord runs resolve`"
            )
        case Ask(within=None):
            return "a person says what happened: `opord runs resolve`"
        case Ask():
            return "a person says what happened: `opord runs resolve`; after the time for it, InDoubt"
        case Skip():
            return "nobody: the run goes on as if it had happened"
        case Report():
            return "nobody: it becomes InDoubt at once"
        case _:
            assert_never(action.doubt)


def _all_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
