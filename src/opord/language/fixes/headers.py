"""Mend headers: add a state that the body goes to; remove or change one that it never goes to."""

from __future__ import annotations

from collections.abc import Iterator

from opord.language.diagnostics.model import Diagnostic, Edit
from opord.language.fixes.checked_file import CheckedFile
from opord.language.flow.headers import header_gap
from opord.language.syntax import tree


def missing_target(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Add the target of a `goto` to the header of its state, or write it in place of a wrong one.

    The target of a shared handler goes into every header that lacks it.
    """
    at = checked.start(finding.place)
    goto = next((each for each in checked.nodes if isinstance(each, tree.Goto) and each.span[0] == at), None)
    if goto is None or goto.state.text not in checked.graph.states:
        return
    target = goto.state.text
    labelled = [checked.states.get(checked.start(label.place)) for label in finding.labels]
    states = [
        state
        for state in labelled
        if state is not None and all(name.text != target for name in state.targets)
    ]
    title = f"list `{target}` in the headers" if len(states) > 1 else ""
    for state in states:
        yield _listed(checked, state, target, title)


def _listed(checked: CheckedFile, state: tree.State, target: str, title: str) -> Edit:
    gap = header_gap(checked.graph, checked.graph.states[state.name.text])
    index = gap.replaced.get(target)
    if index is not None and index < len(state.targets):
        wrong = state.targets[index]
        return checked.edit(wrong.span, target, title or f"change `{wrong.text}` to `{target}` in the header")
    end = state.targets[-1].span[1] if state.targets else state.header_span[1]
    before = "|" if state.targets else "->"
    what = f"`{target}`" if state.targets else f"`-> {target}`"
    return checked.edit((end, end), f" {before} {target}", title or f"add {what} to the header")


def listed_too_much(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Remove a target from the header, unless it is the only one.

    A state that goes nowhere has another finding.
    """
    at = checked.start(finding.place)
    for state in checked.states.values():
        for index, name in enumerate(state.targets):
            if name.span[0] != at or len(state.targets) == 1:
                continue
            if index:
                span = (state.targets[index - 1].span[1], name.span[1])
            else:
                span = (name.span[0], state.targets[1].span[0])
            if "#" not in checked.source.slice(span):
                yield checked.edit(span, "", f"remove `{name.text}` from the header")
            return
