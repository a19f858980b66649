"""The contract as a whole: its guarantee sheet as Markdown, and its diagram."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from opord.language.sheet import Sheet, explain_sheet
from opord.language.sheet.model import Item, StateSheet
from opord.lsp.analysis import Analysis


class Unavailable(Exception):
    """It cannot be made; the message says why, and what would help."""


def explained(analysis: Analysis) -> str:
    """Write the guarantee sheet.

    Raises:
        Unavailable: the contract has errors, or the file has types alone.
    """
    return "\n".join(_lines(explain_sheet(_sound(analysis, "explained")))) + "\n"


def diagram(analysis: Analysis, format: str = "svg") -> str:
    """Draw the states and moves as `svg`, `dot` or `mermaid`.

    Raises:
        Unavailable: the contract has errors, or this installation draws no diagrams.
    """
    contract = _sound(analysis, "drawn")
    try:
        room: Any = import_module("opord.codegen.diagram")
    except ModuleNotFoundError as missing:
        raise Unavailable(f"no diagrams can be drawn here: {missing}") from missing
    try:
        return str(room.render_diagram(contract, format))
    except ModuleNotFoundError as missing:
        raise Unavailable('drawing needs more packages: pip install "opord[diagram]"') from missing


def _sound(analysis: Analysis, done: str) -> Any:
    contract = analysis.result.contract
    if contract is None:
        errors = len(analysis.result.errors)
        what = f"it has {errors} error{'s' if errors > 1 else ''}" if errors else "it has types alone"
        raise Unavailable(f"the contract cannot be {done}: {what}")
    return contract


def _lines(sheet: Sheet) -> Iterator[str]:
    yield f"# {sheet.contract}, version {sheet.version}"
    if sheet.doc:
        yield f"\n{sheet.doc}"
    yield f"\nTakes {_items(sheet.input) or 'nothing'}."
    yield f"One run for each `{sheet.key}`." if sheet.key else "Each start is a new run."
    yield "\n## States"
    for state in sheet.states:
        yield from _state(state)
    yield "\n## Ends\n"
    yield from (f"- **{end.state}** ({end.outcome}) {_items(end.carries)}".rstrip() for end in sheet.ends)
    if sheet.actions:
        yield "\n## Actions"
    for action in sheet.actions:
        yield f"\n### {action.name}\n\n{action.guarantee}\n\n- attempts: {action.attempts}\n- time limit: {action.time_limit}"
        for failure in action.failures:
            again = "can be tried again" if failure.again else "final"
            yield f"- fails with `{failure.name}`: {again}"
    if sheet.effects:
        yield "\n## Effects\n"
    yield from (f"- **{effect.name}**: {effect.attempts}; {effect.time_limit}" for effect in sheet.effects)
    if sheet.events:
        yield "\n## Events\n"
    for event in sheet.events:
        by = f" by {' or '.join(event.roles)}" if event.roles else ""
        yield f"- **{event.name}**{by}: taken in {', '.join(event.taken_in) or 'no state'}{', kept' if event.kept else ''}"
    if sheet.promises:
        yield "\n## Promises\n"
    yield from (f"- {promise}" for promise in sheet.promises)


def _state(state: StateSheet) -> Iterator[str]:
    yield f"\n### {state.name}"
    if state.doc:
        yield f"\n{state.doc}"
    yield ""
    if state.proves:
        yield f"- proves {_items(state.proves)}"
    if state.calls:
        yield f"- does {', '.join(state.calls)}"
    yield from (f"- becomes **{move.to}**: {'; '.join(move.reasons)}" for move in state.becomes)


def _items(items: tuple[Item, ...]) -> str:
    return ", ".join(f"`{each.name}: {each.type}`" for each in items)
