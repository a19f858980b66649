"""The content of the sheet and its order: conclusions first, then the parts from start to end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from opord.language.ensure import CALL_LIMIT
from opord.language.sheet.entries import (
    OUTCOMES,
    action_entry,
    by_senders,
    effect_entry,
    end_entry,
    event_entry,
    items_line,
    names,
    phase_entry,
    state_entry,
)
from opord.language.sheet.model import CallTrouble, PromiseSheet, RequireSheet, SecretSheet, Sheet, TimeSheet
from opord.language.sheet.outline import (
    CodeText,
    Flow,
    InlineLine,
    LabelledRow,
    NameEntry,
    NameKind,
    NameLink,
    Paragraph,
    Rows,
    SheetDocument,
    SheetSection,
    StorySteps,
    Table,
    Tag,
    joined,
    paragraphs,
    sentence,
)
from opord.language.spelling import in_words

_VERDICTS = {"proved": Tag("proved", "good"), "refuted": Tag("refuted", "bad")}


def lay_out(sheet: Sheet) -> SheetDocument:
    """Lay a sheet out as a document. Empty sections are left out."""
    sections = (
        SheetSection("Promises about every run", "promises", tuple(_promises(sheet))),
        SheetSection("How long a run can take", "time", tuple(_time(sheet.time))),
        SheetSection("States, what each proves and what it can become", "states", tuple(state_entry(each) for each in sheet.states)),
        SheetSection("Ends", "ends", tuple(_ends(sheet))),
        SheetSection("Phases, and what their states share", "phases", tuple(phase_entry(each) for each in sheet.phases)),
        SheetSection("Actions: what is done to the outside, and how often", "actions", tuple(action_entry(each) for each in sheet.actions)),
        SheetSection("Effects: what is looked up, and may be repeated", "effects", tuple(effect_entry(each) for each in sheet.effects)),
        SheetSection("Events: who may send what, and when", "events", tuple(_events(sheet))),
        SheetSection("What can go wrong, and who can act", "failures", tuple(_troubles(sheet))),
        SheetSection("Secrets", "secrets", tuple(_secrets(sheet))),
        SheetSection("Types", "types", tuple(_types(sheet))),
    )  # fmt: skip
    return SheetDocument(
        title=f"{sheet.contract}, version {sheet.version}",
        about=tuple(paragraphs(sheet.doc)),
        summary=Rows(tuple(_summary(sheet))),
        sections=tuple(section for section in sections if section.blocks),
    )


# --- The summary
# --------------------------------------------------------------------------------------


def _summary(sheet: Sheet) -> Iterator[LabelledRow]:
    yield LabelledRow("takes", (items_line(sheet.input) or ("nothing",),))
    if sheet.key:
        one: InlineLine = (
            "one run for each ",
            CodeText(sheet.key),
            ": a second start with the same input is the same run",
        )
    else:
        one = ("each start is a new run",)
    yield LabelledRow("runs", (one,))
    if sheet.requires:
        yield LabelledRow("starts only if", tuple(_required(each) for each in sheet.requires))
    start = next((state for state in sheet.states if state.initial), None)
    if start is not None:
        yield LabelledRow("starts in", ((NameLink("state", start.name),),))
    ended = [
        (f"{words}: ", *names("state", [end.state for end in sheet.ends if end.outcome == outcome]))
        for outcome, words in OUTCOMES.items()
        if any(end.outcome == outcome for end in sheet.ends)
    ]
    yield LabelledRow("can end", (joined(ended, "; "),))
    if sheet.actions:
        yield LabelledRow("commits", (names("action", [action.name for action in sheet.actions]),))
    inputs = [secret.path for secret in sheet.secrets if secret.kind == "input"]
    if inputs:
        yield LabelledRow("secret input", (joined([(CodeText(path),) for path in inputs]),))
    yield from _without_timeout(sheet)
    yield LabelledRow("ends within", ((sheet.time.longest or "no time that can be named",),))
    if sheet.promises:
        yield LabelledRow("promises", (_verdicts(sheet.promises),))


def _without_timeout(sheet: Sheet) -> Iterator[LabelledRow]:
    """Say which calls have no `timeout`, and what ends them."""
    limit = f"the worker's call limit ends an attempt, {in_words(CALL_LIMIT)} unless set"
    rows: tuple[tuple[NameKind, list[str], str], ...] = (
        ("effect", [each.name for each in sheet.effects], "then it counts as a fault of its handler and is tried again"),
        ("action", [each.name for each in sheet.actions], "then its outcome is unknown"),
    )  # fmt: skip
    lines: list[InlineLine] = []
    for kind, declared, after in rows:
        without = [name for name in declared if name in sheet.without_timeout]
        if without:
            lines.append((*names(kind, without), f": {limit}; {after}"))
    if lines:
        yield LabelledRow("no timeout", tuple(lines))


def _required(one: RequireSheet) -> InlineLine:
    return (CodeText(one.condition), "; else a start is refused: ", CodeText(one.text))


def _verdicts(promises: tuple[PromiseSheet, ...]) -> InlineLine:
    counted = {verdict: sum(each.verdict == verdict for each in promises) for verdict in _VERDICTS}
    counts = [
        f"{'all ' if count == len(promises) and count > 1 else ''}{count} {verdict}" for verdict, count in counted.items() if count
    ]  # fmt: skip
    return (", ".join(counts),)


def _promises(sheet: Sheet) -> Iterator[Flow]:
    if sheet.promises:
        yield Table(
            ("Promise", "Verdict"),
            tuple(((CodeText(each.text),), (_VERDICTS[each.verdict],)) for each in sheet.promises),
        )
    for promise in sheet.promises:
        if promise.verdict == "refuted":
            yield Paragraph((CodeText(promise.text), " does not hold: ", *sentence(promise.problem), "."))
            yield StorySteps(tuple(sentence(step) for step in promise.story))


def _time(time: TimeSheet) -> Iterator[Flow]:
    if time.longest is None:
        yield Paragraph(("There is no longest time: ", *sentence(time.problem), "."))
        lead = "A run comes there so:"
    else:
        lead = (
            f"At most {time.longest}, when people resolve doubts and mend stalls at once. This run takes it:"
        )
    if time.story:
        yield Paragraph((lead,))
        yield StorySteps(tuple(sentence(step) for step in time.story))


# --- The parts ------------------------------------------------------------------------------------


def _ends(sheet: Sheet) -> Iterator[NameEntry]:
    for outcome in OUTCOMES:
        for end in sheet.ends:
            if end.outcome == outcome:
                yield end_entry(end)


def _events(sheet: Sheet) -> Iterator[Flow | NameEntry]:
    if not sheet.events:
        return
    rows = []
    for event in sheet.events:
        taken = [
            (NameLink("state", each.state), *((" if ", CodeText(each.condition)) if each.condition else ()))
            for each in event.taken_in
        ]
        other = "kept for later" if event.kept else "refused"
        rows.append(
            (
                (NameLink("event", event.name),),
                by_senders(event),
                joined(taken) or ("no state",),
                (other,),
                ("per ", CodeText(event.once_per)) if event.once_per else ("each time",),
            )
        )
    yield Table(("Event", "Sent by", "Taken in", "Elsewhere", "Counts once"), tuple(rows))
    for event in sheet.events:
        yield event_entry(event)


def _troubles(sheet: Sheet) -> Iterator[Flow]:
    if sheet.failures:
        kinds: dict[str, NameKind] = {effect.name: "effect" for effect in sheet.effects}
        kinds |= {action.name: "action" for action in sheet.actions}
        yield Table(
            ("What", "In", "Tried again", "Then", "Who can act"),
            tuple(_trouble(each, kinds) for each in sheet.failures),
        )
    documented = [each for each in sheet.failures if each.doc]
    if documented:
        yield Rows(
            tuple(LabelledRow(each.name, ((" ".join(each.doc.split()),),)) for each in _once(documented))
        )


def _once(troubles: list[CallTrouble]) -> list[CallTrouble]:
    """Leave out a row with the same name and text as an earlier one."""
    return list({(each.name, each.doc): each for each in troubles}.values())


def _trouble(trouble: CallTrouble, kinds: dict[str, NameKind]) -> tuple[InlineLine, ...]:
    carries = f"({', '.join(item.name for item in trouble.carries)})" if trouble.carries else ""
    return (
        (CodeText(f"{trouble.name}{carries}") if trouble.type or " " not in trouble.name else trouble.name,),
        joined(
            [(NameLink(kinds[call], call) if call in kinds else CodeText(call),) for call in trouble.calls]
        ),
        ("yes" if trouble.again else "no",),
        names("state", trouble.leads_to) or ("",),
        sentence(trouble.acts),
    )


def _secrets(sheet: Sheet) -> Iterator[Flow]:
    if not sheet.secrets:
        return
    yield Paragraph(
        (
            "A secret is only passed on whole, into places that are secret too, and never shown: not in lists, "
            "not in histories, not in logs.",
        )
    )
    yield Table(("Where", "Path", "Type"), tuple(_secret(each) for each in sheet.secrets))


def _secret(secret: SecretSheet) -> tuple[InlineLine, ...]:
    where: InlineLine
    match secret.kind:
        case "input":
            where = ("the input",)
        case "pure":
            where = ("pure ", CodeText(secret.holder))
        case "state" | "event" | "action" | "effect":
            where = (f"{secret.kind} ", NameLink(secret.kind, secret.holder))
        case _:
            assert_never(secret.kind)
    return where, (CodeText(secret.path),), (CodeText(secret.type),)


def _types(sheet: Sheet) -> Iterator[NameEntry]:
    for each in sheet.types:
        rows = [LabelledRow(item.name, (_field(item.type, item.doc, item.secret),)) for item in each.carries]
        rows += [
            LabelledRow(variant.name, (items_line(variant.carries) or ("",),)) for variant in each.variants
        ]
        kind = "one of" if each.variants else "record"
        yield NameEntry(
            NameLink("type", each.name),
            (CodeText(each.name),),
            (Tag(kind),),
            (*paragraphs(each.doc), Rows(tuple(rows))),
        )


def _field(type: str, doc: str, secret: bool) -> InlineLine:
    description = f": {' '.join(doc.split())}" if doc else ""
    marked = (" ", Tag("secret", "open")) if secret and not type.startswith("secret ") else ()
    return CodeText(type), *marked, description
