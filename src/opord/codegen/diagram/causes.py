"""Why a step goes where it goes, in few enough words for an arrow: each `goto` with its cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from opord.codegen.diagram.picture import ArrowCause, ArrowCauseKind
from opord.codegen.diagram.short import SHORT_MAX, cut, full, one_line, short, short_timer
from opord.contract import (
    Action,
    CallSite,
    ConstantPattern,
    Contract,
    ElsePattern,
    EventHandler,
    Expr,
    Goto,
    NonePattern,
    OkPattern,
    Pattern,
    Skip,
    SomePattern,
    Timer,
    VariantPattern,
)
from opord.language.flow.exits import BelowCall, Branched, Condition, Exit, InCallArm, Matched, exits
from opord.language.flow.graph import Graph, Moment
from opord.language.spelling import spell_constant
from opord.values.call_words import failed_words

# A path can have thousands of conditions. The last ones decide.
_CONDITIONS_MAX = 4


@dataclass(frozen=True, slots=True)
class _Phrase:
    text: str
    full: str
    kind: ArrowCauseKind


_ELSE = _Phrase("else", "otherwise", "condition")
_PLAIN = _Phrase("at once", "at once", "plain")


def moves(graph: Graph, moment: Moment) -> Iterator[tuple[Goto, ArrowCause]]:
    """Yield each `goto` of a step with its cause, from top to bottom."""
    head = _head(graph.contract, moment)
    words = _Words(graph)
    for way_out in exits(moment):
        yield way_out.goto, _cause(head, words.of(way_out))


def _cause(head: _Phrase | None, conditions: tuple[_Phrase, ...]) -> ArrowCause:
    """Build the cause of a move: first what starts the step, then the conditions that decide.

    If the text is too long for an arrow, the last conditions are kept.
    """
    phrases = ([head] if head is not None else []) + list(conditions)
    deciding = [
        each for index, each in enumerate(conditions) if each is not _ELSE or index == len(conditions) - 1
    ]
    chosen = deciding[-1:]
    for each in reversed(deciding[:-1]):
        if sum(len(one.text) + 2 for one in (each, *chosen)) > SHORT_MAX:
            break
        chosen.insert(0, each)
    if head is not None:
        chosen.insert(0, head)
    chosen = chosen or [_PLAIN]
    kind = head.kind if head is not None else chosen[-1].kind
    text = ", ".join(dict.fromkeys(one.text for one in chosen))
    return ArrowCause(text, ", ".join(dict.fromkeys(one.full for one in phrases)) or _PLAIN.full, kind)


def _head(contract: Contract, moment: Moment) -> _Phrase | None:
    handler = moment.handler
    match handler:
        case None:
            return None
        case EventHandler(event=event, guard=guard):
            declared = next((each for each in contract.events if each.name == event), None)
            roles = declared.roles if declared is not None else ()
            text = cut(event + (f" · {' | '.join(roles)}" if roles else ""), SHORT_MAX)
            whole = event + (f" by {' or '.join(roles)}" if roles else "")
            if declared is not None and declared.excepts:
                whole += f" except {' or '.join(each.text for each in declared.excepts)}"
            if guard is not None:
                text, whole = f"{text} if {short(guard)}", f"{whole} if {full(guard)}"
            return _Phrase(text, whole, "event")
        case Timer():
            since = " since the phase was entered" if moment.shared and handler.kind == "after" else ""
            whole = f"{short_timer(handler, False)}{since}"
            return _Phrase(short_timer(handler, moment.shared), whole, "timer")
        case _:
            assert_never(handler)


class _Words:
    """The words for conditions. Each condition is worded once, even if it decides many arrows."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._phrases: dict[Condition, _Phrase | None] = {}

    def of(self, way_out: Exit) -> tuple[_Phrase, ...]:
        """Return the words for the last conditions before a `goto`.

        Conditions that need no words are left out.
        """
        phrases: list[_Phrase] = []
        for condition in way_out.latest_conditions():
            phrase = self._of_one(condition)
            if phrase is not None:
                phrases.append(phrase)
            if len(phrases) == _CONDITIONS_MAX:
                break
        return tuple(reversed(phrases))

    def _of_one(self, condition: Condition) -> _Phrase | None:
        if condition not in self._phrases:
            self._phrases[condition] = _worded(self._graph, condition)
        return self._phrases[condition]


def _worded(graph: Graph, condition: Condition) -> _Phrase | None:
    match condition:
        case Branched(statement=statement, holds=True):
            tested = statement.condition
            return _Phrase(f"if {short(tested)}", f"if {full(tested)}", "condition")
        case Branched(statement=statement, below=below):
            # Below an `if` that has an `else`, its condition is not mentioned.
            return None if below and statement.otherwise is not None else _ELSE
        case BelowCall(site=site, answered=answered, arms=arms):
            if not isinstance(graph.calls.get(site.name), Action):
                return None
            ends = [_done(graph, site)] if answered else []
            return _any_of([*ends, *(_ended(graph, site, arm.pattern) for arm in arms)])
        case InCallArm(site=site, arm=arm):
            return _ended(graph, site, arm.pattern)
        case Matched(subject=subject, arm=arm):
            return _matched(subject, arm.pattern)
        case _:
            assert_never(condition)


def _any_of(ends: list[_Phrase]) -> _Phrase:
    """Return the words for a call that ended in one of several ways."""
    text = cut(" | ".join(end.text for end in ends), SHORT_MAX)
    return _Phrase(text, " or ".join(end.full for end in ends), "call")


def _done(graph: Graph, site: CallSite) -> _Phrase:
    """Return the words for a call that answered.

    An action with `in doubt skip` may not have happened, and the words say so.
    """
    action = graph.calls.action(site.name)
    if action is not None and isinstance(action.doubt, Skip):
        return _Phrase(f"{site.name} ok or in doubt", f"{site.name} happened, or may have", "call")
    return _Phrase(f"{site.name} ok", f"{site.name} answers", "call")


def _ended(graph: Graph, site: CallSite, pattern: Pattern) -> _Phrase:
    match pattern:
        case OkPattern():
            return _done(graph, site)
        case VariantPattern(variants=variants):
            names = [variant.variant for variant in variants]
            text = cut(" | ".join(names), SHORT_MAX)
            return _Phrase(text, f"{site.name} {failed_words(names)}", "call")
        # The last three occur only in a contract with errors.
        case ElsePattern() | SomePattern() | NonePattern() | ConstantPattern():
            return _Phrase(f"{site.name} fails", f"{site.name} {failed_words([])} in any other way", "call")
        case _:
            assert_never(pattern)


def _matched(subject: Expr, pattern: Pattern) -> _Phrase:
    match pattern:
        case VariantPattern(variants=variants):
            value = " | ".join(variant.variant for variant in variants)
        case SomePattern():
            value = "there"
        case NonePattern():
            value = "none"
        case ConstantPattern(values=values):
            value = " | ".join(one_line(spell_constant(value)) for value in values)
        case ElsePattern() | OkPattern():  # `ok` only in a contract with errors
            return _ELSE
        case _:
            assert_never(pattern)
    return _Phrase(
        cut(f"{short(subject, 20)} is {value}", SHORT_MAX), f"{full(subject)} is {value}", "condition"
    )
