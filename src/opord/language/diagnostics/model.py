"""Define a finding as data: its code, its place, its message, and the edits that fix it.

Every kind of finding has one code, declared once, at the top of the module that finds it:

    CODE = code("OP301", rule="flow", title="a path without goto")
    ...
    yield CODE.at(source.place(node.span), "…", help="…")

The hundreds digit of a code belongs to its rule (`FAMILY_DIGIT`). Rules that only warn have codes
OP8xx. Each code has a page, `pages/<code>.md`, which `explain` shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from opord.contract import Place
from opord.language.diagnostics.suppressors import Suppressor

Severity: TypeAlias = Literal["error", "warning"]

ErrorRule: TypeAlias = Literal[
    "syntax", "name", "type", "flow", "exhaustive", "commitment", "secret", "ensure"
]
WarningRule: TypeAlias = Literal[
    "unused",
    "waits",
    "kept",
    "restarts",
    "spins",
    "unkeyed",
    "unanswered",
    "unsettled",
    "samekey",
    "sharedkey",
]
Rule: TypeAlias = ErrorRule | WarningRule
AllowedBy: TypeAlias = Literal["comment", "names", "stands because", "shared because", "nothing"]
"""What allows a warning: an `allow` above its declaration, one that names what the warning is
about, a clause in the declaration itself, or nothing."""

FAMILY_DIGIT: dict[str, str] = {
    "syntax": "0",
    "name": "1",
    "type": "2",
    "flow": "3",
    "exhaustive": "4",
    "commitment": "5",
    "secret": "6",
    "ensure": "7",
    "unused": "8",
    "waits": "8",
    "kept": "8",
    "restarts": "8",
    "spins": "8",
    "unkeyed": "8",
    "unanswered": "8",
    "unsettled": "8",
    "samekey": "8",
    "sharedkey": "8",
}


# The limit for the findings of one pass. After the first hundred fixes, people check again.
FINDINGS_MAX = 200
# The limit for findings of all kinds together: enough for the mistakes of a real contract.
FINDINGS_MAX_IN_ALL = 1000


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that belongs to a finding, with a short reason (`declared here`)."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class StoryStep:
    """One step of a story about a finding: a state, what happens in it, and the place."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of text that fixes a finding, or a part of the fix.

    The text at `place` becomes `text`; an empty place means an insertion. Edits of one finding with
    the same `title` belong together: make all or none of them. Each title is a separate way to fix
    the finding. `safe` says that the change is clearly what was meant, so that a program may make
    it without asking. An editor offers the others.
    """

    place: Place
    text: str
    title: str
    safe: bool = True


@dataclass(frozen=True, slots=True)
class Fix:
    """One way to fix a finding: all its edits, which do not overlap."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding: its id (`OP301`), its rule, its severity and a short title.

    `suppressed_by` says which other mistakes suppress it, and `allowed_by` what allows a warning.
    """

    id: str
    rule: Rule
    severity: Severity
    title: str
    suppressed_by: tuple[Suppressor, ...] = ()
    allowed_by: AllowedBy = "comment"

    def at(
        self,
        place: Place,
        message: str,
        *,
        help: str = "",
        label: str = "",
        labels: tuple[Label, ...] = (),
        fix: tuple[Edit, ...] = (),
        story: tuple[StoryStep, ...] = (),
        about: str = "",
    ) -> Diagnostic:
        """Make the finding at `place`. `label` is written under the place itself."""
        return Diagnostic(self, message, place, help, label, labels, fix, story, about)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `message` is one sentence without a full stop that can stand alone. `help` is one next step, or
    empty. `label` is written under the primary place; `labels` are other relevant places. `fix` has
    the edits that would fix the finding, if they are clear. `story` is a run that shows it, step by
    step. `about` is the action that an `allow` has to name.
    """

    code: Code
    message: str
    place: Place
    help: str = ""
    label: str = ""
    labels: tuple[Label, ...] = ()
    fix: tuple[Edit, ...] = ()
    story: tuple[StoryStep, ...] = ()
    about: str = ""

    @property
    def fixes(self) -> list[Fix]:
        """The ways to fix the finding, the most likely first."""
        by_title: dict[str, list[Edit]] = {}
        for edit in self.fix:
            by_title.setdefault(edit.title, []).append(edit)
        return [Fix(title, tuple(edits), all(e.safe for e in edits)) for title, edits in by_title.items()]

    @property
    def rule(self) -> Rule:
        """The rule of the finding."""
        return self.code.rule

    @property
    def severity(self) -> Severity:
        """`error` refuses the contract; `warning` refuses it only under `--strict`."""
        return self.code.severity

    @property
    def order(self) -> tuple[str, int, int, str]:
        """The sort key: by file, then from top to bottom."""
        return (self.place.file, self.place.line, self.place.column, self.code.id)


_registry: dict[str, Code] = {}


def code(
    number: str,
    *,
    rule: Rule,
    title: str,
    severity: Severity | None = None,
    suppressed_by: tuple[Suppressor, ...] = (),
    allowed_by: AllowedBy = "comment",
) -> Code:
    """Declare a kind of finding. Codes OP8xx are warnings unless `severity` is given.

    Raises:
        ValueError: the number belongs to another finding, or is outside the rule's range.
    """
    if len(number) != 5 or not number.startswith("OP") or not number[2:].isdigit():
        raise ValueError(f"expected a code such as OP301, got: {number}")
    digit = FAMILY_DIGIT[rule]
    if number[2] != digit:
        raise ValueError(f"expected a code OP{digit}xx for the rule {rule}, got: {number}")
    finding_code = Code(
        number, rule, severity or ("warning" if digit == "8" else "error"), title, suppressed_by, allowed_by
    )
    registered = _registry.setdefault(number, finding_code)
    if registered != finding_code:
        raise ValueError(f"{number} is taken by “{registered.title}”, got: “{title}”")
    return registered


def registered_codes() -> list[Code]:
    """List every code that an imported module has declared, in the order of the numbers."""
    return [_registry[number] for number in sorted(_registry)]


def rules_with_names() -> set[str]:
    """Return the rules whose `allow` may have to name actions."""
    return {each.rule for each in registered_codes() if each.allowed_by == "names"}
