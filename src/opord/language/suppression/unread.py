"""The text that the parser could not read, and what it may have declared or used.

It may have declared a name, used one, handled a failure or gone to a state. A finding that misses
exactly this only repeats the mistake of syntax. Findings about text that was read are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import assert_never

from opord.language.diagnostics.model import Diagnostic
from opord.language.diagnostics.suppressors import (
    NamelessWord,
    Unread,
    UnreadName,
    UnreadSuppressor,
    UnreadWord,
    Whereabouts,
    WhichName,
)
from opord.language.syntax import tree
from opord.language.syntax.source import Source
from opord.language.syntax.tree import Span

# The words that a name follows.
NAMING_WORDS = (
    "state", "record", "enum", "failure", "event", "role", "pure", "effect", "action", "let", "commit", "perform", "goto",
    "on", "by", "fails", "undoes", "check",
)  # fmt: skip
# One of these words without a name: anything may have been declared or used there.
_NAMELESS = re.compile(
    rf"\b({'|'.join(NAMING_WORDS)})\b(?=\s*(?:[^\s\w]|\d|$|(?:success|failure|cancelled)\b))"
)
_QUOTED = re.compile(r"`(\w+)`")
_WORD = re.compile(r"[^\W\d]\w*")


class UnreadText:
    """The lines that could not be read, the words on them, and the states that lost text."""

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
        # The declarations whose head could not be read, and the lines that may use what they
        # declare.
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
        """Mark calls as torn if their failure, or the head that names it, could not be read.

        It is then unknown how such a call can fail.
        """
        failures = {each.name.text: each for each in file.declarations if isinstance(each, tree.Failure)}
        torn = {name for name in failures if name in self._torn_heads or name in self._words}
        failure_is_nameless = "failure" in self._nameless
        for node in file.declarations:
            if isinstance(node, tree.CallDeclaration):
                names = {each.text for each in node.failures}
                if (
                    not torn.isdisjoint(names)
                    or not self._words.keys().isdisjoint(names)
                    or (failure_is_nameless and not names <= failures.keys())
                ):
                    self._torn_heads.add(node.name.text)
        for name in torn:
            self._torn_heads.update(each.name.text for each in failures[name].variants)

    def explains(self, finding: Diagnostic) -> bool:
        """Say whether this text may contain what the finding misses.

        A finding on a line with a finding of syntax is always explained.
        """
        if finding.place.file != self._source.path:
            return False
        return finding.place.line in self._reported or any(
            isinstance(suppressor, UnreadSuppressor) and self._is_there(suppressor, finding)
            for suppressor in finding.code.suppressed_by
        )

    def _is_there(self, suppressor: UnreadSuppressor, finding: Diagnostic) -> bool:
        match suppressor:
            case Unread(where=where):
                return self._stands(where, finding)
            case UnreadName(which=which):
                return self._has_name(which, finding)
            case UnreadWord(word=word):
                return word in self._words
            case NamelessWord(words=words):
                return not self._nameless.isdisjoint(words)
            case _:
                assert_never(suppressor)

    def _has_name(self, which: WhichName, finding: Diagnostic) -> bool:
        match which:
            case "at its place":
                return self._says_elsewhere(finding)
            case "in its message":
                return not self._words.keys().isdisjoint(_QUOTED.findall(finding.message))
            case "of any action":
                return not self._actions.isdisjoint(self._words)
            case _:
                assert_never(which)

    def _stands(self, where: Whereabouts, finding: Diagnostic) -> bool:
        line = finding.place.line
        match where:
            case "on its line":
                return line in self._lines
            case "in its body":
                return line in self._torn_lines
            case "in the head around it":
                return line in self._headless
            case "in the head of what it mentions":
                return not self._torn_heads.isdisjoint(_QUOTED.findall(finding.message))
            case "in any state":
                return bool(self._torn)
            case "on a way to its state":
                return self._name_at(finding) in self._maybe_reached
            case "on a way from its state":
                return self._name_at(finding) in self._lead_to_torn
            case _:
                assert_never(where)

    def _says_elsewhere(self, finding: Diagnostic) -> bool:
        """Say whether this text has the name at the place of a finding, but at another place."""
        place = finding.place
        return bool(self._words.get(self._name_at(finding), set()) - {(place.line, place.column)})

    def _name_at(self, finding: Diagnostic) -> str:
        place = finding.place
        word = _WORD.match(self._source.line(place.line), place.column - 1)
        return word[0] if word else ""

    def _torn_states(self, file: tree.File) -> Iterator[str]:
        """Yield the states with an unread line, either their own or one that their phase shares."""
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
        # Text right below a state was cut off from the state by a `}` too many.
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
    tuple[tree.RecordType | tree.Enum | tree.Failure | tree.Event | tree.CallDeclaration | tree.State, Span]
]:
    """Yield the declarations of types, events, calls and states, each with the span of its head."""
    for node in file.declarations:
        if isinstance(node, tree.RecordType | tree.Enum | tree.Failure | tree.Event | tree.CallDeclaration):
            yield node, node.span
    for state in _states(file):
        yield state, state.header_span


def _closure(names: Iterable[str], ways: dict[str, list[str]]) -> set[str]:
    """Return the states that headers lead to from these states, these states included."""
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
