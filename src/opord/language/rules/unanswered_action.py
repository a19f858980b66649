"""A bad end after an action that nothing has undone, and a `stands because` that nothing asks for.

If some action undoes it, the end is reported: the undoing is missing on a way there. If none does,
the action is reported, once: `stands because` in its header says that nothing has to undo it.
"""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Action, Contract, Skip
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.suppressors import (
    LEAVES_OUT,
    MISUNDERSTOOD,
    WAYS_UNREAD,
    NamelessWord,
    Reported,
    UnreadName,
)
from opord.language.diagnostics.wording import WAYS_SHOWN_MAX, listed, quoted, way
from opord.language.flow.graph import Graph
from opord.language.flow.unanswered import Unanswered

AT_END = code(
    "OP807",
    rule="unanswered",
    title="a bad end after an action that was not undone",
    suppressed_by=(NamelessWord(("commit", "undoes")), UnreadName("of any action")),
    allowed_by="names",
)
AT_ACTION = code(
    "OP811",
    rule="unanswered",
    title="an action that no other undoes before a bad end",
    suppressed_by=(NamelessWord(("commit", "undoes")), UnreadName("of any action"), Reported("OP512")),
    allowed_by="stands because",
)
NEEDLESS = code(
    "OP812",
    rule="unused",
    title="a `stands because` that nothing asks for",
    suppressed_by=(*WAYS_UNREAD, UnreadName("of any action"), *MISUNDERSTOOD, *LEAVES_OUT),
)
_ENDS_NAMED_MAX = 3


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find bad ends after actions that were not undone, at the ends or at the actions."""
    unanswered = Unanswered(graph)
    shown = 0
    for end in unanswered.bad_ends:
        for action in unanswered.at_end(end):
            if action.name in unanswered.undoing:
                shown += 1
                yield _at_end(graph, unanswered, action, end, show=shown <= WAYS_SHOWN_MAX)
    for action in contract.actions:
        ends = [] if action.name in unanswered.undoing else unanswered.ends_after(action)
        if action.stands is not None and not ends:
            yield from _needless(unanswered, action)
        elif action.stands is None and ends:
            shown += 1
            yield _at_action(graph, unanswered, action, ends, show=shown <= WAYS_SHOWN_MAX)


def _at_end(graph: Graph, unanswered: Unanswered, action: Action, end: str, *, show: bool) -> Diagnostic:
    undoing = unanswered.undoing[action.name]
    site, states = unanswered.way(action, end) if show else (unanswered.commit_of(action), [])
    return AT_END.at(
        graph.states[end].place,
        f"`{end}` can be reached after `{action.name}` may have taken effect, and nothing undoes it in between",
        label=f"the run ends as {_outcome(graph, end)}" + (f": {way(states)}" if states else ""),
        labels=(
            Label(site.place, "may take effect here"),
            Label(action.place, f"undone by {quoted(undoing, 'or')}"),
        ),
        help=f"commit {quoted(undoing, 'or')} on the way, or end in another state",
        about=action.name,
    )


def _at_action(
    graph: Graph, unanswered: Unanswered, action: Action, ends: list[str], *, show: bool
) -> Diagnostic:
    site, states = unanswered.way(action, ends[0]) if show else (unanswered.commit_of(action), [])
    return AT_ACTION.at(
        action.place,
        f"a run can end as {listed(ends, 'or', _ENDS_NAMED_MAX)} after `{action.name}` may have taken effect, "
        "and no action undoes it",
        label="no action undoes it",
        labels=(
            Label(site.place, "may take effect here"),
            Label(
                graph.states[ends[0]].place,
                f"the run ends as {_outcome(graph, ends[0])}" + (f": {way(states)}" if states else ""),
            ),
        ),
        help=f"declare an action that `undoes {action.name}` and commit it on the way, or say in the header of "
        f'`{action.name}` why nothing has to: `stands because "…"`',
        about=action.name,
    )


def _needless(unanswered: Unanswered, action: Action) -> Iterator[Diagnostic]:
    reason = _not_asked(unanswered, action)
    if reason is not None:
        yield NEEDLESS.at(
            action.stands_place,
            f"nothing asks why `{action.name}` stands: {reason[0]}",
            help=reason[1],
            labels=(Label(action.place, "declared here"),),
        )


def _not_asked(unanswered: Unanswered, action: Action) -> tuple[str, str] | None:
    """Say why nothing asks about an action, and what to do.

    None if it is never committed, which is another finding, or if it is not known.
    """
    remove = "remove `stands because`"
    undoing = unanswered.undoing.get(action.name)
    if action.undoes is not None:
        return f"it undoes `{action.undoes}`, and an action that undoes another needs no undoing", remove
    if action.repeatable:
        return "it is `repeatable`", remove
    if isinstance(action.doubt, Skip):
        return "in doubt it is skipped", remove
    if undoing is not None:
        return (
            f"{quoted(undoing)} undoes it, so each end is checked by itself",
            f"remove it, and above each end where the action may stand, write `# opord: allow unanswered {action.name} because …`",
        )
    if unanswered.is_committed(action) and unanswered.is_clear:
        return "no run ends as a failure or cancelled after it", remove
    return None


def _outcome(graph: Graph, end: str) -> str:
    return "a failure" if graph.states[end].outcome == "failure" else "cancelled"
