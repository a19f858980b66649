"""Check what the `match` statements of a module do with values that they do not name."""

from __future__ import annotations

import ast
import gc
import io
import re
import tokenize
from typing import NamedTuple

OPEN = re.compile(r"#\s*open: (?P<reason>\S+(?: \S+)+)")
"""The mark of a wildcard over an open subject: `case _:  # open: a word of the contract's text`."""

WHAT_TO_DO = (
    "End each `match` in `case _: assert_never(subject)` and name the members that it leaves out (`case A() | B(): pass`); "
    "where the subject is open (text from outside, say), mark the wildcard: `case _:  # open: why it is open`"
)


class Found(NamedTuple):
    """A line and its fault."""

    line: int
    why: str


def parsed(text: str) -> ast.Module:
    """Parse a module while garbage collection is off.

    CPython 3.11 has one counter for the depth of a syntax tree in the whole interpreter. If the
    collector runs code that also parses, the counter is wrong: "SystemError: AST constructor
    recursion depth mismatch".
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        if enabled:
            gc.enable()


def faults(text: str) -> list[Found]:
    """Return the wildcards of a module that ignore values, and the marks without a wildcard."""
    comments = _comments(text)
    found, seen = [], set[int]()
    for match in (node for node in ast.walk(parsed(text)) if isinstance(node, ast.Match)):
        wildcards = [case for case in match.cases if case.guard is None and _takes_all(case.pattern)]
        if not wildcards:
            found.append(Found(match.lineno, "what nobody named falls through"))
        for case in wildcards:
            line = case.pattern.lineno
            seen.add(line)
            if not OPEN.fullmatch(comments.get(line, "")) and not _is_never(case.body):
                found.append(Found(line, "a wildcard takes what nobody named"))
    for line, comment in comments.items():
        if comment.removeprefix("#").lstrip().startswith("open:") and line not in seen:
            found.append(Found(line, "`# open: why` marks a wildcard, and there is none here"))
    return sorted(found)


def _comments(text: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


def _takes_all(pattern: ast.pattern) -> bool:
    """Say whether a pattern matches every value: `_`, a bare name, or a sequence of only these."""
    match pattern:
        case ast.MatchAs(pattern=inner):
            return inner is None or _takes_all(inner)
        case ast.MatchOr(patterns=patterns):
            return any(map(_takes_all, patterns))
        case ast.MatchSequence(patterns=patterns):
            return all(map(_takes_all, patterns)) and bool(patterns)
        case _:
            return False


def _is_never(body: list[ast.stmt]) -> bool:
    """Say whether a body is `assert_never(…)` and nothing else."""
    match body:
        case [ast.Expr(ast.Call(ast.Name("assert_never")))]:
            return True
        case _:
            return False
