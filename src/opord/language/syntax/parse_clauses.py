"""Parse the clauses of a call: `fails`, `undoes`, `stands because`, `in transaction`."""

from __future__ import annotations

from abc import ABC

from opord.language import words
from opord.language.diagnostics.model import code
from opord.language.diagnostics.suggest import nearest
from opord.language.diagnostics.suppressors import LostPlace
from opord.language.diagnostics.wording import quoted
from opord.language.syntax import tokens as t
from opord.language.syntax import tree
from opord.language.syntax.cursor import EXPECTED, Mend, ParserStuck
from opord.language.syntax.parse_statements import StatementParser

MISPLACED_POLICY = code("OP031", rule="syntax", title="a policy that this kind of call does not take")
REPEATED_POLICY = code("OP035", rule="syntax", title="a policy that is given twice")
REASON_WITHOUT_WORDS = code("OP041", rule="syntax", title="a reason that is not in plain words")
OTHER_TRANSACTION = code(
    "OP046",
    rule="syntax",
    title="`in transaction` in other words or in another place",
    suppressed_by=(LostPlace(),),
)

IN_TRANSACTION = "in transaction"
_ARTICLES = frozenset({"a", "an", "the", "one", "its", "own", "this", "database", "db"})
_ARTICLES_MAX = 4
_PREPOSITIONS = frozenset({"in", "within", "inside", "with"})
_ALONE = ("transaction", "transactional", "transactionally")


class ClauseParser(StatementParser, ABC):
    """Parse what follows the parameters and the result of a call, up to its policies."""

    i: int
    reported_at: int

    def call_clauses(self, node: tree.CallDeclaration) -> None:
        """Read the clauses of a header into its node, in any order."""
        while True:
            i = self.i
            if self.at_clause(("fails", "undoes", "stands")):
                self._clause(node)
            elif self.newlines[i] == t.NEWLINE and self.texts[i : i + 2] != IN_TRANSACTION.split():
                return
            elif (after := self._after_transaction()) is not None:
                if self.newlines[i] == t.NEWLINE:
                    self.clause_on_own_line(IN_TRANSACTION)
                self._transaction(node, after)
            elif self.kinds[i] == "in":
                self._lone_in(node)
            else:
                return

    def _clause(self, node: tree.CallDeclaration) -> None:
        i = self.i
        word = self.texts[i]
        if word == "fails":
            self.i += 1
            again = bool(node.failures)
            node.failures = node.failures + self.names("a failure")
        elif word == "undoes":
            self.i += 1
            again = node.undoes is not None
            node.undoes = self.name("an action after `undoes`")
        else:
            again = node.stands is not None
            node.stands = self.reason(word, f"why nothing has to undo `{node.name.text}`")
        if node.kind == "pure" or (node.kind == "effect" and word != "fails"):
            self.misplaced(self.token_span(i), word, node)
        elif again:
            self.given_twice(self.token_span(i), word)

    def misplaced(
        self, span: tree.Span, word: str, node: tree.CallDeclaration, *, mend: Mend | None = None
    ) -> None:
        """Report a clause or policy that this kind of call does not take."""
        what = {"pure": "a pure function", "effect": "an effect", "action": "an action"}[node.kind]
        if node.kind == "pure":
            advice = "a pure function cannot fail or wait; declare an `effect` for that"
        else:
            taken = [each.text for each in words.at("policy") if "effect" in each.of]
            advice = f"an effect takes {quoted(taken)}; declare an `action` to commit something"
        self.report(MISPLACED_POLICY, span, f"{what} does not take `{word}`", advice, mend=mend)

    def given_twice(self, span: tree.Span, word: str, *, mend: Mend | None = None) -> None:
        """Report a clause or policy that was there before."""
        self.report(REPEATED_POLICY, span, f"`{word}` is given twice here", "keep one of them", mend=mend)

    # Reasons --------------------------------------------------------------------------------------

    def reason(self, word: str, why: str) -> tree.Reason:
        """Read `<word> because "…"`; `why` says what the reason is about."""
        start = self.i
        self.i += 1
        if not self.at_word("because"):
            raise self.miss(f"`because` after `{word}`", f'say {why}: `{word} because "…"`')
        self.i += 1
        if self.kinds[self.i] == t.TEXT_START:
            literal = self._template()
        else:
            self.i = self.take(t.TEXT, "the reason in quotes", f'say {why}: `{word} because "…"`')
            literal = self.text()
        words_only = [part for part in literal.parts if isinstance(part, str)]
        text = "".join(words_only).strip()
        if len(words_only) < len(literal.parts):
            self.report(
                REASON_WITHOUT_WORDS,
                literal.span,
                "a reason has no expression in it",
                "write plain words, which are true of every run",
            )
        elif not text:
            self.report(REASON_WITHOUT_WORDS, literal.span, "this reason is empty", f"say {why}")
        return tree.Reason(text, self.span_from(start))

    # In transaction -------------------------------------------------------------------------------

    def _after_transaction(self) -> int | None:
        """Return the index after `in transaction`, or after other words for it: `in a transaction`.

        Return None if the next tokens mean something else.
        """
        i = self.i
        if self.texts[i] in _PREPOSITIONS:
            i += 1
            while self.texts[i] in _ARTICLES and self.kinds[i] == t.NAME and i < self.i + _ARTICLES_MAX:
                i += 1
            meant = self.texts[i] in _ALONE or nearest(self.texts[i], ("transaction",)) is not None
        else:
            meant = self.texts[i] in _ALONE
        joined = all(newline != t.NEWLINE for newline in self.newlines[self.i + 1 : i + 1])
        return i + 1 if meant and joined and self.kinds[i] == t.NAME else None

    def _transaction(self, node: tree.CallDeclaration, after: int) -> None:
        i, self.i = self.i, after
        span = self.span_from(i)
        again, node.transaction = node.transaction is not None, span
        if node.kind != "action":
            self.misplaced(span, IN_TRANSACTION, node, mend=self._without(i, safe=False))
        elif again:
            self.given_twice(span, IN_TRANSACTION, mend=self._without(i, safe=True))
        elif self.texts[i:after] != IN_TRANSACTION.split():
            self.report(
                OTHER_TRANSACTION,
                span,
                f"this clause is written `{IN_TRANSACTION}`",
                f"change to `{IN_TRANSACTION}`",
                mend=Mend(span, IN_TRANSACTION, f"change to `{IN_TRANSACTION}`"),
            )

    def _without(self, i: int, *, safe: bool) -> Mend:
        """Return the correction that removes the tokens from `i` on that were taken."""
        start = self.ends[i - 1]
        if self.source.text[start : self.starts[i]].strip():
            start = self.starts[i]
        return Mend((start, self.ends[self.i - 1]), "", f"remove `{IN_TRANSACTION}`", safe)

    def _lone_in(self, node: tree.CallDeclaration) -> None:
        span = self.token_span(self.i)
        self.i += 1
        following = self.texts[self.i]
        if following == "doubt":
            help, mend = "what to do in doubt is a policy, in braces: `{ in doubt ask }`", None
        else:
            help = f"write `{IN_TRANSACTION}` if the handler writes in the run's own database, or remove `in`"
            ended = self.newlines[self.i] or self.kinds[self.i] in ("{", t.END)
            mend = self.after_last(" transaction") if ended else None
        self.report(EXPECTED, span, "expected `transaction` after `in`", help, mend=mend)
        self.reported_at = self.i
        node.transaction = node.transaction or span

    def transaction_in_braces(self, node: tree.CallDeclaration, opening: int) -> ParserStuck | None:
        """Report `in transaction` among the policies of the brace at `opening`, if it follows.

        Return the exception to raise: it is not a policy.
        """
        i = self.i
        after = self._after_transaction()
        if after is None:
            return None
        self.i = after
        node.transaction = node.transaction or self.span_from(i)
        if node.kind != "action":
            self.misplaced(self.span_from(i), IN_TRANSACTION, node)
            return ParserStuck()
        self.report(
            OTHER_TRANSACTION,
            self.span_from(i),
            f"`{IN_TRANSACTION}` is not a policy; it belongs to the header",
            f"write `{IN_TRANSACTION}` before the `{{`",
            mend=self._out_of_braces(i, opening),
        )
        return ParserStuck()

    def _out_of_braces(self, i: int, opening: int) -> Mend | None:
        """Return the correction that moves the tokens from `i` on before the brace at `opening`."""
        text, end = self.source.text, self.ends[self.i - 1]
        start = self.ends[opening - 1]
        before = text[start : self.starts[i]]
        if "#" in before:
            return None  # a comment may end the line there
        if self.kinds[self.i] == ",":
            end = self.ends[self.i]
            before = before.rstrip(" ")
        elif self.kinds[self.i] == "}":
            before = before.rstrip().removesuffix(",")
            if before.strip() == "{":
                return Mend((start, self.ends[self.i]), f" {IN_TRANSACTION}", self._move())
        return Mend((start, end), f" {IN_TRANSACTION}{before}", self._move())

    def _move(self) -> str:
        return f"move `{IN_TRANSACTION}` to the header"
