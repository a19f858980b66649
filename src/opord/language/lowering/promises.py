"""Lower `ensure` lines: look up the states and calls that they name."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from opord.contract import Promise
from opord.language.diagnostics.wording import listed
from opord.language.lowering.callees import UNKNOWN_CALL
from opord.language.lowering.context import DUPLICATE, Lowering
from opord.language.lowering.expressions import OTHER_KIND
from opord.language.lowering.policies import positive
from opord.language.lowering.statements import UNKNOWN_STATE
from opord.language.syntax import tree


def lower_promise(ctx: Lowering, node: tree.Ensure) -> Promise:
    """Return a promise. Unknown names are left out; the promise is then not `whole`."""
    before = len(ctx.findings)
    promise = _lower(ctx, node)
    unread = any(not name.text for name in _names(node))
    return replace(promise, whole=len(ctx.findings) == before and not unread)


def _names(node: tree.Ensure) -> list[tree.Name]:
    match node.claim:
        case tree.AtMostOnce(subjects):
            return subjects
        case (
            tree.OnlyAfter(subjects, after)
            | tree.NeverAfter(subjects, after)
            | tree.Eventually(after, subjects)
        ):
            return [*subjects, *after]
        case tree.NoWaitIsEndless() | tree.EveryRunEnds():
            return []
        case _:
            assert_never(node.claim)


def _lower(ctx: Lowering, node: tree.Ensure) -> Promise:
    place = ctx.place(node.span)
    match node.claim:
        case tree.AtMostOnce(subjects):
            return Promise("at most once", _actions(ctx, subjects), place=place)
        case tree.OnlyAfter(subjects, after):
            return Promise("only after", _things(ctx, subjects), _things(ctx, after), place=place)
        case tree.NeverAfter(subjects, after):
            return Promise("never after", _things(ctx, subjects), _things(ctx, after), place=place)
        case tree.Eventually(after, subjects):
            others = _things(ctx, after)
            return Promise("eventually", _things(ctx, subjects), others, place=place)
        case tree.NoWaitIsEndless():
            return Promise("no wait is endless", place=place)
        case tree.EveryRunEnds(within):
            limit = positive(ctx, within, "a limit") if within is not None else None
            return Promise("every run ends", within=limit, place=place)
        case _:
            assert_never(node.claim)


def _actions(ctx: Lowering, names: list[tree.Name]) -> tuple[str, ...]:
    """Look up the names of an `at most once` promise: only actions are committed."""
    things = _things(ctx, names)
    for name in names:
        call = ctx.calls.get(name.text)
        if name.text in things and (call is None or call.kind != "action"):
            is_state = call is None
            ctx.report(
                OTHER_KIND,
                name.span,
                f"`{name.text}` is {'a state' if is_state else 'an effect'}, and only an action is promised `at most once`",
                help="name the action",
            )
    return things


def _things(ctx: Lowering, names: list[tree.Name]) -> tuple[str, ...]:
    things: list[str] = []
    for name in names:
        thing = _thing(ctx, name)
        if thing is not None and thing in things:
            ctx.report(
                DUPLICATE,
                name.span,
                f"`{name.text}` stands in this list already",
                help="remove one of the two",
            )
        elif thing is not None:
            things.append(thing)
    return tuple(things)


def _thing(ctx: Lowering, name: tree.Name) -> str | None:
    text = name.text
    call = ctx.calls.get(text)
    if text in ctx.states or (call is not None and call.kind != "pure"):
        if ctx.recorder is not None:
            ctx.recorder.refer(name.span, (ctx.states.get(text) or ctx.calls[text]).place)
        return text
    if not text:
        return None
    other = None
    help = "a promise speaks of states, actions and effects"
    if call is not None:
        other = "a pure"
    elif text in ctx.phases:
        other = "a phase"
        inside = [each.name for each in ctx.states.values() if each.phase == text]
        help = f"name its states: `{' or '.join(inside)}`" if inside else help
    elif text in ctx.events:
        other = "an event"
    elif text in ctx.types:
        other = f"{'an' if ctx.types[text].kind == 'enum' else 'a'} {ctx.types[text].kind}"
    if other is not None:
        ctx.report(OTHER_KIND, name.span, f"`{text}` is {other}, not a state, action or effect", help=help)
        return None
    calls = [each.name for each in ctx.calls.values() if each.kind != "pure"]
    if text[:1].isupper():
        near = ctx.near(text, (*ctx.states, *calls))
        ctx.report(UNKNOWN_STATE, name.span, f"there is no state `{text}`", near=near, help=help)
    else:
        near = ctx.near(text, (*calls, *ctx.states))
        hint = f"the actions and effects are {listed(calls)}" if calls else help
        ctx.report(UNKNOWN_CALL, name.span, f"there is no action or effect `{text}`", near=near, help=hint)
    return None
