"""Write one entry for each state, end, phase, action, effect and event of the sheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opord.language.sheet.model import (
    ActionSheet,
    EffectSheet,
    EndSheet,
    EventSheet,
    FailureSheet,
    Item,
    PhaseSheet,
    StateSheet,
    Taking,
    Wait,
)
from opord.language.sheet.outline import (
    CodeText,
    Flow,
    Inline,
    InlineLine,
    LabelledRow,
    NameEntry,
    NameKind,
    NameLink,
    Paragraph,
    Rows,
    Tag,
    joined,
    paragraphs,
    sentence,
)

OUTCOMES = {"success": "success", "failure": "failure", "cancelled": "cancelled"}
_TONES: dict[str, Tag] = {
    "success": Tag("success", "good"),
    "failure": Tag("failure", "bad"),
    "cancelled": Tag("cancelled", "open"),
}
_KINDS = {"acting": "acts at once", "waiting": "waits"}


# --- States ---------------------------------------------------------------------------------------


def state_entry(state: StateSheet) -> NameEntry:
    """Write a state: what being in it proves, what happens there, and what is before and after."""
    tags = [Tag(_KINDS.get(state.kind, state.kind))]
    if state.initial:
        tags.append(Tag("a run starts here"))
    if state.phase:
        tags.append(Tag(f"phase {state.phase}"))
    rows = [
        *_proof_rows(state),
        *_row("does", [(CodeText(call),) for call in state.calls], " then "),
        *_lines("waits for" if state.kind == "waiting" else "may be told", map(_wait, state.waits_for)),
        *_lines("moves by itself", (sentence(timer) for timer in state.timers)),
        *_lines("starts again", (sentence(again) for again in state.starts_again)),
        *_lines("can become", _ways((way.target, way.words) for way in state.leaves)),
        *_lines("entered from", _ways((way.source, way.words) for way in state.entered)),
    ]
    return _entry("state", state.name, (NameLink("state", state.name),), tags, state.doc, rows)


def end_entry(end: EndSheet) -> NameEntry:
    """Write a final state: what a run that ends there has done, and how it got there."""
    rows = [
        *_proof_rows(end),
        *_row("never by then", [names("action", end.never)] if end.never else []),
        *_lines("entered from", _ways((way.source, way.words) for way in end.entered)),
    ]
    title = (NameLink("state", end.state),)
    return _entry("state", end.state, title, [_TONES.get(end.outcome, Tag(end.outcome))], end.doc, rows)


def phase_entry(phase: PhaseSheet) -> NameEntry:
    """Write a phase: its states, and the events and timers that they share."""
    rows = [
        *_row("states", [names("state", phase.states)]),
        *_lines("all take", map(_wait, phase.waits_for)),
        *_lines("all move", (sentence(timer) for timer in phase.timers)),
    ]
    return _entry("phase", phase.name, (NameLink("phase", phase.name),), [], phase.doc, rows)


def _proof_rows(here: StateSheet | EndSheet) -> Iterator[LabelledRow]:
    carries = here.proves if isinstance(here, StateSheet) else here.carries
    proved: list[InlineLine] = [items_line([item]) for item in carries]
    if here.answered:
        verb = " has answered" if len(here.answered) == 1 else " have answered"
        proved.append((*_all_of("effect", here.answered), verb))
    if here.certain:
        verb = " has taken effect" if len(here.certain) == 1 else " have taken effect"
        proved.append((*_all_of("action", here.certain), verb))
    yield from _lines("proves", proved)
    if here.possible:
        actions = _all_of("action", here.possible, " or ")
        yield LabelledRow("leaves open", (("whether ", *actions, " has taken effect"),))


def _all_of(kind: NameKind, called: tuple[str, ...], last: str = " and ") -> InlineLine:
    if len(called) == 1:
        return names(kind, called)
    return (*names(kind, called[:-1]), last, *names(kind, called[-1:]))


def _ways(ways: Iterable[tuple[str, str]]) -> Iterator[InlineLine]:
    """Write each way once: the state at its other end, and the reason."""
    for name, words in dict.fromkeys(ways):
        yield NameLink("state", name), *sentence(f": {words}")


def _wait(wait: Wait) -> InlineLine:
    takes = items_line(wait.takes)
    parts: list[Inline] = [NameLink("event", wait.event), *(("(", *takes, ")") if takes else ())]
    if wait.roles:
        parts.append(f" by {' or '.join(wait.roles)}")
    if wait.excluded:
        parts += [" except ", *_paths(wait.excluded)]
    if wait.condition:
        parts += [" if ", CodeText(wait.condition)]
    if wait.ignored:
        parts.append(" (goes on record, changes nothing)")
    return tuple(parts)


# --- Calls ----------------------------------------------------------------------------------------


def action_entry(action: ActionSheet) -> NameEntry:
    """Write an action: its guarantee, and the settings behind it."""
    held = f", which the other side remembers for {action.key_held_for}" if action.key_held_for else ""
    key: InlineLine = ("none",)
    if action.key:
        key = (action.key if action.key == "made by the runtime" else CodeText(action.key), held)
    tags = [Tag("in transaction")] if action.transaction else []
    tags += [Tag("repeatable")] if action.repeatable else []
    rows = [
        LabelledRow("key", (key,)),
        *([LabelledRow("tells apart", ((action.key_tells_apart,),))] if action.key_tells_apart else ()),
        *_reason("key shared", action.key_shared_because),
        LabelledRow("attempts", (sentence(action.attempts),)),
        LabelledRow("time limit", ((action.time_limit,),)),
        LabelledRow("in doubt", (("never",) if action.transaction else (CodeText(action.in_doubt),),)),
        *_failures(action.failures),
        *_asking(action.failures),
        *_settling(action.failures),
    ]
    if action.repeatable:
        rows.append(
            LabelledRow("repeatable", (("a run may commit it again and again, each time as a new effect",),))
        )
    if action.undoes:
        rows.append(LabelledRow("undoes", (names("action", [action.undoes]),)))
    rows += _row("undone by", [names("action", action.undone_by)] if action.undone_by else [])
    rows += _reason("stands", action.stands_because)
    rows.append(LabelledRow("committed in", (names("state", action.committed_in) or ("no state",),)))
    title = _signature(NameLink("action", action.name), action.takes, action.returns)
    return _entry(
        "action", action.name, title, tags, action.doc, rows, [Paragraph(sentence(action.guarantee))]
    )


def effect_entry(effect: EffectSheet) -> NameEntry:
    """Write an effect."""
    rows = [
        LabelledRow("attempts", (sentence(effect.attempts),)),
        LabelledRow("time limit", ((effect.time_limit,),)),
        *_failures(effect.failures),
        *_asking(effect.failures),
        *_row("performed in", [names("state", effect.performed_in)] if effect.performed_in else []),
        *_row("answers", [("doubts of ", *names("action", effect.checks))] if effect.checks else []),
    ]
    title = _signature(NameLink("effect", effect.name), effect.takes, effect.returns)
    return _entry("effect", effect.name, title, [], effect.doc, rows)


def _failures(failures: tuple[FailureSheet, ...]) -> Iterator[LabelledRow]:
    final = [(CodeText(_failure(each)),) for each in failures if not each.again]
    again = [(CodeText(_failure(each)),) for each in failures if each.again]
    if final:
        yield LabelledRow("fails for good", (joined(final),))
    if again:
        yield LabelledRow(
            "can be retried", ((*joined(again), " (the attempt certainly did not take effect)"),)
        )


def _asking(failures: tuple[FailureSheet, ...]) -> Iterator[LabelledRow]:
    for each in failures:
        if each.wait is not None:
            yield LabelledRow("asks to wait", ((CodeText(_failure(each)), f": {each.wait}"),))


def _settling(failures: tuple[FailureSheet, ...]) -> Iterator[LabelledRow]:
    settling = [(CodeText(_failure(each)),) for each in failures if each.settles]
    if settling:
        yield LabelledRow("ends a doubt", ((*joined(settling), " (no attempt under the key took effect)"),))


def _failure(failure: FailureSheet) -> str:
    carries = f"({', '.join(item.name for item in failure.carries)})" if failure.carries else ""
    return f"{failure.name}{carries}"


# --- Events ---------------------------------------------------------------------------------------


def event_entry(event: EventSheet) -> NameEntry:
    """Write an event: who may send it, and what happens to it in each state."""
    elsewhere = "stored until a state takes it" if event.kept else "refused, with the list of what is taken"
    rows = [
        LabelledRow("sent by", (by_senders(event),)),
        *_lines("taken in", map(_taking, event.taken_in)),
        *([] if event.taken_in else [LabelledRow("taken in", (("no state",),))]),
        LabelledRow("elsewhere", ((elsewhere,),)),
        *_row("counts once", [("per ", CodeText(event.once_per))] if event.once_per else []),
    ]
    title = _signature(NameLink("event", event.name), event.takes, None)
    return _entry("event", event.name, title, [], event.doc, rows)


def _taking(taking: Taking) -> InlineLine:
    parts: list[Inline] = [NameLink("state", taking.state)]
    if taking.condition:
        parts += [" if ", CodeText(taking.condition)]
    if taking.ignored:
        parts.append(": goes on record, changes nothing")
    else:
        parts += [": becomes ", *names("state", taking.leads_to, " or ")]
    return tuple(parts)


def by_senders(event: EventSheet) -> InlineLine:
    """Say who may send an event, and who may not though their role may."""
    who = " or ".join(event.roles) or "anyone who may send to the run"
    return (who, ", except ", *_paths(event.excluded)) if event.excluded else (who,)


def _paths(paths: tuple[str, ...]) -> InlineLine:
    return joined([(CodeText(path),) for path in paths], " or ")


# --- Parts ----------------------------------------------------------------------------------------


def names(kind: NameKind, of: Iterable[str], between: str = ", ") -> InlineLine:
    """Write names that have entries, with `between` between them."""
    return joined([(NameLink(kind, name),) for name in of], between)


def items_line(items: Iterable[Item]) -> InlineLine:
    """Write fields or parameters with their types. A mark shows those that contain a secret."""
    return joined([(CodeText(f"{item.name}: {item.type}"), *_mark(item)) for item in items])


def _mark(item: Item) -> InlineLine:
    return (" ", Tag("holds a secret", "open")) if item.secret and "secret " not in item.type else ()


def _signature(name: NameLink, takes: Iterable[Item], returns: str | None) -> InlineLine:
    row = ", ".join(f"{item.name}: {item.type}" for item in takes)
    arrow = f" -> {returns}" if returns else ""
    return (name, f"({row}){arrow}" if row or arrow else "")


def _row(label: str, parts: list[InlineLine], between: str = ", ") -> list[LabelledRow]:
    return [LabelledRow(label, (joined(parts, between),))] if parts else []


def _reason(label: str, reason: str | None) -> list[LabelledRow]:
    return [LabelledRow(label, ((f"because {reason}",),))] if reason else []


def _lines(label: str, lines: Iterable[InlineLine]) -> list[LabelledRow]:
    contents = tuple(lines)
    return [LabelledRow(label, contents)] if contents else []


def _entry(
    kind: NameKind,
    name: str,
    title: InlineLine,
    tags: list[Tag],
    doc: str,
    rows: list[LabelledRow],
    first: Iterable[Paragraph] = (),
) -> NameEntry:
    blocks: list[Flow] = [*paragraphs(doc), *first]
    if rows:
        blocks.append(Rows(tuple(rows)))
    return NameEntry(NameLink(kind, name), title, tuple(tags), tuple(blocks))
