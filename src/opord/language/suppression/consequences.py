"""What a mistake of syntax hides: so that it is one finding, and not a dozen about what could not be read.

The parser skips what it cannot read. What stood there may have declared a name, used one, handled a failure
or gone to a state; a finding that says that just this is missing only repeats the mistake in other words.
Such a finding is left out, and comes back, if it is right, once the syntax is mended. Findings about what
does stand there are not touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from opord.language.diagnostics.model import Diagnostic
from opord.language.diagnostics.suggest import folded
from opord.language.syntax import tree
from opord.language.syntax.source import Source
from opord.language.syntax.tree import Span

# Something is missing in a body: a path, an arm, a `goto`, a timer, the whole body.
_MISSING_IN_BODY = frozenset(
    {"OP301", "OP302", "OP303", "OP304", "OP310", "OP311", "OP401", "OP402", "OP802"}
)
# Nothing of that name is declared, or of that kind.
_UNDECLARED = frozenset(
    {"OP101", "OP102", "OP103", "OP104", "OP105", "OP106", "OP108", "OP113", "OP117", "OP510", "OP512"}
)
# Nothing handles or uses what is declared here.
_UNUSED = frozenset({"OP801", "OP803"})
# What is said of a value, a call or a state that was given a shape in a line that could not be read.
_MISFITS = frozenset(
    {
        "OP107",
        "OP108",
        "OP201",
        "OP204",
        "OP205",
        "OP209",
        "OP211",
        "OP305",
        "OP401",
        "OP402",
        "OP403",
        "OP509",
        "OP511",
    }
)
# Decided over every way through the states, one of which may have been torn.
_OVER_ALL_WAYS = frozenset({"OP701", "OP702", "OP703", "OP704", "OP705", "OP804", "OP805"})
_WRONG_CASE = "OP110"
_PATTERN, _UNKNOWN_VALUE, _UNKNOWN_STATE, _ROUND_A_CYCLE = "OP209", "OP102", "OP103", "OP505"
_NO_CONTRACT, _NO_INITIAL, _UNREACHED, _ENDLESS = "OP116", "OP308", "OP306", "OP307"
_UNANSWERED = "OP807"
# The clause or target that is missing may stand among what could not be read on its line.
_SAID_ON_THE_LINE = frozenset({"OP305", "OP806"})

# A word that a name follows, without the name: any of these may have been declared, or used, there.
_NAMELESS = re.compile(
    r"\b(state|record|enum|failure|event|role|pure|effect|action|let|commit|perform|goto|on|by|fails|undoes|check)"
    r"\b(?=\s*(?:[^\s\w]|\d|$|(?:success|failure|cancelled)\b))"
)
_DECLARES = {
    "OP101": {"record", "enum", "failure"},
    "OP102": {"let", "pure"},
    "OP103": {"state"},
    "OP104": {"pure", "effect", "action"},
    "OP105": {"event"},
    "OP106": {"role"},
    "OP510": {"effect"},
    "OP512": {"action"},
}
# A call, a state or an arm that is not known by its name, so that what was meant by it is missing.
_MISUNDERSTOOD = frozenset({"OP103", "OP104", "OP108"})
_DOES_NOT_COME = frozenset({"OP702", "OP704"})
_MOVES = frozenset({"state", "commit", "perform", "goto", "on"})
_USES = frozenset({"commit", "perform", "goto", "on", "by", "fails", "undoes", "check"})

_SPOKEN_OF = re.compile(r"`(\w+)`")
_WORD = re.compile(r"[^\W\d]\w*")


def without_echoes(
    source: Source, file: tree.File, syntax: list[Diagnostic], findings: Iterable[Diagnostic]
) -> list[Diagnostic]:
    """Leave out the findings that only say that what could not be read is missing."""
    found = list(findings)
    if not any(each.severity == "error" for each in syntax):
        return found
    damage = _Damage(source, file, syntax)
    hidden = {id(each) for each in found if each.place.file == source.path and damage.explains(each)}
    if any(each.code.id == _UNKNOWN_STATE for each in found if id(each) in hidden):
        # For a state that could not be read the nearest name was taken, which may lead anywhere.
        hidden.update(id(each) for each in found if each.code.id == _ROUND_A_CYCLE)
    return [each for each in found if id(each) not in hidden]


def without_hearsay(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Leave out that something promised does not come, where a name could not be understood that may stand for it.

    What comes too often or too early comes all the same, and is told.
    """
    found = list(findings)
    if not any(each.code.id in _MISUNDERSTOOD for each in found):
        return found
    return [each for each in found if each.code.id not in _DOES_NOT_COME]


def without_right_uses(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Leave out that a name is unknown where only its declaration is written in the wrong case, which is told there."""
    found = list(findings)
    told = {(each.place.file, _named(each)) for each in found if each.code.id == _WRONG_CASE}
    if not told:
        return found
    return [
        each
        for each in found
        if each.code.id not in _UNDECLARED
        or not each.fix
        or (each.place.file, each.fix[0].text) not in told
        or folded(each.fix[0].text) != folded(_named(each))
    ]


def _named(finding: Diagnostic) -> str:
    """The name that a finding speaks of: the last one in its message, which is the one that stands at its place."""
    names: list[str] = _SPOKEN_OF.findall(finding.message)
    return names[-1] if names else ""


class _Damage:
    """The lines that could not be read, the words on them, and the states they tear."""

    def __init__(self, source: Source, file: tree.File, syntax: list[Diagnostic]) -> None:
        self._source = source
        self._reported = {each.place.line for each in syntax}
        self._lines = set(self._reported)
        for start, end in file.skipped:
            first, last = source.position(start)[0], source.position(max(start, end - 1))[0]
            self._lines.update(range(first, last + 1))
        self._words: dict[str, set[tuple[int, int]]] = {}
        self._nameless: set[str] = set()
        for line in self._lines:
            self._nameless.update(_NAMELESS.findall(source.line(line)))
            for word in _WORD.finditer(source.line(line)):
                self._words.setdefault(word[0], set()).add((line, word.start() + 1))
        self._states = {each.name.text: each for each in _states(file)}
        self._torn_lines: set[int] = set()
        torn = set(self._torn_states(file))
        ways = {name: [target.text for target in each.targets] for name, each in self._states.items()}
        self._torn = torn
        mentioned = {word for word in self._words if word in self._states}
        # The declarations whose head could not be read, and the lines that may use what it declares.
        self._torn_heads: set[str] = set()
        self._headless: set[int] = set()
        for node, head in _heads(file):
            if not self._lines.isdisjoint(self._lines_of(head)):
                self._torn_heads.add(node.name.text)
                if isinstance(node, tree.Enum | tree.Failure):
                    self._torn_heads.update(each.name.text for each in node.variants)
                self._headless.update(self._lines_of(node.span))
        self._tear_calls(file)
        self._maybe_reached = _closure(torn | mentioned, ways)
        self._lead_to_torn = _closure(torn, _reversed(ways))
        actions = (each for each in file.declarations if isinstance(each, tree.CallDeclaration))
        self._actions = {each.name.text for each in actions if each.kind == "action"}

    def _tear_calls(self, file: tree.File) -> None:
        """Take what a call can fail with for unknown where the failure, or the head that names it, is torn."""
        failures = {each.name.text: each for each in file.declarations if isinstance(each, tree.Failure)}
        torn = {name for name in failures if name in self._torn_heads or name in self._words}
        lost = "failure" in self._nameless
        for node in file.declarations:
            if isinstance(node, tree.CallDeclaration):
                names = {each.text for each in node.failures}
                if (
                    not torn.isdisjoint(names)
                    or not self._words.keys().isdisjoint(names)
                    or (lost and not names <= failures.keys())
                ):
                    self._torn_heads.add(node.name.text)
        for name in torn:
            self._torn_heads.update(each.name.text for each in failures[name].variants)

    def explains(self, finding: Diagnostic) -> bool:
        """Say whether what could not be read may be all that this finding misses."""
        code, line = finding.code.id, finding.place.line
        if line in self._reported:
            return True
        if code in _MISFITS and not self._torn_heads.isdisjoint(_SPOKEN_OF.findall(finding.message)):
            return True
        if code == _PATTERN and not self._words.keys().isdisjoint(_SPOKEN_OF.findall(finding.message)):
            return True
        if code == _UNKNOWN_VALUE and line in self._headless:
            return True
        if code in _MISSING_IN_BODY:
            return line in self._torn_lines
        if code in _UNDECLARED:
            return not self._nameless.isdisjoint(_DECLARES.get(code, ())) or self._says_elsewhere(finding)
        if code in _UNUSED:
            return not self._nameless.isdisjoint(_USES) or self._says_elsewhere(finding)
        if code in _OVER_ALL_WAYS:
            return bool(self._torn) or not self._nameless.isdisjoint(_MOVES)
        if code == _UNREACHED:
            return self._name_at(finding) in self._maybe_reached
        if code == _ENDLESS:
            return "final" in self._words or self._name_at(finding) in self._lead_to_torn
        if code == _UNANSWERED:
            lost = not self._nameless.isdisjoint(("commit", "undoes"))
            return lost or not self._actions.isdisjoint(self._words)
        if code in _SAID_ON_THE_LINE:
            return line in self._lines
        return (code == _NO_CONTRACT and "contract" in self._words) or (
            code == _NO_INITIAL and "initial" in self._words
        )

    def _says_elsewhere(self, finding: Diagnostic) -> bool:
        place = finding.place
        return bool(self._words.get(self._name_at(finding), set()) - {(place.line, place.column)})

    def _name_at(self, finding: Diagnostic) -> str:
        place = finding.place
        word = _WORD.match(self._source.line(place.line), place.column - 1)
        return word[0] if word else ""

    def _torn_states(self, file: tree.File) -> Iterator[str]:
        """Yield the states with a line that could not be read, theirs or one that their phase shares."""
        for node in file.declarations:
            if isinstance(node, tree.State):
                yield from self._torn_by(self._lines, node)
            elif isinstance(node, tree.Phase):
                own = self._lines & set(self._lines_of(node.span))
                for state in node.states:
                    own -= set(self._lines_of(state.span))
                for state in node.states:
                    if own:
                        self._torn_lines.update(self._lines_of(state.span))
                        yield state.name.text
                    yield from self._torn_by(self._lines, state)
                if own:
                    self._torn_lines.update(self._lines_of(node.span))

    def _torn_by(self, lines: set[int], state: tree.State) -> Iterator[str]:
        spanned = self._lines_of(state.span)
        # What stands right below a state was cut off from it by a `}` too many.
        if not lines.isdisjoint(range(spanned.start, spanned.stop + 1)):
            self._torn_lines.update(spanned)
            yield state.name.text

    def _lines_of(self, span: Span) -> range:
        return range(self._source.position(span[0])[0], self._source.position(max(span))[0] + 1)


def _states(file: tree.File) -> Iterator[tree.State]:
    for node in file.declarations:
        if isinstance(node, tree.State):
            yield node
        elif isinstance(node, tree.Phase):
            yield from node.states


def _heads(
    file: tree.File,
) -> Iterator[
    tuple[tree.Record | tree.Enum | tree.Failure | tree.Event | tree.CallDeclaration | tree.State, Span]
]:
    """Yield what gives values, calls and states their shape, with the span that does."""
    for node in file.declarations:
        if isinstance(node, tree.Record | tree.Enum | tree.Failure | tree.Event | tree.CallDeclaration):
            yield node, node.span
    for state in _states(file):
        yield state, state.header_span


def _closure(names: Iterable[str], ways: dict[str, list[str]]) -> set[str]:
    """The states that headers lead to from these, themselves included."""
    seen: set[str] = set()
    ahead = list(names)
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead.extend(ways.get(name, ()))
    return seen


def _reversed(ways: dict[str, list[str]]) -> dict[str, list[str]]:
    back: dict[str, list[str]] = {}
    for name, targets in ways.items():
        for target in targets:
            back.setdefault(target, []).append(name)
    return back
