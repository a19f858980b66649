"""Words and clauses: the other verb, and a key for a contract."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Action, Effect
from opord.language.diagnostics.model import Diagnostic, Edit
from opord.language.mending.desk import Desk
from opord.language.rules.contract_without_key import key_candidates
from opord.language.syntax import tree


def performed_action(desk: Desk, finding: Diagnostic) -> Iterator[Edit]:
    """Write `commit` for `perform`: an action can be called no other way."""
    yield from _verb(desk, finding, "commit", safe=True)


def committed_effect(desk: Desk, finding: Diagnostic) -> Iterator[Edit]:
    """Write `perform` for `commit` of an effect; it may have been meant as an action, too."""
    at = desk.start(finding.place)
    call = desk.calls.get(at)
    site = call.call if isinstance(call, tree.CallStatement) else call.subject if call else None
    if isinstance(site, tree.BoundaryCall) and isinstance(desk.graph.calls.get(site.name.text), Effect):
        yield from _verb(desk, finding, "perform", safe=False)


def called_without_verb(desk: Desk, finding: Diagnostic) -> Iterator[Edit]:
    """Write `perform` or `commit` before a call that is the whole of a `let` or of what is matched."""
    at = desk.start(finding.place)
    for node in desk.nodes:
        whole = (
            node.value
            if isinstance(node, tree.Let)
            else node.subject
            if isinstance(node, tree.Match)
            else None
        )
        if not isinstance(whole, tree.CallExpression) or whole.span[0] != at:
            continue
        callee = desk.graph.calls.get(desk.source.slice(whole.callee.span))
        if isinstance(callee, Effect | Action):
            verb = "perform" if isinstance(callee, Effect) else "commit"
            yield desk.edit((at, at), f"{verb} ", f"write `{verb}`")


def which_variant(desk: Desk, finding: Diagnostic) -> Iterator[Edit]:
    """Offer each type that has a variant of this name, to be said before it."""
    at = desk.start(finding.place)
    end = desk.source.offset(finding.place.end_line, finding.place.end_column)
    name = desk.source.slice((at, end))
    for type, variants in desk.graph.variants.items():
        if any(each.name == name for each in variants):
            yield desk.edit((at, at), f"{type}.", f"write `{type}.{name}`", safe=False)


def initial_state(desk: Desk, finding: Diagnostic) -> Iterator[Edit]:
    """Offer the first state that is not final as the one that a run starts in."""
    for state in desk.states.values():
        if state.kind == "plain":
            start = state.span[0]
            yield desk.edit((start, start), "initial ", f"let a run start in `{state.name.text}`", safe=False)
            return


def _verb(desk: Desk, finding: Diagnostic, verb: str, *, safe: bool) -> Iterator[Edit]:
    at = desk.start(finding.place)
    for node in desk.nodes:
        if isinstance(node, tree.BoundaryCall) and node.span[0] == at:
            yield desk.edit(node.verb_span, verb, f"write `{verb}`", safe=safe)
            return


def contract_key(desk: Desk, finding: Diagnostic) -> Iterator[Edit]:
    """Offer what could name a run: each input, or field of one called `id`, that a key can be made of."""
    node = next((each for each in desk.file.declarations if isinstance(each, tree.Contract)), None)
    if node is None:
        return
    after = max([node.name.span[1], *(each.span[1] for each in node.parameters)])
    closing = desk.source.text.find(")", after, node.span[1]) if node.parameters else -1
    at = closing + 1 if closing >= 0 else after
    for key in key_candidates(desk.contract):
        yield desk.edit((at, at), f" key {key}", f"add `key {key}`", safe=False)
