"""Lower patterns: find the cases that each arm covers and the names that it binds.

A pattern that does not fit becomes a variant of the type `?`, which is never declared. It may have
been meant for any case, so no case is then reported as missing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, assert_never

from opord.contract import (
    BOOL,
    DECIMAL,
    DURATION,
    FLOAT,
    INT,
    STR,
    ConstantPattern,
    ElsePattern,
    ListOf,
    MapOf,
    Named,
    NonePattern,
    Nothing,
    OkPattern,
    OptionalOf,
    Pattern,
    Place,
    Primitive,
    ProblemOf,
    RunInfo,
    SecretOf,
    SomePattern,
    Type,
    Unknown,
    VariantPattern,
    VariantRef,
)
from opord.language.diagnostics.model import Label, code
from opord.language.diagnostics.suppressors import Unread, UnreadName
from opord.language.diagnostics.wording import listed
from opord.language.lowering.context import Lowering, a, is_unknown
from opord.language.lowering.dispatch import lower
from opord.language.lowering.scope import Binding, Scope
from opord.language.lowering.symbols import CallSymbol, Subject, VariantSymbol
from opord.language.lowering.variants import UNKNOWN_VARIANT, report_ambiguous
from opord.language.syntax import tree
from opord.language.syntax.letter_case import has_case
from opord.language.types import UNKNOWN, named

PATTERN = code(
    "OP209",
    rule="type",
    title="a pattern that does not fit what is matched",
    suppressed_by=(Unread("in the head of what it mentions"), UnreadName("in its message")),
)

_LITERALS = (BOOL, INT, FLOAT, DECIMAL, STR, DURATION)
_NOWHERE = Place("", 0, 0, 0, 0)
TIMED_OUT = VariantSymbol(VariantRef("", "TimedOut"), {}, _NOWHERE)
IN_DOUBT = VariantSymbol(VariantRef("", "InDoubt"), {}, _NOWHERE)
_BUILT_IN = {"TimedOut": TIMED_OUT, "InDoubt": IN_DOUBT}


def subject_of_call(ctx: Lowering, call: CallSymbol | None, name: str) -> Subject:
    """Return what a call can give back. For an unknown call this is unknown."""
    if call is None:
        return Subject(UNKNOWN, f"`{name}`", True, UNKNOWN)
    if any(failure not in ctx.types for failure in call.fails):
        return Subject(UNKNOWN, f"`{name}`", True, call.result)
    builtins: tuple[Literal["TimedOut", "InDoubt"], ...] = ()
    if call.times_out:
        builtins = ("TimedOut",)
    if call.reports_doubt:
        builtins = (*builtins, "InDoubt")
    subject = Subject(ProblemOf(call.fails, builtins), f"`{name}`", True, call.result, call.fails, builtins)
    _enter_variants(ctx, subject)
    return subject


def subject_of_value(ctx: Lowering, type: Type) -> Subject:
    """Return what a value of this type can be."""
    subject = Subject(type, a(type))
    if isinstance(type, Named):
        subject.owners = (type.name,)
    elif isinstance(type, ProblemOf):
        subject.owners, subject.builtins = type.failures, type.builtins
    _enter_variants(ctx, subject)
    return subject


def _enter_variants(ctx: Lowering, subject: Subject) -> None:
    # Many matches have a subject of the same type.
    variants = ctx.variants_of.get(subject.owners)
    if variants is None:
        variants = ctx.variants_of[subject.owners] = {}
        for owner in subject.owners:
            symbol = ctx.types.get(owner)
            for name, variant in symbol.variants.items() if symbol is not None else ():
                variants.setdefault(name, []).append(variant)
    subject.variants = variants


def can_be_matched(ctx: Lowering, type: Type) -> bool:
    """Say whether `match` accepts values of this type."""
    if isinstance(type, Named):
        return ctx.types[type.name].kind != "record"
    return isinstance(type, OptionalOf | ProblemOf) or type in _LITERALS or is_unknown(type)


def lower_patterns(ctx: Lowering, scope: Scope, subject: Subject, arm: tree.Arm) -> Pattern:
    """Return the pattern of an arm, and bind its names in `scope`."""
    nodes = arm.patterns
    if len(nodes) == 1:
        return _lower(ctx, scope, subject, nodes[0])
    place = ctx.place((nodes[0].span[0], nodes[-1].span[1])) if nodes else ctx.place(arm.span)
    variants: list[VariantRef] = []
    values: list[bool | int | float | str | Decimal | object] = []
    for node in nodes:
        pattern = _lower(ctx, scope, subject, node)
        match pattern:
            case VariantPattern(refs):
                variants.extend(refs)
            case ConstantPattern(constants):
                values.extend(constants)
            case OkPattern() | SomePattern() | NonePattern() | ElsePattern():
                # `|` only joins patterns that bind nothing and are variants or values.
                word = ctx.source.slice(node.span)
                ctx.report(
                    PATTERN,
                    node.span,
                    f"`{word}` cannot be an alternative: `|` joins variants or literals",
                    help="give it an arm of its own",
                )
                variants.append(VariantRef("?", word))
            case _:
                assert_never(pattern)
    if values and not variants:
        return ConstantPattern(tuple(values), place)  # type: ignore[arg-type]
    return VariantPattern(tuple(variants), (), place)


def _lower(ctx: Lowering, scope: Scope, subject: Subject, node: tree.Pattern) -> Pattern:
    place = ctx.place(node.span)
    match node:
        case tree.VariantPattern():
            return _variant(ctx, scope, subject, node, place)
        case tree.OkPattern(binding):
            return _ok(ctx, scope, subject, node, binding, place)
        case tree.SomePattern(binding):
            return _some(ctx, scope, subject, node, binding, place)
        case tree.NonePattern():
            if isinstance(subject.type, OptionalOf) or is_unknown(subject.type):
                return NonePattern(place)
            return _misfit(ctx, subject, node, place, "`none`", "what may be `none`")
        case tree.LiteralPattern(value):
            return _literal(ctx, scope, subject, node, value, place)
        case tree.ElsePattern(binding):
            type = rest_of(ctx, subject)
            if binding is not None and _names_variant(ctx, binding.text):
                _report_else_of_one(ctx, node, binding.text)
                return ElsePattern(None, type, place)
            return ElsePattern(_bound(ctx, scope, binding, type), type, place)
        case tree.Unparsed():
            return VariantPattern((VariantRef("?", ""),), (), place)
        case _:
            assert_never(node)


def _names_variant(ctx: Lowering, name: str) -> bool:
    return not has_case(name, "snake_case") and (name in ctx.variants or name in _BUILT_IN)


def _report_else_of_one(ctx: Lowering, node: tree.ElsePattern, variant: str) -> None:
    ctx.report(
        PATTERN,
        node.span,
        f"`else` takes all that is left, and `{variant}` is one of its cases",
        help=f"for this one alone, write the arm `{variant} -> …`, behind a call in braces: "
        f"`else {{ {variant} -> … }}`; or give what is left a name in snake_case: `else problem -> …`",
    )


def rest_of(ctx: Lowering, subject: Subject) -> Type:
    """Return the type of the cases that are left for `else`.

    For a call this is the failure type if only one is left and no built-in variant. `else` never
    covers `InDoubt`.
    """
    if not subject.is_call or is_unknown(subject.type):
        return subject.type
    owners = tuple(
        owner
        for owner in subject.owners
        if any(variant.ref not in subject.taken for variant in ctx.types[owner].variants.values())
    )
    times_out = "TimedOut" in subject.builtins and TIMED_OUT.ref not in subject.taken
    if len(owners) == 1 and not times_out:
        return named(owners[0])
    return ProblemOf(owners, ("TimedOut",) if times_out else ())


def _bound(ctx: Lowering, scope: Scope, name: tree.Name | None, type: Type) -> str | None:
    if name is None or name.text in ("", "_"):
        return None
    ctx.bind(scope, name, Binding(name.text, "binding", type))
    return name.text


def _misfit(
    ctx: Lowering, subject: Subject, node: tree.Pattern, place: Place, what: str, matched_kind: str
) -> Pattern:
    """Report a pattern of a kind that the subject does not have."""
    if not is_unknown(subject.type):
        own = "the result and the failures of a call" if subject.is_call else subject.described
        ctx.report(
            PATTERN,
            place,
            f"{what} is a pattern for {matched_kind}, and what is matched here is {own}",
            help=_patterns_of(ctx, subject),
        )
    return VariantPattern((VariantRef("?", ctx.source.slice(node.span)),), (), place)


def _patterns_of(ctx: Lowering, subject: Subject) -> str:
    if subject.is_call:
        return "its arms are `ok x`, the failures, and `else`"
    match subject.type:
        case OptionalOf():
            return "its arms are `some x` and `none`"
        case Named() | ProblemOf() if subject.variants:
            return f"its variants are {listed(subject.variants)}"
        case Primitive("bool"):
            return "its arms are `true` and `false`"
        case (
            Primitive()
            | ListOf()
            | MapOf()
            | SecretOf()
            | Named()
            | ProblemOf()
            | RunInfo()
            | Nothing()
            | Unknown()
        ):
            return "its arms are literals and `else`"
        case _:
            assert_never(subject.type)


# --- Calls and optionals --------------------------------------------------------------------------


def _ok(
    ctx: Lowering,
    scope: Scope,
    subject: Subject,
    node: tree.OkPattern,
    binding: tree.Name | None,
    place: Place,
) -> Pattern:
    if not subject.is_call:
        if binding is None and "ok" in subject.variants:
            if ctx.recorder is not None:
                ctx.recorder.refer(node.span, subject.variants["ok"][0].place)
            return _taken(subject, subject.variants["ok"][0], (), place)
        pattern = _misfit(ctx, subject, node, place, "`ok`", "the result of a call")
        _bound(ctx, scope, binding, UNKNOWN)
        return pattern
    result = subject.result
    assert result is not None
    if isinstance(result, Nothing) and binding is not None and binding.text not in ("", "_"):
        ctx.report(
            PATTERN,
            binding.span,
            f"{subject.described} has no result, so `{binding.text}` would have no value",
            help="write `ok` alone, or declare the result: `-> T`",
        )
        result = UNKNOWN
    return OkPattern(_bound(ctx, scope, binding, result), result, place)


def _some(
    ctx: Lowering,
    scope: Scope,
    subject: Subject,
    node: tree.SomePattern,
    binding: tree.Name | None,
    place: Place,
) -> Pattern:
    if isinstance(subject.type, OptionalOf):
        return SomePattern(_bound(ctx, scope, binding, subject.type.item), subject.type.item, place)
    if is_unknown(subject.type) and not subject.is_call:
        return SomePattern(_bound(ctx, scope, binding, UNKNOWN), UNKNOWN, place)
    if binding is None and "some" in subject.variants:
        if ctx.recorder is not None:
            ctx.recorder.refer(node.span, subject.variants["some"][0].place)
        return _taken(subject, subject.variants["some"][0], (), place)
    pattern = _misfit(ctx, subject, node, place, "`some`", "what may be `none`")
    _bound(ctx, scope, binding, UNKNOWN)
    return pattern


def _literal(
    ctx: Lowering,
    scope: Scope,
    subject: Subject,
    node: tree.LiteralPattern,
    value: tree.Expression,
    place: Place,
) -> Pattern:
    constant = lower(ctx, scope, value, subject.type)
    if is_unknown(constant.type) or is_unknown(subject.type):
        return VariantPattern((VariantRef("?", ""),), (), place)
    number = getattr(constant, "value", None)
    if constant.type == INT and subject.type in (FLOAT, DECIMAL) and not subject.is_call:
        number = Decimal(number or 0) if subject.type == DECIMAL else float(number or 0)
    elif constant.type != subject.type:
        what = f"`{ctx.source.slice(node.span)}`"
        return _misfit(ctx, subject, node, place, what, a(constant.type))
    assert number is not None
    return ConstantPattern((number,), place)


# --- Variants -------------------------------------------------------------------------------------


def _variant(
    ctx: Lowering, scope: Scope, subject: Subject, node: tree.VariantPattern, place: Place
) -> Pattern:
    variant = _find_variant(ctx, subject, node)
    if ctx.recorder is not None:
        if variant is not None and variant.ref.variant == node.name.text:
            ctx.recorder.refer(node.name.span, variant.place)
        if node.type is not None and (owner := ctx.type_named(node.type.text)) is not None:
            ctx.recorder.refer(node.type.span, owner.place)
    if variant is None:
        for name in node.fields or ():
            _bound(ctx, scope, name, UNKNOWN)
        return VariantPattern((VariantRef("?", node.name.text),), (), place)
    names: tuple[tuple[str, str | None], ...] = ()
    if node.fields is not None:
        names = _bind_fields(ctx, scope, variant, node)
    return _taken(subject, variant, names, place)


def _taken(
    subject: Subject, variant: VariantSymbol, names: tuple[tuple[str, str | None], ...], place: Place
) -> Pattern:
    subject.taken.add(variant.ref)
    return VariantPattern((variant.ref,), names, place)


def _bind_fields(
    ctx: Lowering, scope: Scope, variant: VariantSymbol, node: tree.VariantPattern
) -> tuple[tuple[str, str | None], ...]:
    bindings = node.fields or []
    fields = list(variant.fields.values())
    if len(bindings) != len(fields):
        count = f"{len(fields)} field{'s' if len(fields) != 1 else ''}" if fields else "no fields"
        form = f"({', '.join(each.name for each in fields)})" if fields else ""
        ctx.report(
            PATTERN,
            node.span,
            f"`{variant.ref.variant}` has {count}, and {len(bindings) or 'none'} {'are' if len(bindings) > 1 else 'is'} named here",
            help=f"write `{variant.ref.variant}{form}`"
            + (f", or `{variant.ref.variant}` alone" if fields else ""),
            labels=[Label(variant.place, "declared here")] if variant.place.line else (),
        )
    names: list[tuple[str, str | None]] = []
    places: dict[str, Place] = {}
    for index, name in enumerate(bindings):
        if name.text in places and name.text != "_":
            ctx.duplicate("the name", name, places[name.text])
            continue
        places[name.text] = ctx.place(name.span)
        if index < len(fields):
            names.append((fields[index].name, _bound(ctx, scope, name, fields[index].type)))
        else:
            _bound(ctx, scope, name, UNKNOWN)
    names.extend((each.name, None) for each in fields[len(bindings) :])
    return tuple(names)


def _find_variant(ctx: Lowering, subject: Subject, node: tree.VariantPattern) -> VariantSymbol | None:
    """Return the variant that a pattern means.

    Report a name that is not a variant of the subject.
    """
    name = node.name.text
    if not name or is_unknown(subject.type):
        return None
    if ctx.recorder is not None and name == ctx.recorder.marker:
        ctx.recorder.marked(subject=subject)
    if node.type is not None:
        return _qualified(ctx, subject, node, node.type)
    candidates = subject.variants.get(name, [])
    if name in _BUILT_IN and (subject.is_call or name in subject.builtins):
        return _BUILT_IN[name]
    if len(candidates) > 1:
        report_ambiguous(ctx, node.name, candidates)
        return None
    if candidates:
        return candidates[0]
    _report_stranger(ctx, subject, node, name)
    near = ctx.near(name, subject.variants) if name not in ctx.variants else None
    return subject.variants[near][0] if near is not None and len(subject.variants[near]) == 1 else None


def _qualified(
    ctx: Lowering, subject: Subject, node: tree.VariantPattern, type: tree.Name
) -> VariantSymbol | None:
    name = node.name.text
    for variant in subject.variants.get(name, ()):
        if variant.ref.type == type.text:
            return variant
    symbol = ctx.type_named(type.text)
    if symbol is None:
        near = ctx.near(type.text, subject.owners)
        ctx.report(
            UNKNOWN_VARIANT,
            type.span,
            f"there is no type `{type.text}`",
            near=near,
            help=f"its variants are {listed(subject.variants)}" if subject.variants else "",
        )
    elif name not in symbol.variants and type.text in subject.owners:
        ctx.report(
            UNKNOWN_VARIANT,
            node.name.span,
            f"`{type.text}` has no variant `{name}`",
            near=ctx.near(name, symbol.variants),
            help=f"it has {listed(symbol.variants)}",
            labels=[Label(symbol.place, "declared here")],
        )
    else:
        _report_stranger(ctx, subject, node, f"{type.text}.{name}")
    return None


def _report_stranger(ctx: Lowering, subject: Subject, node: tree.VariantPattern, name: str) -> None:
    """Report a variant that the subject cannot be: one of another type, or an unknown one."""
    names = listed(subject.variants)
    elsewhere = ctx.variants.get(node.name.text, [])
    verb = "fail with" if subject.is_call else "be"
    if subject.owners and not elsewhere and node.name.text not in _BUILT_IN:
        near = ctx.near(name, subject.variants)
        owners = listed(subject.owners, "nor" if len(subject.owners) > 1 else "and")
        has = f"{owners} has no variant" if len(subject.owners) == 1 else f"neither {owners} has a variant"
        ctx.report(
            UNKNOWN_VARIANT,
            node.name.span,
            f"{has} `{name}`",
            near=near,
            help=f"{'they have' if len(subject.owners) > 1 else 'it has'} {names}",
        )
    elif subject.is_call:
        ctx.report(
            PATTERN if elsewhere else UNKNOWN_VARIANT,
            node.span,
            f"{subject.described} cannot {verb} `{name}`",
            help=f"it can fail with {names}"
            if subject.variants
            else "it declares no failures: add `fails F` to it",
            labels=[Label(elsewhere[0].place, "declared here")] if elsewhere else (),
        )
    else:
        ctx.report(
            PATTERN,
            node.span,
            f"{subject.described} is never `{name}`",
            help=_patterns_of(ctx, subject),
            labels=[Label(elsewhere[0].place, "declared here")] if elsewhere else (),
        )
