"""Our own code fails closed: mypy reports every place that must know a new member of a union.

Each union below gets a throw-away member in a copy of the package. The list beside it names the
modules that branch over the union. If mypy no longer reports a module, the module ignores unknown
members. If a module is new, decide whether it belongs to the list.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from opord import contract
from tests.closed.branches import branching
from tests.closed.growth import Growth, Union, grown, with_member

RECORDS = "kernel/records.py"

POINTED: dict[Union, set[str]] = {
    Union("contract/types.py", "Type"): {
        "cli/input_shape.py", "codegen/expressions.py", "codegen/schema.py", "codegen/steps.py", "content/expressions.py", "drive/wrong_answers.py",
        "kernel/same_input.py", "server/webhooks/fitting.py", "language/flow/coverage.py", "language/lowering/context.py",
        "language/lowering/expressions.py", "language/lowering/operators.py", "language/lowering/patterns.py",
        "language/rules/same_key.py", "language/sheet/secrets.py", "language/types.py", "loading/build.py", "server/integers.py",
        "simulate/values.py",
        "testing/plausible.py", "values/codec_problems.py", "values/codec_source.py", "values/nesting.py",
    },
    Union("contract/expressions.py", "Expr", "type: Type; place: Place"): {
        "codegen/diagram/short.py", "codegen/expressions.py", "content/expressions.py", "language/ensure/timer_length.py",
        "language/flow/value_flow.py", "language/spelling.py",
    },
    Union("contract/patterns.py", "Pattern", "place: Place"): {
        "codegen/diagram/causes.py", "codegen/steps.py", "content/form.py", "language/flow/calls.py",
        "language/flow/coverage.py", "language/flow/handed.py", "language/flow/known_values.py",
        "language/flow/value_flow.py", "language/lowering/patterns.py",
        "language/sheet/reasons.py", "language/sheet/troubles.py", "simulate/drawn.py", "simulate/targets.py",
    },
    Union("contract/statements.py", "Statement", "place: Place"): {
        "codegen/steps.py", "content/form.py", "language/flow/endings.py", "language/flow/exits.py", "language/flow/walk.py",
        "language/flow/value_flow.py", "simulate/drawn.py", "statements.py",
    },
    Union("contract/calls.py", "Doubt", "place: Place"): {
        "content/form.py",
        "kernel/legality/commits.py", "kernel/legality/holding.py", "kernel/legality/pending.py",
        "kernel/legality/wariness.py", "kernel/recording.py", "kernel/plan.py", "kernel/restored.py", "language/ensure/call_time.py",
        "language/flow/calls.py", "language/sheet/guarantee.py", "language/sheet/troubles.py",
    },
    Union("statements.py", "Branching", "arms: tuple[Arm, ...]"): {
        "language/flow/coverage.py", "language/fixes/checked_file.py", "language/rules/incomplete_match.py",
        "language/rules/let_else_goes_on.py", "language/rules/unhandled_failure.py", "statements.py",
    },
    Union("language/diagnostics/suppressors.py", "UnreadSuppressor"): {"language/suppression/unread.py"},
    Union("language/diagnostics/suppressors.py", "Whereabouts"): {"language/suppression/unread.py"},
    Union("language/diagnostics/suppressors.py", "WhichName"): {"language/suppression/unread.py"},
    Union("language/diagnostics/model.py", "AllowedBy"): {
        "cli/finding_pages.py", "language/suppression/allows.py",
    },
    Union("language/flow/value_flow.py", "Value"): {
        "language/ensure/counting.py", "language/flow/carried.py", "language/flow/known_values.py", "language/flow/origins.py",
        "language/flow/rounds.py", "language/flow/value_flow.py",
    },
    Union("language/flow/exits.py", "Condition"): {
        "codegen/diagram/causes.py", "language/sheet/reasons.py", "simulate/targets.py",
    },
    Union("contract/types.py", "PrimitiveName"): {"simulate/values.py"},
    Union("contract/expressions.py", "VarOrigin"): {"codegen/expressions.py", "content/expressions.py"},
    Union("contract/expressions.py", "BinaryOp"): {"codegen/expressions.py"},
    Union("contract/expressions.py", "BuiltinName"): {"codegen/expressions.py"},
    Union("contract/states.py", "Outcome"): {"codegen/diagram/build.py", "story/lines.py"},
    Union("contract/statements.py", "Verb"): {"codegen/diagram/build.py", "codegen/steps.py", "language/lowering/statements.py"},
    Union("contract/states.py", "TimerKind"): {
        "kernel/legality/transitions.py", "language/ensure/timer_length.py", "language/lowering/states.py",
        "language/sheet/reasons.py", "story/words.py",
    },
    Union("contract/states.py", "StateKind"): {"codegen/diagram/build.py"},
    Union("contract/promises.py", "PromiseKind"): {
        "language/ensure/decide.py", "language/ensure/monitors.py", "language/ensure/words.py", "simulate/promises.py",
    },
    Union("language/syntax/tree/file.py", "Declaration", "span: Span"): {
        "language/syntax/tree/walk.py", "language/lowering/declarations.py", "lsp/features/actions.py",
        "lsp/features/outline.py", "lsp/index.py",
    },
    Union("language/syntax/tree/statements.py", "Statement", "span: Span"): {"language/lowering/statements.py", "language/lowering/states.py"},
    Union("language/syntax/tree/states.py", "Handler", "span: Span"): {"language/lowering/states.py"},
    Union("language/syntax/tree/expressions.py", "Expression", "span: Span"): {
        "language/lowering/operators.py", "language/syntax/parse_patterns.py",
    },
    Union("language/syntax/tree/patterns.py", "Pattern", "span: Span"): {"language/lowering/patterns.py"},
    Union("language/syntax/tree/types.py", "TypeNode", "span: Span"): {"language/lowering/typenodes.py"},
    Union("language/syntax/tree/calls.py", "Policy", "span: Span"): {
        "language/lowering/policies.py",
        "language/lowering/transactions.py",
    },
    Union("language/syntax/tree/promises.py", "Claim", "span: Span"): {"language/lowering/promises.py"},
    Union("kernel/requests.py", "Request", "name: str; args: tuple[Any, ...]"): {"drive/steps.py"},
    Union(RECORDS, "RecordKind"): {
        "kernel/legality/__init__.py", "simulate/explore.py", "simulate/promises.py", "story/carried.py", "story/lines.py",
    },
    Union(RECORDS, "CauseKind"): {"kernel/cause.py", "kernel/inbox.py", "kernel/step.py"},
    Union(RECORDS, "CauseWord"): {"kernel/legality/transitions.py", "simulate/hints.py", "story/lines.py"},
    Union(RECORDS, "EndingKind"): {"drive/evidence.py", "kernel/inbox.py", "kernel/step.py"},
    Union("kernel/alarms.py", "AlarmReason"): {"kernel/alarms.py"},
    Union("kernel/rows.py", "StoredNeed"): {"kernel/needs.py", "kernel/open_needs.py", "story/needs.py"},
    Union(RECORDS, "OutcomeBy"): {"kernel/legality/commits.py", "story/carried.py", "story/lines.py"},
    Union(RECORDS, "Verdict"): {"kernel/collisions.py", "kernel/legality/commits.py", "story/lines.py"},
    Union(RECORDS, "CollisionAnswer"): {"drive/commitment.py", "kernel/collisions.py"},
    Union(RECORDS, "Teller"): {"kernel/legality/commits.py"},
    Union("kernel/rows.py", "Status"): {"kernel/rows.py", "story/lines.py"},
    Union("kernel/rows.py", "InboxKind"): {"kernel/inbox.py", "kernel/legality/kept.py", "kernel/views.py"},
    Union("kernel/program.py", "CallKind"): {"simulate/outside.py"},
    Union("kernel/answers.py", "Result", "row: RunRow"): {
        "drive/events.py", "drive/people.py", "drive/starts.py", "telemetry/metrics.py",
    },
    Union("kernel/effect_attempts.py", "Sequel"): {"drive/effects.py", "drive/transactions.py"},
    Union("kernel/doubt.py", "Deed"): {"drive/commitment.py"},
    Union("kernel/doubt.py", "Reason"): {"kernel/plan.py"},
    Union("kernel/doubt.py", "Until"): {"kernel/plan.py"},
    Union("drive/calls.py", "Undeclared"): {
        "drive/commitment.py", "drive/effects.py", "drive/evidence.py", "drive/interrupts.py", "drive/observed_calls.py",
        "drive/transactions.py",
    },
    Union("simulate/drive.py", "ExplorationEnd"): {"simulate/explore.py"},
    Union("lsp/cursor.py", "FrameKind"): {"lsp/features/completion/complete.py"},
}  # fmt: skip

PARTIAL: dict[str, dict[str, str]] = {
    "Type": {
        "language/lowering/builtins.py": "an argument of a type that it does not name is refused",
        "language/lowering/excepts.py": "what is neither a text nor a list of texts names nobody, and is refused",
        "language/lowering/literals.py": "what it does not name cannot be printed into a text, and is refused",
        "language/lowering/policies.py": "what is none of the types of a key is refused",
        "language/lowering/typenodes.py": "it makes types from what is written, and takes none apart",
        "codegen/input_schema.py": "it looks for texts, lists and ints, whose bounds a schema can say",
        "language/flow/handed.py": "of a type it asks only whether its values can be `none`",
        "language/rules/check_that_cannot_tell.py": "a result that it does not name cannot tell, and is reported",
        "language/rules/contract_without_key.py": "it looks for parameters that could be a key, to offer them",
        "language/rules/skip_with_result.py": "a type that it does not name is a result, and is reported",
        "backends/limits.py": "it follows a path through records, and refuses what is secret",
        "server/webhooks/finding.py": "it looks for texts, whole numbers and uuids, and refuses to find by others",
        "values/codec.py": "what is neither a record nor small is taken as a whole",
        "lsp/features/completion/arms.py": "it offers words to an editor; others can be typed",
        "lsp/features/completion/values.py": "it offers words to an editor; others can be typed",
    },
    "Expr": {
        "contract/events.py": "a path has names and attributes alone",
        "language/lowering/excepts.py": "what is no path is refused",
        "codegen/input_schema.py": "it looks for bounds that a schema can say; other conditions are told when they refuse",
        "language/flow/shared_keys.py": "a key that calls a pure, or could not be read, has its own finding",
        "codegen/steps.py": "whether a variable is annotated is a matter of form",
        "language/rules/same_key.py": "it looks for what a key reads already, so as not to offer it",
        "simulate/drawn.py": "it looks for pures in every node that there is, and for divisions",
        "language/rules/unused.py": "it notes what names a declaration, in every node that there is",
        "simulate/values.py": "it looks for constants that are worth drawing; without one it draws as before",
    },
    "Pattern": {},
    "Statement": {
        "language/flow/coverage.py": "it is about statements with arms, which `statements.branching` lists",
        "language/rules/incomplete_match.py": "it is about statements with arms, which `statements.branching` lists",
    },
    "Doubt": {
        "kernel/views.py": "it shows what a check and a limit wait for; other rules have only a next attempt",
        "language/rules/unheard_wait.py": "only a repeat and a check make a call once more",
    },
}
"""Modules that name only some members of a union, each with the reason why this is safe."""


@pytest.mark.slow
def test_mypy_reports_every_place_that_must_know_a_new_member(tmp_path: Path) -> None:
    growth = grown(POINTED, tmp_path)
    wrong = [*_not_as_listed(growth), *_silent(growth)]
    wrong += [
        f"src/opord/{said.module}:{said.line}: assert_never of `Any` notices nothing; give the subject its type"
        for said in growth.toothless
    ]
    assert not wrong, "\n".join(wrong)


def _not_as_listed(growth: Growth) -> Iterator[str]:
    for union, expected in POINTED.items():
        pointed = growth.pointed[union]
        if missing := expected - pointed:
            yield f"{union.alias}: mypy no longer points at {', '.join(sorted(missing))}"
        if more := pointed - expected:
            yield f"{union.alias}: to be listed, if it is meant to branch over it: {', '.join(sorted(more))}"


def _silent(growth: Growth) -> Iterator[str]:
    """Yield a message for each module that mypy misses although it distinguishes members."""
    for alias, reasons in PARTIAL.items():
        members = [cls.__name__ for cls in get_args(getattr(contract, alias))]
        pointed = next(
            found
            for union, found in growth.pointed.items()
            if union.alias == alias and union.module.startswith("contract/")
        )
        silent = branching(members) - pointed
        for module in sorted(silent - reasons.keys()):
            yield f"{alias}: {module} takes some members apart: match over all, or list why a part is enough"
        for module in sorted(reasons.keys() - silent):
            yield f"{alias}: {module} needs no reason any more"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('Kind: TypeAlias = Literal["a", "b"]\n', 'Kind: TypeAlias = Literal["a", "b", "ThrownMKind"]\n'),
        (
            'Kind: TypeAlias = Literal[\n    "a",  # why, in words\n]\n',
            'Kind: TypeAlias = Literal[\n    "a", "ThrownMKind",  # why, in words\n]\n',
        ),
    ],
)
def test_a_union_of_texts_gets_a_text(before: str, after: str) -> None:
    assert with_member(before, Union("m.py", "Kind")) == after


@pytest.mark.parametrize(
    "before", ["Kind: TypeAlias = A | B\n", "Kind = A | B\n", 'Kind: TypeAlias = "A | B"\n']
)
def test_a_union_of_classes_gets_a_class(before: str) -> None:
    after = with_member(before, Union("m.py", "Kind", "name: str; of: A"))
    assert "class ThrownMKind:\n    name: str\n    of: A\n" in after
    assert "A | B" in after
    assert "| ThrownMKind" in after


def test_an_unknown_union_is_an_error() -> None:
    with pytest.raises(LookupError, match="has no alias Kind"):
        with_member("Other = A | B\n", Union("m.py", "Kind"))
