"""Lower calls in expressions: a `pure`, a built-in function, or a variant with its fields."""

from __future__ import annotations

from typing import cast

from opord.contract import BuiltinName, Expr, PureCall, Type
from opord.language.diagnostics.model import Label, code
from opord.language.diagnostics.suppressors import undeclared
from opord.language.diagnostics.wording import listed
from opord.language.lowering.arguments import complete, lower_arguments
from opord.language.lowering.builtins import BUILTINS, lower_builtin
from opord.language.lowering.context import Lowering, is_unknown, wrong
from opord.language.lowering.dispatch import LOWER, lower
from opord.language.lowering.expressions import OTHER_KIND
from opord.language.lowering.scope import Scope
from opord.language.lowering.symbols import CallSymbol
from opord.language.lowering.variants import lower_variant, qualified_variant, report_ambiguous
from opord.language.syntax import tree

UNKNOWN_CALL = code(
    "OP104", rule="name", title="an unknown call", suppressed_by=undeclared("pure", "effect", "action")
)
PURE_FORBIDDEN = code("OP208", rule="type", title="a pure called where no handler may be needed")
NOT_CALLABLE = code("OP216", rule="type", title="a call of something that is not a function")


def lower_call(ctx: Lowering, scope: Scope, node: tree.CallExpression, expected: Type | None) -> Expr:
    """Return the expression for a call: a `pure`, a built-in function or a variant."""
    callee = node.callee
    if isinstance(callee, tree.FieldAccess):
        variant = qualified_variant(ctx, callee)
        if variant is not None:
            return lower_variant(ctx, scope, variant, node.arguments, node.span)
        subject = callee.subject
        if isinstance(subject, tree.NameExpression):
            symbol = ctx.type_named(subject.name.text)
            if symbol is not None and (symbol.kind != "record" or symbol.unread):
                return _parts(ctx, scope, node)  # reported with the variant
    elif isinstance(callee, tree.NameExpression):
        return _named(ctx, scope, node, callee.name, expected)
    of = lower(ctx, scope, callee)
    if not isinstance(callee, tree.Unparsed) and not is_unknown(of.type):
        ctx.report(
            NOT_CALLABLE,
            callee.span,
            "this cannot be called",
            help="only a `pure` or a built-in is called by name",
        )
    return wrong(of.place, of, _parts(ctx, scope, node))


def _named(
    ctx: Lowering, scope: Scope, node: tree.CallExpression, name: tree.Name, expected: Type | None
) -> Expr:
    text = name.text
    call = ctx.calls.get(text)
    if call is not None and ctx.recorder is not None:
        ctx.recorder.refer(name.span, call.place)
    if call is not None and call.kind == "pure":
        return _pure(ctx, scope, node, call)
    if text in BUILTINS:
        return lower_builtin(ctx, scope, cast(BuiltinName, text), node, expected)
    variants = ctx.variants.get(text)
    if call is None and variants is not None and text not in scope.names:
        if len(variants) == 1:
            if ctx.recorder is not None:
                ctx.recorder.refer(name.span, variants[0].place)
            return lower_variant(ctx, scope, variants[0], node.arguments, node.span)
        report_ambiguous(ctx, name, variants)
        return _parts(ctx, scope, node)
    args = tuple([lower(ctx, scope, each.value) for each in node.arguments])
    if text:
        _refuse(ctx, scope, name, call)
    place = ctx.place(node.span)
    # An effect or action without its verb still counts as used, and the type of its result is
    # known.
    return PureCall(text, args, call.result, place) if call is not None else wrong(place, *args)


def _refuse(ctx: Lowering, scope: Scope, name: tree.Name, call: CallSymbol | None) -> None:
    text = name.text
    if ctx.may_be_unread(text):
        return
    if call is not None:
        verb = "perform" if call.kind == "effect" else "commit"
        ctx.report(
            OTHER_KIND,
            name.span,
            f"`{text}` is an {call.kind}, and an expression calls only a `pure`",
            help=f"make it a statement: `let answer = {verb} {text}(…)`",
            labels=[Label(call.place, "declared here")],
        )
    elif text in scope.names:
        ctx.report(
            NOT_CALLABLE,
            name.span,
            f"`{text}` is a value, and cannot be called",
            help="remove the parentheses",
        )
    elif (symbol := ctx.type_named(text)) is not None:
        how = (
            f"{text} {{ field: … }}"
            if symbol.kind == "record"
            else f"{text}.{next(iter(symbol.variants), 'Variant')}"
        )
        ctx.report(
            OTHER_KIND, name.span, f"`{text}` is a type, not a function", help=f"make a value: `{how}`"
        )
    else:
        pures = [each.name for each in ctx.calls.values() if each.kind == "pure"]
        near = ctx.near(text, (*pures, *BUILTINS, *ctx.variants))
        hint = f"declare it: `pure {text}(…) -> T`" if not pures else f"the pures are {listed(pures)}"
        ctx.report(UNKNOWN_CALL, name.span, f"there is no function `{text}`", near=near, help=hint)


def _pure(ctx: Lowering, scope: Scope, node: tree.CallExpression, call: CallSymbol) -> Expr:
    place = ctx.place(node.span)
    owner = f"`{call.name}`"
    arguments = lower_arguments(ctx, scope, call.params, node.arguments, owner, "parameter")
    short = len(node.arguments) > len(call.params)
    values = complete(ctx, call.params, arguments, owner, "parameter", node.span, short=short)
    if scope.pure_forbidden:
        ctx.report(
            PURE_FORBIDDEN,
            place,
            f"{scope.where} cannot call the pure `{call.name}`, which needs a handler",
            help="call it in the body of a state, and keep the answer in a field",
            labels=[Label(call.place, "declared here")],
        )
    return PureCall(call.name, tuple(value for _, value in values), call.result, place)


def _parts(ctx: Lowering, scope: Scope, node: tree.CallExpression) -> Expr:
    return wrong(ctx.place(node.span), *(lower(ctx, scope, each.value) for each in node.arguments))


LOWER[tree.CallExpression] = lower_call
