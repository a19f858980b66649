"""The guarantee sheet as text of a given width, to be read from top to bottom by someone new to it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from opord.language.sheet.model import (
    ActionSheet,
    EffectSheet,
    EventSheet,
    FailureSheet,
    Item,
    Sheet,
    StateSheet,
    Wait,
)

_KINDS = {"acting": "acts at once", "waiting": "waits"}
_OUTCOMES = {"success": "a success", "failure": "a failure", "cancelled": "cancelled"}
_LABEL_WIDTH = 15


def render_text(sheet: Sheet, width: int = 100) -> str:
    """Write a sheet in lines of at most `width` columns (60 at least; a long name may stand out)."""
    return "\n".join(line.rstrip() for line in _lines(sheet, max(width, 60))) + "\n"


def _lines(sheet: Sheet, width: int) -> Iterator[str]:
    yield f"{sheet.contract}, version {sheet.version}"
    if sheet.doc:
        yield from _filled(sheet.doc, width)
    yield ""
    yield from _row("takes", _items(sheet.input) or "nothing", width, "")
    named = (
        f"one run for each {sheet.key}: a second start with the same input is the same run"
        if sheet.key
        else ""
    )
    yield from _row("runs", named or "each start is a new run", width, "")
    for title, entries in (
        ("States, and what each can become", [_state(state, width) for state in sheet.states]),
        ("Ends", [_ends(sheet, width)] if sheet.ends else []),
        (
            "Actions: what is done to the outside, and how often",
            [_action(each, width) for each in sheet.actions],
        ),
        ("Effects: what is looked up, and may be repeated", [_effect(each, width) for each in sheet.effects]),
        ("Events: who may send what, and when", [_event(each, width) for each in sheet.events]),
        (
            "Promises about every run, as the contract states them",
            [_promises(sheet, width)] if sheet.promises else [],
        ),
    ):
        if entries:
            yield from ("", title, "=" * len(title))
        for index, entry in enumerate(entries):
            if index:
                yield ""
            yield from entry


# --- Entries ------------------------------------------------------------------------------------------


def _state(state: StateSheet, width: int) -> Iterator[str]:
    where = f", in the phase {state.phase}" if state.phase else ""
    start = ", where a run starts" if state.initial else ""
    yield from _filled(f"{state.name} ({_KINDS.get(state.kind, state.kind)}{where}{start})", width, "", "  ")
    yield from _filled(state.doc, width, "  ")
    if state.proves:
        yield from _row("proves", _items(state.proves), width)
    if state.calls:
        yield from _row("does", ", ".join(state.calls), width)
    for index, wait in enumerate(state.waits_for):
        heading = "waits for" if state.kind == "waiting" else "may be told"
        yield from _row("" if index else heading, _wait(wait), width)
    for index, timer in enumerate(state.timers):
        yield from _row("" if index else "moves by itself", timer, width)
    for index, move in enumerate(state.becomes):
        reasons = "; or ".join(move.reasons) or "never"
        yield from _row("" if index else "can become", f"{move.to}: {reasons}", width)


def _ends(sheet: Sheet, width: int) -> Iterator[str]:
    for end in sheet.ends:
        carries = f", with {_items(end.carries)}" if end.carries else ""
        doc = f". {' '.join(end.doc.split())}" if end.doc else ""
        yield from _row(end.state, f"{_OUTCOMES.get(end.outcome, end.outcome)}{carries}{doc}", width, "")


def _action(action: ActionSheet, width: int) -> Iterator[str]:
    yield from _filled(_signature(action.name, action.takes, action.returns), width, "", "    ")
    yield from _filled(action.doc, width, "  ")
    yield from _filled(action.guarantee, width, "  ")
    held = f", which the other side remembers for {action.key_held_for}" if action.key_held_for else ""
    yield from _row("key", f"{action.key}{held}" if action.key else "none", width)
    yield from _row("attempts", action.attempts, width)
    yield from _row("time limit", action.time_limit, width)
    yield from _row("in doubt", action.in_doubt, width)
    yield from _failures(action.failures, width)
    if action.repeatable:
        yield from _row("repeatable", "a run may commit it again and again, each time as a new effect", width)
    if action.undoes:
        yield from _row("undoes", action.undoes, width)
    if action.undone_by:
        yield from _row("undone by", ", ".join(action.undone_by), width)
    yield from _row("committed in", ", ".join(action.committed_in) or "no state", width)


def _effect(effect: EffectSheet, width: int) -> Iterator[str]:
    yield from _filled(_signature(effect.name, effect.takes, effect.returns), width, "", "    ")
    yield from _filled(effect.doc, width, "  ")
    yield from _row("attempts", effect.attempts, width)
    yield from _row("time limit", effect.time_limit, width)
    yield from _failures(effect.failures, width)
    if effect.performed_in:
        yield from _row("performed in", ", ".join(effect.performed_in), width)
    if effect.checks:
        yield from _row("settles", f"doubts of {', '.join(effect.checks)}", width)


def _failures(failures: tuple[FailureSheet, ...], width: int) -> Iterator[str]:
    final = [_failure(each) for each in failures if not each.again]
    again = [_failure(each) for each in failures if each.again]
    if final:
        yield from _row("fails for good", ", ".join(final), width)
    if again:
        yield from _row(
            "can be retried", f"{', '.join(again)} (the attempt certainly did not take effect)", width
        )


def _failure(failure: FailureSheet) -> str:
    carries = f"({', '.join(item.name for item in failure.carries)})" if failure.carries else ""
    return f"{failure.name}{carries}"


def _event(event: EventSheet, width: int) -> Iterator[str]:
    yield from _filled(_signature(event.name, event.takes, None), width, "", "    ")
    yield from _filled(event.doc, width, "  ")
    yield from _row("sent by", " or ".join(event.roles) or "anyone who may send to the run", width)
    yield from _row("taken in", ", ".join(event.taken_in) or "no state", width)
    elsewhere = "stored until a state takes it" if event.kept else "refused, with the list of what is taken"
    yield from _row("elsewhere", elsewhere, width)
    if event.once_per:
        yield from _row("counts once", f"per {event.once_per}", width)


def _types(sheet: Sheet, width: int) -> Iterator[str]:
    for type in sheet.types:
        carries = _items(type.carries) or ", ".join(
            _signature(each.name, each.carries, None) for each in type.variants
        )
        doc = f". {' '.join(type.doc.split())}" if type.doc else ""
        yield from _row(type.name, f"{carries or 'nothing'}{doc}", width, "")


def _promises(sheet: Sheet, width: int) -> Iterator[str]:
    for promise in sheet.promises:
        yield from _filled(promise, width, "- ", "  ")


# --- Lines --------------------------------------------------------------------------------------------


def _wait(wait: Wait) -> str:
    by = f" by {' or '.join(wait.roles)}" if wait.roles else ""
    condition = f" if {wait.condition}" if wait.condition else ""
    ignored = " (goes on record, changes nothing)" if wait.ignored else ""
    return f"{_signature(wait.event, wait.takes, None)}{by}{condition}{ignored}"


def _signature(name: str, takes: Iterable[Item], returns: str | None) -> str:
    arrow = f" -> {returns}" if returns else ""
    row = _items(takes)
    return f"{name}({row}){arrow}" if row or arrow else name


def _items(items: Iterable[Item]) -> str:
    return ", ".join(f"{item.name}: {item.type}" for item in items)


def _row(label: str, text: str, width: int, indent: str = "  ") -> Iterator[str]:
    head = f"{indent}{label:<{_LABEL_WIDTH}}  "
    yield from _filled(text, width, head, " " * len(indent) + " " * (_LABEL_WIDTH + 2))


def _filled(text: str, width: int, first: str = "", later: str | None = None) -> Iterator[str]:
    if text:
        yield from textwrap.wrap(
            " ".join(text.split()),
            width,
            initial_indent=first,
            subsequent_indent=first if later is None else later,
            break_long_words=False,
            break_on_hyphens=False,
        )
