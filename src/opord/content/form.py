"""Define form 1 of the content: all that matters to a run of a contract, as plain JSON data.

Two contracts with the same content are the same contract. The names in the form are independent of
the classes in `contract/` and never change.

- Declarations are sorted by name. So are the fields of a state and the arguments of a `goto`.
- Everything else is in the order of the file: parameters, fields of records, variants, handlers,
  timers, arms.
- Names that a body binds are numbered in the order of their first use.
- Absent values are left out: `None`, `False` and empty lists. So a member that is added later is
  left out at its default, and no digest changes.

Not in the form: comments, documentation, layout, `allow` and `ensure`; the texts of `require`, as
no run is told them; `undoes`, `stands because` and `shared because`, which are statements for
readers and for the checker; and the `->` headers of states, which repeat their bodies. Types of
expressions follow from the declarations, so only literals and conversions have theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, assert_never

from opord import contract as ir
from opord.content.expressions import (
    NameNumbers,
    Plain,
    constant,
    expression,
    microseconds,
    present_members,
    type_form,
)
from opord.values.canonical import dumps

FORM = 1
"""The number of this form. It is stored beside every digest."""


def content(contract: ir.Contract) -> Plain:
    """Return the content of a contract without errors.

    Raises:
        ValueError: the contract has a hole, so it was never accepted.
    """
    return {
        "form": FORM,
        "contract": contract.name,
        "version": contract.version,
        **present_members(
            parameters=_fields(contract.params),
            key=_optional(contract.key),
            requires=_requires(contract.requirements),
            records=_sorted(_record(each) for each in contract.records),
            enums=_sorted(_sum(each) for each in contract.enums),
            failures=_sorted(_sum(each) for each in contract.failures),
            roles=sorted(role.name for role in contract.roles),
            events=_sorted(_event(each) for each in contract.events),
            pures=_sorted(_pure(each) for each in contract.pures),
            effects=_sorted(_effect(each) for each in contract.effects),
            actions=_sorted(_action(each) for each in contract.actions),
            states=_sorted(_state(each) for each in contract.states),
            phases=_sorted(_phase(each) for each in contract.phases),
        ),
    }


def _sorted(declarations: Iterable[Plain]) -> list[Plain]:
    return sorted(declarations, key=lambda declared: str(declared["name"]))


# --- Data ----------------------------------------------------------------------------------------


def _fields(fields: Sequence[ir.Field]) -> list[Plain]:
    return [
        {
            "name": field.name,
            "type": type_form(field.type),
            **present_members(default=_optional(field.default)),
        }
        for field in fields
    ]


def _optional(value: ir.Expr | None) -> Plain | None:
    return None if value is None else expression(value, NameNumbers())


def _requires(requirements: Sequence[ir.Requirement]) -> list[Plain]:
    """Return the conditions of starts. Their order and their texts decide nothing about a run."""
    return sorted((expression(each.condition, NameNumbers()) for each in requirements), key=dumps)


def _record(record: ir.RecordType) -> Plain:
    return {"name": record.name, **present_members(fields=_fields(record.fields))}


def _sum(declared: ir.Enum | ir.Failure) -> Plain:
    return {"name": declared.name, "variants": [_variant(variant) for variant in declared.variants]}


def _variant(variant: ir.Variant) -> Plain:
    return {
        "name": variant.name,
        **present_members(
            fields=_fields(variant.fields),
            transient=variant.transient,
            settles=variant.settles,
            wait=_asked_wait(variant.wait),
        ),
    }


def _asked_wait(wait: ir.AskedWait | None) -> Plain | None:
    if wait is None:
        return None
    return {"field": wait.field, **present_members(at_most_us=microseconds(wait.at_most))}


# --- Events and calls ----------------------------------------------------------------------------


def _event(event: ir.Event) -> Plain:
    return {
        "name": event.name,
        **present_members(
            parameters=_fields(event.params),
            by=[*event.roles],
            excepts=_excepts(event.excepts),
            key=_optional(event.key),
            keep=event.keep,
        ),
    }


def _excepts(excepts: Sequence[ir.Except]) -> list[Plain]:
    """Return the paths after `except`. Their order decides nothing about a run."""
    return sorted((expression(each.path, NameNumbers()) for each in excepts), key=dumps)


def _pure(pure: ir.Pure) -> Plain:
    return {
        "name": pure.name,
        **present_members(parameters=_fields(pure.params), result=_result(pure.result)),
    }


def _effect(effect: ir.Effect) -> Plain:
    return {
        "name": effect.name,
        **present_members(
            parameters=_fields(effect.params),
            result=_result(effect.result),
            fails=[*effect.fails],
            retry=_retry(effect.retry),
            timeout_us=microseconds(effect.timeout),
        ),
    }


def _action(action: ir.Action) -> Plain:
    return {
        "name": action.name,
        **present_members(
            parameters=_fields(action.params),
            result=_result(action.result),
            fails=[*action.fails],
            retry=_retry(action.retry),
            timeout_us=microseconds(action.timeout),
            key=_key(action.key),
            repeatable=action.repeatable,
            in_doubt=_doubt(action.doubt),
            transaction=action.transaction,
        ),
    }


def _result(result: ir.Type) -> Any:
    return None if isinstance(result, ir.Nothing) else type_form(result)


def _retry(retry: ir.Retry | None) -> Plain | None:
    if retry is None:
        return None
    return {"times": retry.times, "base_us": microseconds(retry.base), "cap_us": microseconds(retry.cap)}


def _key(key: ir.Key | None) -> Plain | None:
    if key is None:
        return None
    # `key` without members is still a declaration.
    return {"keyed": True, **present_members(value=_optional(key.expr), window_us=microseconds(key.window))}


def _doubt(doubt: ir.Doubt) -> Plain:
    match doubt:
        case ir.Repeat():
            return {"do": "repeat"}
        case ir.Check():
            args = [expression(each, NameNumbers()) for each in doubt.args]
            return {
                "do": "check",
                "effect": doubt.effect,
                **present_members(arguments=args, after_us=microseconds(doubt.after)),
            }
        case ir.Ask():
            return {"do": "ask", **present_members(within_us=microseconds(doubt.within))}
        case ir.Skip():
            return {"do": "skip"}
        case ir.Report():
            return {"do": "report"}
        case _:
            assert_never(doubt)


# --- States --------------------------------------------------------------------------------------


def _state(state: ir.State) -> Plain:
    return {
        "name": state.name,
        "kind": state.kind,
        **present_members(
            initial=state.initial,
            fields=_sorted(_fields(state.fields)),
            body=_block(state.body, NameNumbers()),
            handlers=[_handler(each) for each in state.handlers],
            timers=[_timer(each) for each in state.timers],
            phase=state.phase,
            outcome=state.outcome,
        ),
    }


def _phase(phase: ir.Phase) -> Plain:
    # The states name their phase, so the phase does not list them.
    return {
        "name": phase.name,
        **present_members(
            handlers=[_handler(each) for each in phase.handlers],
            timers=[_timer(each) for each in phase.timers],
        ),
    }


def _handler(handler: ir.EventHandler) -> Plain:
    scope = NameNumbers()
    bound: Plain = {}
    for place, name in enumerate(handler.names):
        scope.bind(name, bound, str(place))
    guard = None if handler.guard is None else expression(handler.guard, scope)
    body = _block(handler.body, scope)
    return {
        "event": handler.event,
        **present_members(binds=bound, condition=guard, body=body, ignore=handler.ignore),
    }


def _timer(timer: ir.Timer) -> Plain:
    return {
        "kind": timer.kind,
        "when": expression(timer.when, NameNumbers()),
        **present_members(body=_block(timer.body, NameNumbers())),
    }


# --- Statements ----------------------------------------------------------------------------------


def _block(block: ir.Block, scope: NameNumbers) -> list[Plain]:
    """Write the statements of a block; names that they bind end with the block."""
    inner = scope.inner()
    return [_statement(each, inner) for each in block]


def _statement(statement: ir.Statement, scope: NameNumbers) -> Plain:
    match statement:
        case ir.Let():
            written: Plain = {"do": "let", "value": expression(statement.value, scope)}
            scope.bind(statement.name, written)
            return written
        case ir.Call():
            written = {"do": "call", "call": _call(statement.site, scope)}
            written |= present_members(otherwise=[_arm(arm, scope) for arm in statement.arms])
            # The name is bound after the arms, because they run when the call has no result.
            scope.bind(statement.name, written)
            return written
        case ir.If():
            return {
                "do": "if",
                "condition": expression(statement.condition, scope),
                **present_members(
                    then=_block(statement.then, scope), otherwise=_block(statement.otherwise or (), scope)
                ),
            }
        case ir.Goto():
            # The arguments are sorted first, because a name gets its number at its first use.
            named_values = sorted(statement.args, key=lambda argument: argument[0])
            arguments = [{"name": name, "value": expression(value, scope)} for name, value in named_values]
            return {"do": "goto", "state": statement.state, **present_members(arguments=arguments)}
        case ir.Match():
            subject = statement.subject
            written = {"do": "match"}
            if isinstance(subject, ir.CallSite):
                written["call"] = _call(subject, scope)
            else:
                written["value"] = expression(subject, scope)
            return {**written, **present_members(arms=[_arm(arm, scope) for arm in statement.arms])}
        case _:
            assert_never(statement)


def _call(site: ir.CallSite, scope: NameNumbers) -> Plain:
    return {
        "verb": site.verb,
        "name": site.name,
        **present_members(arguments=[expression(each, scope) for each in site.args]),
    }


def _arm(arm: ir.Arm, scope: NameNumbers) -> Plain:
    inner = scope.inner()
    # One object: a use of its name in the body writes the number into it.
    pattern = _pattern(arm.pattern, inner)
    return {"for": pattern, **present_members(body=_block(arm.body, inner))}


def _pattern(pattern: ir.Pattern, scope: NameNumbers) -> Plain:
    """Write a pattern, and bind its names in the scope of its arm."""
    written: Plain
    match pattern:
        case ir.OkPattern():
            written = {"is": "ok"}
            scope.bind(pattern.name, written)
        case ir.VariantPattern():
            variants = [{"of": each.type, "name": each.variant} for each in pattern.variants]
            written = {"is": "variants", "variants": variants}
            for field, name in pattern.names:
                scope.bind(name, written, f"field {field}")
        case ir.SomePattern():
            written = {"is": "some"}
            scope.bind(pattern.name, written)
        case ir.NonePattern():
            written = {"is": "none"}
        case ir.ConstantPattern():
            written = {"is": "values", "values": [constant(each) for each in pattern.values]}
        case ir.ElsePattern():
            written = {"is": "else"}
            scope.bind(pattern.name, written)
        case _:
            assert_never(pattern)
    return written
