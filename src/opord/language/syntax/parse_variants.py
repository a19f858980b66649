"""Parse variants of enums and failures, with the marks behind them."""

from __future__ import annotations

from abc import ABC
from typing import Final

from opord.language.diagnostics.model import code
from opord.language.diagnostics.suppressors import LostPlace
from opord.language.syntax import tokens as t
from opord.language.syntax import tree
from opord.language.syntax.cursor import Mend
from opord.language.syntax.parse_comments import CommentParser

MISPLACED_CLAUSE = code("OP024", rule="syntax", title="a clause that this kind of declaration does not take")
REPEATED_CLAUSE = code("OP025", rule="syntax", title="a clause that is given twice")
TRANSIENT_AND_SETTLES = code("OP040", rule="syntax", title="a failure that is both transient and settles")
OTHER_WAIT = code(
    "OP047",
    rule="syntax",
    title="`transient wait` in other words or in another order",
    suppressed_by=(LostPlace(),),
)
WAIT_WITHOUT_TRANSIENT = code("OP048", rule="syntax", title="a `wait` of a failure that is not transient")

WAIT = "transient wait"
AT_MOST = "at most"
_FORM = "write `transient wait`, or `transient wait at most 5m`"

_LONGEST: Final = frozenset(
    {"up", "max", "maximum", "limit", "within", "below", "under", "until", "for", "no", "not", "capped", "to"}
)
"""Words that are tried for `at most`, each with a duration somewhere behind it."""

_GUESSES: Final = frozenset(
    {
        "after", "await", "backoff", "delay", "delayed", "heed", "honor", "honors", "honour", "honours", "pause",
        "pauses", "respect", "respects", "retry", "retry_after", "sleep", "sleeps", "throttle", "throttled", "waits",
        "waiting",
    }
)  # fmt: skip
"""Words that are tried for `wait`."""


class VariantParser(CommentParser, ABC):
    """Parse a variant: its name, its fields, and how a failure ends."""

    i: int

    def fields(self) -> list[tree.Field]:
        """Read `(name: T, …)` if it is present."""
        return self.parenthesised(self.field, "the type") if self.at("(") else []

    def variant(self) -> tree.Variant:
        """Read `Name[(fields)] [transient [wait [at most D]] | settles]`."""
        start = self.i
        name = self.name(
            "a variant", "write a variant as `Declined(reason: str)` or `Declined`", new_line=True
        )
        node = tree.Variant(name, self.fields(), None, None, None, (0, 0), self.doc_above(start))
        while self._mark(node):
            pass
        self._check_wait(node)
        node.span = self.span_from(start)
        return node

    def _mark(self, node: tree.Variant) -> bool:
        """Read a mark, and say whether there was one."""
        i = self.i
        if not self.at(t.NAME):
            return False
        word = self.texts[i]
        if word in ("transient", "settles"):
            self._kind_of_failure(node)
        elif word == "wait":
            self._wait(node)
        elif word == "final":
            self.i += 1
            mend = Mend((self.ends[i - 1], self.ends[i]), "", "remove `final`")
            message = f"`{node.name.text}` is marked `final`, which is no mark"
            help = "leave it out: a variant without a mark is final"
            self.report(MISPLACED_CLAUSE, self.token_span(i), message, help, mend=mend)
        elif word == "at" and self.texts[i + 1] == "most":
            self._limit_before_wait(node)
        elif word in _GUESSES:
            self._guess(node)
        else:
            return False
        return True

    def _kind_of_failure(self, node: tree.Variant) -> None:
        word, span = self.texts[self.i], self.token_span(self.i)
        self.i += 1
        if (node.transient if word == "transient" else node.settles) is not None:
            self._twice(node, span, word)
        elif word == "transient":
            node.transient = span
        else:
            node.settles = span
        if node.transient is not None and node.settles is not None:
            self.report(
                TRANSIENT_AND_SETTLES,
                span,
                f"`{node.name.text}` is marked `transient` and `settles`",
                "keep `transient` if another attempt may help, or `settles` if the other side "
                "says for the key that no attempt took effect",
            )

    def _twice(self, node: tree.Variant, span: tree.Span, word: str) -> None:
        message = f"`{node.name.text}` is marked `{word}` twice"
        self.report(REPEATED_CLAUSE, span, message, f"remove the second `{word}`")

    # Waits ----------------------------------------------------------------------------------------

    def _wait(self, node: tree.Variant) -> None:
        """Read `wait [at most D]`; other words for its parts are reported."""
        start = self.i
        self.i += 1
        at_most = None
        if self.at_word("at"):
            at_most = self._at_most()
        elif (longest := self._duration_ahead()) is not None:
            at_most = self._other_limit(longest)
        elif self.at(t.NAME) and self.texts[self.i] not in ("transient", "settles", "wait"):
            self._named_field(node)
        span = self.span_from(start)
        if node.wait is not None:
            self._twice(node, span, "wait")
        else:
            node.wait = tree.AskedWait(at_most, span)

    def _at_most(self) -> tree.DurationLiteral:
        self.i += 1
        self.take_word("most", "`most` after `at`", "write `wait at most 5m`")
        if not (self.at(t.DURATION) or self.at(t.BAD) or self.at(t.INT)):
            raise self.miss("the longest wait", "write for example `wait at most 5m`")
        return self.duration()

    def _duration_ahead(self) -> int | None:
        """Return the index of a duration behind nothing, or behind words for `at most`."""
        i = self.i
        while self.newlines[i] != t.NEWLINE and self.kinds[i] in (t.NAME, "not"):
            if self.texts[i] not in _LONGEST and not (
                i > self.i and self.texts[i] in ("than", "longer", "more")
            ):
                return None
            i += 1
        return i if self.newlines[i] != t.NEWLINE and self.kinds[i] == t.DURATION else None

    def _other_limit(self, at: int) -> tree.DurationLiteral:
        """Take a duration that follows in other words than `at most`, and report them."""
        start = self.i
        self.i = at
        longest = self.duration()
        written = f"{AT_MOST} {self.source.slice(longest.span)}"
        self.report(
            OTHER_WAIT,
            self.span_from(start),
            f"the longest wait is written `{written}`",
            "how long to wait is in the failure's own `duration` field; the contract can only limit it",
            mend=Mend(self.span_from(start), written, f"change to `{written}`", start < at),
        )
        return longest

    def _named_field(self, node: tree.Variant) -> None:
        """Report a field that is named behind `wait`: the one with a duration is meant anyway."""
        i = self.i
        word = self.texts[i]
        self.i += 1
        known = any(field.name.text == word for field in node.fields)
        self.report(
            OTHER_WAIT,
            self.token_span(i),
            f"expected `{AT_MOST}` or the end of the variant, but found `{word}`",
            "leave the field out: `wait` takes the one field whose type is `duration`" if known else _FORM,
            mend=Mend((self.ends[i - 1], self.ends[i]), "", f"remove `{word}`") if known else None,
        )

    def _limit_before_wait(self, node: tree.Variant) -> None:
        """Read `at most D` without a `wait` before it, and report it."""
        start = self.i
        longest = self._at_most()
        if self.at_word("wait"):
            self.i += 1
        span = self.span_from(start)
        written = f"wait {AT_MOST} {self.source.slice(longest.span)}"
        mend = Mend(span, written, f"change to `{written}`") if node.wait is None else None
        self.report(OTHER_WAIT, span, f"a longest wait is written `{written}`", _FORM, mend=mend)
        node.wait = node.wait or tree.AskedWait(longest, span)

    def _guess(self, node: tree.Variant) -> None:
        """Report other words for `wait`, such as `retry after`, up to the end of the variant."""
        start = self.i
        while self.kinds[self.i] == t.NAME and self.newlines[self.i] != t.NEWLINE:
            if self.texts[self.i] in ("transient", "settles"):
                break
            self.i += 1
        longest = self.duration() if self.at(t.DURATION) else None
        span = self.span_from(start)
        written = "wait" if longest is None else f"wait {AT_MOST} {self.source.slice(longest.span)}"
        self.report(
            OTHER_WAIT,
            span,
            f"a wait that the other side asks for is written `{WAIT}`, not `{self.source.slice(span)}`",
            "the failure's one `duration` field says how long",
            mend=Mend(span, written, f"change to `{written}`", longest is None),
        )
        node.wait = node.wait or tree.AskedWait(longest, span)

    def _check_wait(self, node: tree.Variant) -> None:
        """Report a `wait` that does not stand behind `transient`."""
        wait, name = node.wait, node.name.text
        if wait is None or (node.transient is not None and node.settles is not None):
            return
        if node.transient is None:
            why = "settles the commit" if node.settles is not None else "is not transient"
            help = (
                "keep `settles` alone, or `transient wait` if another attempt may help"
                if node.settles is not None
                else f"write `{WAIT}` if another attempt may help, or remove `wait`"
            )
            start = wait.span[0]
            mend = None if node.settles else Mend((start, start), "transient ", f"write `{WAIT}`", safe=False)
            message = f"`{name}` {why}, so no attempt follows that could wait"
            self.report(WAIT_WITHOUT_TRANSIENT, wait.span, message, help, mend=mend)
        elif wait.span[0] < node.transient[0]:
            span = (wait.span[0], node.transient[1])
            written = f"transient {self.source.slice(wait.span)}"
            mend = (
                Mend(span, written, f"change to `{written}`") if "#" not in self.source.slice(span) else None
            )
            self.report(OTHER_WAIT, span, f"`wait` stands behind `transient`: `{written}`", _FORM, mend=mend)
