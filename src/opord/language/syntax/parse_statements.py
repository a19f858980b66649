"""Parse statements and handlers: the content of states."""

from __future__ import annotations

from typing import Literal

from opord.language import words
from opord.language.diagnostics.model import code
from opord.language.diagnostics.suppressors import LostPlace, UnclosedBrace
from opord.language.diagnostics.wording import quoted
from opord.language.syntax import tokens as t
from opord.language.syntax import tree
from opord.language.syntax.cursor import EXPECTED, Mend, ParserStuck
from opord.language.syntax.foreign import statement_advice
from opord.language.syntax.parse_patterns import ARM_FORM, PatternParser
from opord.language.syntax.tree import Name, Span

_SPELT_UNITS = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
}

NO_STATEMENT = code(
    "OP020",
    rule="syntax",
    title="something that is not a statement",
    suppressed_by=(LostPlace(), UnclosedBrace()),
)
LATER_VERSION = code("OP023", rule="syntax", title="a word of a later version")
ARROW_BODY = code("OP034", rule="syntax", title="something that cannot follow `->`")


class StatementParser(PatternParser):
    """Parse statements and their parts. Every method starts at the first token of its construct."""

    i: int
    depth: int
    in_head: bool

    # Blocks and lines -----------------------------------------------------------------------------

    def block(self, what: str = "`{`") -> tree.Block:
        """Read `{ statements }`."""
        start = self.i
        self.enter()
        opening = self.open_brace(what)
        statements = self.lines(opening, self.statement, "statements", self._handler_follows)
        self.depth -= 1
        return tree.Block(list(statements), True, self.span_from(start))

    def body(self) -> tree.Block:
        """Read the body after a head: `-> goto X`, `-> { … }` or `{ … }`."""
        if self.kinds[self.i] == "->":
            self.i += 1
            if self.at("{"):
                return self.block()
            start = self.i
            if not self._at_one_of(words.texts("arrow")):
                if not self._at_one_of(words.texts("statement")):
                    raise self._no_way_on()
                self.report(
                    ARROW_BODY,
                    self.token_span(start),
                    f"`{self.texts[start]}` cannot follow `->`",
                    "put the statements in a block: `-> { … }`",
                )
            statement = self.statement()
            return tree.Block([statement], False, self.span_from(start))
        if self.brace_opens():
            return self.block()
        arrow = self._arrow()
        help, mend = self._spelt_duration() or ("write `->` before the `goto`" if arrow else "", arrow)
        raise self.miss("`->` or `{`", help, mend=mend)

    def _at_one_of(self, words: tuple[str, ...]) -> bool:
        return self.texts[self.i] in words and self.newlines[self.i] != t.NEWLINE

    def _no_way_on(self) -> ParserStuck:
        """Report that nothing valid follows `->`.

        A state name alone means the `goto` to that state.
        """
        i, mend = self.i, None
        help = self.foreign_advice(i) or "write `-> goto State`, or a block: `-> { … }`"
        if self.at(t.NAME) and self.texts[i][:1].isupper():
            help = f"write `goto {self.texts[i]}`"
            mend = Mend((self.starts[i], self.starts[i]), "goto ", "add `goto`")
        starts = ", ".join(f"`{word}`" for word in words.texts("arrow"))
        return self.miss(f"{starts} or a block after `->`", help, kind=ARROW_BODY, mend=mend)

    def _spelt_duration(self) -> tuple[str, Mend] | None:
        """Return advice about a duration whose unit is a separate word, as in `48 hours`."""
        i = self.i
        unit = _SPELT_UNITS.get(self.texts[i].lower()) if self.at(t.NAME) else None
        if unit is None or i == 0 or self.kinds[i - 1] != t.INT:
            return None
        span, ours = (self.starts[i - 1], self.ends[i]), f"{self.texts[i - 1]}{unit}"
        return f"write `{ours}`", Mend(span, ours, f"write `{ours}`")

    def _arrow(self) -> Mend | None:
        """Return the correction that adds an arrow, if a `goto` follows on this line."""
        return self.after_last(" ->") if self.at_word("goto") else None

    def statement(self) -> tree.Statement:
        """Read one statement."""
        i = self.i
        kind = self.kinds[i]
        if kind == t.NAME:
            word = self.texts[i]
            if word == "goto":
                return self._goto()
            if word == "let":
                return self._let()
            if word in ("perform", "commit"):
                return self._call(i, None)
            if word == "match":
                return self._match()
        elif kind == "if":
            return self._if()
        raise self.miss("a statement", self._advice_for_statement(i), kind=NO_STATEMENT, new_line=True)

    def _advice_for_statement(self, i: int) -> str:
        following = self.kinds[i + 1]
        if self.kinds[i] == "else":
            return "`else` follows the `}` of an `if`, or the `)` of a call"
        starts = f"statements start with {quoted(words.texts('statement'), 'or')}"
        if self.kinds[i] != t.NAME:
            return "a comment begins with `#`" if self.kinds[i] == "//" else starts
        if foreign := statement_advice(self.texts[i]):
            return foreign
        if self.texts[i] in t.HANDLER_WORDS | t.CHILD_WORDS and following != "=":
            return f"{quoted(words.texts('handler'))} stand directly in a state or a phase"
        if following in ("+", "-") and self.kinds[i + 2] == following:
            return f"nothing is changed in place: give the next state a new value, `goto Next({self.texts[i]} {following} 1)`"
        if following == "=":
            return f"bind a name with `let {self.texts[i]} = …`"
        if following == "(":
            return "call an effect with `perform`, an action with `commit`, a pure function in an expression"
        return starts

    def _let(self) -> tree.Statement:
        start = self.i
        self.i += 1
        name = self.name("a name after `let`")
        if self.at(":"):
            raise self.miss("`=`", "a `let` takes the type of its value")
        if self.at("=="):
            self.miss("`=`", f"write one `=`: `let {name.text} = …`", mend=self.word("="))
            self.i += 1
        else:
            self.take("=", "`=` and a value", f"write `let {name.text} = …`")
        if self._at_call():
            return self._call(start, name)
        return tree.Let(name, self.expression(), self.span_from(start))

    def _at_call(self) -> bool:
        i = self.i
        return (
            self.texts[i] in ("perform", "commit")
            and self.kinds[i + 1] == t.NAME
            and not self.newlines[i + 1]
        )

    def _goto(self) -> tree.Goto:
        start = self.i
        self.i += 1
        if not self.at(t.NAME) and self.texts[self.i] not in t.RESERVED:
            raise self.miss(
                "a state after `goto`",
                "name one that the header lists, with its fields: `goto Paid(receipt)`",
            )
        state = self.name("a state after `goto`")
        arguments: list[tree.Argument] = []
        rest = None
        if self.at("("):
            arguments, rest = self.arguments(with_rest=True)
        return tree.Goto(state, arguments, rest, self.span_from(start))

    def _if(self) -> tree.If:
        start = self.i
        self.enter()
        self.i += 1
        condition = self.head()
        self._needless_then()
        then = self.block("`{` after the condition")
        otherwise: tree.Block | tree.If | None = None
        # An `else` on a new line belongs to this statement, unless it is the next arm of a `match`.
        following = self.kinds[self.i + 1] if self.kinds[self.i] == "else" else ""
        if following and (following in ("{", "if") or self.newlines[self.i] != t.NEWLINE):
            self.i += 1
            if following == "if":
                otherwise = self._if()
            else:
                otherwise = self.block("`{` or `if` after `else`")
        self.depth -= 1
        return tree.If(condition, then, otherwise, self.span_from(start))

    def _needless_then(self) -> None:
        """Report a `then` before the block of an `if`, and read on after it."""
        i = self.i
        if self.at("then") and self.kinds[i + 1] == "{":
            span = self.token_span(i)
            mend = Mend((span[0], self.starts[i + 1]), "", "remove `then`")
            message = "expected `{` after the condition, but found `then`"
            help = "a block follows without `then`; `if a then b else c` is a value"
            self.report(EXPECTED, span, message, help, mend=mend)
            self.i += 1

    def head(self) -> tree.Expression:
        """Read an expression before an optional `{`, which opens a block and not a record."""
        in_head, self.in_head = self.in_head, True
        node = self.expression()
        self.in_head = in_head
        return node

    # Calls ----------------------------------------------------------------------------------------

    def _boundary_call(self) -> tree.BoundaryCall:
        start = self.i
        self.i += 1
        verb: Literal["perform", "commit"] = "perform" if self.texts[start] == "perform" else "commit"
        name = self.name(f"an {'effect' if verb == 'perform' else 'action'} after `{verb}`")
        if not self.at("("):
            raise self.miss("`(` and the arguments", f"write `{verb} {name.text}()` where there are none")
        arguments, _ = self.arguments()
        return tree.BoundaryCall(verb, self.token_span(start), name, arguments, self.span_from(start))

    def _call(self, start: int, binding: Name | None) -> tree.CallStatement:
        call = self._boundary_call()
        arms: list[tree.Arm] | None = None
        else_span: Span | None = None
        if self.kinds[self.i] == "else":
            else_span = self.token_span(self.i)
            self.enter()
            arms = self._call_else()
            self.depth -= 1
        return tree.CallStatement(binding, call, arms, else_span, self.span_from(start))

    def _call_else(self) -> list[tree.Arm]:
        start = self.i
        if self.kinds[start + 1] == "{" and self.newlines[start + 1] != t.NEWLINE:
            self.i += 1
            if self._at_statement(start + 2):
                return self._block_for_arms(start)
            opening = self.i
            self.i += 1
            return self.items(opening, self._arm, "the arm", self._statement_follows)
        if self.newlines[start + 1] == t.NEWLINE:
            self.i += 1
            opening = self.open_brace("`{` and the arms")
            return self.items(opening, self._arm, "the arm", self._statement_follows)
        return [self._arm()]

    def _statement_follows(self) -> bool:
        """Say whether a line starts here that is a statement.

        It shows that the arms above are not closed.
        """
        i = self.i
        if self.newlines[i] != t.NEWLINE:
            return False
        return self.kinds[i] == "if" or self._at_statement(i) or self._handler_follows()

    def _handler_follows(self) -> bool:
        """Say whether a line starts here that is a handler.

        It shows that the block above is not closed.
        """
        i = self.i
        return (
            self.newlines[i] == t.NEWLINE
            and self.at_handler()
            and self.kinds[i + 1] not in ("->", "|", "(", ".", "=")
        )

    def _at_statement(self, i: int) -> bool:
        if self.kinds[i] == "if":
            return True
        return self.texts[i] in t.STATEMENT_WORDS and self.kinds[i + 1] not in ("->", "|", "(", ".")

    def _block_for_arms(self, start: int) -> list[tree.Arm]:
        self.report(
            EXPECTED,
            self.token_span(start),
            "`else { … }` of a call lists failures, but statements stand here",
            "for every failure alike write `else -> { … }`, or name them: `Declined -> …`",
        )
        pattern = tree.ElsePattern(None, self.token_span(start))
        return [tree.Arm([pattern], self.block(), self.span_from(start))]

    # Match ----------------------------------------------------------------------------------------

    def _match(self) -> tree.Match:
        start = self.i
        self.enter()
        self.i += 1
        if self._at_call():
            in_head, self.in_head = self.in_head, True
            subject: tree.Expression | tree.BoundaryCall = self._boundary_call()
            self.in_head = in_head
        else:
            subject = self.head()
        opening = self.open_brace("`{` and the arms")
        arms = self.items(opening, self._arm, "the arm", self._statement_follows)
        self.depth -= 1
        return tree.Match(subject, arms, self.span_from(start))

    def _arm(self) -> tree.Arm:
        start = self.i
        patterns = self.patterns()
        if not self.at("->"):
            if not self.at("{"):
                raise self.miss("`->` after the pattern", self._advice_for_arm(), mend=self._arrow())
            self.miss("`->` after the pattern", ARM_FORM, mend=self.after_last(" ->"))
        body = self.body()
        return tree.Arm(patterns, body, self.span_from(start))

    def _advice_for_arm(self) -> str:
        """Return how an arm is written; a `,` may stand for the `|` between alternatives."""
        i = self.i
        if self.at(",") and self.kinds[i + 1] == t.NAME and self.texts[i + 1][:1].isupper():
            return f"alternatives stand with `|`: `{self.texts[i - 1]} | {self.texts[i + 1]} -> …`"
        return ARM_FORM

    # Handlers -------------------------------------------------------------------------------------

    def at_handler(self) -> bool:
        """Say whether a line starts here that is a handler."""
        return self.kinds[self.i] == t.NAME and self.texts[self.i] in t.HANDLER_WORDS

    def handler(self) -> tree.Handler:
        """Read `on …`, `after …` or `at …`."""
        start = self.i
        word = self.texts[start]
        self.i += 1
        if word == "on":
            return self._on(start)
        when = self.head()
        body = self.body()
        if word == "after":
            return tree.After(when, body, self.span_from(start))
        return tree.At(when, body, self.span_from(start))

    def _on(self, start: int) -> tree.OnEvent:
        event = self.name("an event after `on`")
        names = None
        if self.at("("):
            names = self.parenthesised(lambda: self.name("a name for the field"), "the name")
        guard = None
        if self.at("if"):
            self.i += 1
            guard = self.head()
        if self.at_word("ignore"):
            self.i += 1
            return tree.OnEvent(event, names, guard, None, self.span_from(start))
        return tree.OnEvent(event, names, guard, self.body(), self.span_from(start))

    # Words of later versions ----------------------------------------------------------------------

    def at_child(self) -> bool:
        """Say whether a line starts here that starts or awaits a child run.

        This version has no child runs.
        """
        i = self.i
        if self.kinds[i] != t.NAME or self.texts[i] not in t.CHILD_WORDS:
            return False
        return self.kinds[i + 1] in (t.NAME, t.TEXT) and not self.newlines[i + 1]

    def skip_child(self, base: int, *, quiet: bool) -> tree.Unparsed:
        """Skip a line about child runs; report one finding for all such lines of a body."""
        start = self.i
        if not quiet:
            self.report(
                LATER_VERSION,
                self.token_span(start),
                f"this version of Opord does not have children of a run (`{self.texts[start]}`)",
                "start the other runs from a handler, and await an event from each",
            )
        self.i += 1
        self.skip_line(base)
        return tree.Unparsed(self.span_from(start))
