"""A `wait` of a failure that nothing waits for: no call that fails with it is tried again."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Action, Check, Contract, Effect, Repeat
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.suppressors import USED_UNREAD
from opord.language.diagnostics.wording import quoted
from opord.language.flow.graph import Graph

CODE = code("OP817", rule="unused", title="a `wait` that no call waits for", suppressed_by=USED_UNREAD)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find waits of this file whose failures only belong to calls without another attempt."""
    calls: tuple[Effect | Action, ...] = (*contract.effects, *contract.actions)
    checks = {action.doubt.effect for action in contract.actions if isinstance(action.doubt, Check)}
    for failure in contract.failures:
        users = [call for call in calls if failure.name in call.fails]
        if not users or any(_is_tried_again(call) or call.name in checks for call in users):
            continue
        for variant in failure.variants:
            if variant.wait is not None and variant.place.file == contract.place.file:
                names = quoted([call.name for call in users], "and")
                yield CODE.at(
                    variant.wait.place,
                    f"nothing waits for `{variant.name}`: {names} {'has' if len(users) == 1 else 'have'} no `retry`",
                    label="there is no attempt that could wait",
                    labels=tuple(Label(call.place, "never tried again") for call in users),
                    help=f"add `retry 3 times` to {names}, or remove `wait`",
                )


def _is_tried_again(call: Effect | Action) -> bool:
    return call.retry is not None or (isinstance(call, Action) and isinstance(call.doubt, Repeat))
