"""Find the brackets of a contract, and which `{ }` the author opened over several lines.

A `{ }` that spans several lines stays open, with one exception: its first item stands beside the
brace, and its lines end only at commas and before the closing brace. That is one line which the
author had to break somewhere, so the formatter joins it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from opord.language.syntax.tokens import Tokens

OPENING = frozenset("([{")
CLOSING = frozenset(")]}")


@dataclass(slots=True)
class _Bracket:
    opening: int
    breaks: list[int] = field(default_factory=list)  # the tokens directly inside that begin a line
    stays: bool = False  # a line break in it has to stay


class Blocks:
    """The brackets outside texts, each named by the index of its opening token.

    - `pairs` maps each to its closing token.
    - `open` has each `{` whose content stands on lines of its own.
    - `joined` has the tokens before which a line break of the author is left out.
    - `with_arms` has the brackets with a `->` directly inside.
    """

    def __init__(self, tokens: Tokens) -> None:
        self.pairs: dict[int, int] = {}
        self.open: set[int] = set()
        self.joined: set[int] = set()
        self.with_arms: set[int] = set()
        self._outer: dict[int, int] = {}
        self._tokens = tokens
        inside: list[_Bracket] = []
        for i, kind in enumerate(tokens.kinds):
            if inside and tokens.newlines[i]:
                inside[-1].breaks.append(i)
                inside[-1].stays |= i in tokens.comments_before
            if kind == "->" and inside:
                self.with_arms.add(inside[-1].opening)
            elif kind in OPENING:
                if inside:
                    self._outer[i] = inside[-1].opening
                inside.append(_Bracket(i))
            elif kind in CLOSING and inside:
                self._close(inside.pop(), i, inside[-1] if inside else None)

    def around(self, openings: Collection[int]) -> set[int]:
        """Return the brackets that contain one of these."""
        found: set[int] = set()
        for opening in openings:
            outer = self._outer.get(opening)
            while outer is not None and outer not in found:
                found.add(outer)
                outer = self._outer.get(outer)
        return found

    def _close(self, bracket: _Bracket, closing: int, outer: _Bracket | None) -> None:
        self.pairs[bracket.opening] = closing
        if not bracket.breaks and not bracket.stays:
            return
        if self._can_be_joined(bracket, closing):
            self.joined.update(bracket.breaks)
            return
        if self._tokens.kinds[bracket.opening] == "{":
            self.open.add(bracket.opening)
        if outer is not None:
            outer.stays = True

    def _can_be_joined(self, bracket: _Bracket, closing: int) -> bool:
        kinds = self._tokens.kinds
        return (
            not bracket.stays
            and kinds[bracket.opening] == "{"
            and bracket.breaks[0] != bracket.opening + 1
            and all(i == closing or kinds[i - 1] == "," for i in bracket.breaks)
        )
