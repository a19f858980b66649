"""Compare what checker and judge find in one contract."""

from __future__ import annotations

from opord.language import check_text
from tests.language.key_oracle.judge import Judge


def differences(text: str) -> list[str]:
    """Say where the two differ about the commits that come again under a used key."""
    checked = check_text(text)
    findings: dict[tuple[str, str], list[str]] = {}
    for finding in checked.diagnostics:
        if finding.rule == "samekey":
            way = finding.label.removeprefix("committed again by ").replace("`", "").split(" → ")
            findings[finding.about, way[-1]] = way
    judged: dict[tuple[str, str, int | None], dict[str, int]] = {}
    for again in Judge(checked.model).again():
        judged.setdefault((again.action, again.state, again.shared), {})[again.how] = again.states
    wrong = []
    states = {(action, state) for action, state, shared in judged if shared is None}
    actions = {action for action, _, shared in judged if shared is not None}
    for (action, state), way in findings.items():
        if (action, state) not in states and action not in actions:
            wrong.append(f"{action} does not come again in {state} by {way}")
    for (action, state, shared), by_how in judged.items():
        shortest = min(by_how.values())
        ways = [way for (name, at), way in findings.items() if name == action and (at == state or shared)]
        if not ways:
            wrong.append(f"{action} comes again in {state or 'a phase'} after {by_how}, and nothing is found")
        elif shared is None and len(ways[0]) != shortest and action not in actions:
            wrong.append(f"{action} comes again in {state} on {shortest} states, found by {ways[0]}")
    return wrong
