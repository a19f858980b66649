"""The rules of the checker, one finding a file: this listing is their table of contents.

Each rule is a function `check(contract, graph)` over the checked contract. Rules do not depend on
each other. A rule skips what could not be read (holes, unknown types and names), because that has
its own finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeAlias

from opord.contract import Contract
from opord.language.diagnostics import Diagnostic
from opord.language.flow.graph import Graph, TooManyMoves
from opord.language.rules import (
    acts_and_waits,
    arm_never_taken,
    broken_promise,
    check_that_cannot_tell,
    commit_in_a_cycle,
    contract_without_key,
    empty_body,
    handler_never_taken,
    header_lists_too_much,
    header_misses_state,
    incomplete_match,
    initial_state,
    kept_for_nobody,
    let_else_goes_on,
    no_way_to_an_end,
    path_without_goto,
    perform_after_commit,
    repeat_without_key,
    repeated_require,
    restarted_timer,
    retry_without_reason,
    same_key,
    second_commit,
    shared_key,
    skip_with_result,
    spinning_cycle,
    statement_after_goto,
    too_many_moves,
    unanswered_action,
    undoes_no_action,
    unhandled_failure,
    unheard_wait,
    unreachable_state,
    unsettled_doubt,
    unused,
    wait_without_timer,
    wrong_verb,
)

# Far more findings than are ever shown, because an `allow` may silence most of them. Some rules
# find something for every pair of an action and an end.
RULE_FINDINGS_MAX = 20_000

RuleCheck: TypeAlias = Callable[[Contract, Graph], Iterator[Diagnostic]]

__all__ = ["RULES", "RULE_FINDINGS_MAX", "RuleCheck", "find_all"]

RULES: tuple[RuleCheck, ...] = (
    # flow: every path of every step goes somewhere, and every state lies on a way from start to end
    path_without_goto.check,
    let_else_goes_on.check,
    statement_after_goto.check,
    header_lists_too_much.check,
    header_misses_state.check,
    unreachable_state.check,
    no_way_to_an_end.check,
    initial_state.check,
    acts_and_waits.check,
    empty_body.check,
    # exhaustive: something takes everything that can come, and nothing waits for what cannot come
    unhandled_failure.check,
    incomplete_match.check,
    arm_never_taken.check,
    handler_never_taken.check,
    # commitment: what happens once is kept apart from what may be repeated
    second_commit.check,
    perform_after_commit.check,
    wrong_verb.check,
    commit_in_a_cycle.check,
    repeat_without_key.check,
    skip_with_result.check,
    retry_without_reason.check,
    check_that_cannot_tell.check,
    undoes_no_action.check,
    # ensure: the contract's promises hold on every run
    broken_promise.check,
    # warnings: legal, and seldom meant
    unused.check,
    unheard_wait.check,
    repeated_require.check,
    wait_without_timer.check,
    kept_for_nobody.check,
    restarted_timer.check,
    spinning_cycle.check,
    contract_without_key.check,
    unanswered_action.check,
    unsettled_doubt.check,
    same_key.check,
    shared_key.check,
    # flow again: the limit at which the rules above give up
    too_many_moves.check,
)


def find_all(contract: Contract) -> list[Diagnostic]:
    """Return the findings of all rules about a contract, from top to bottom of its file."""
    graph = Graph(contract)
    findings = [diagnostic for check in RULES for diagnostic in _some(check, contract, graph)]
    return sorted(findings, key=lambda diagnostic: diagnostic.order)


def _some(check: RuleCheck, contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Yield the findings of one rule, up to `RULE_FINDINGS_MAX`.

    A graph that is too large ends the rule: it has its own finding.
    """
    try:
        yield from islice(check(contract, graph), RULE_FINDINGS_MAX)
    except TooManyMoves:
        return
