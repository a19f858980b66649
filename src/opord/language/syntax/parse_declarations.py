"""Parse declarations: everything at the top level of a file or in a phase."""

from __future__ import annotations

from opord.language import words
from opord.language.diagnostics.model import code
from opord.language.diagnostics.suggest import nearest
from opord.language.diagnostics.suppressors import LostPlace, UnclosedBrace
from opord.language.diagnostics.wording import meant, quoted
from opord.language.syntax import tokens as t
from opord.language.syntax import tree
from opord.language.syntax.cursor import (
    EXPECTED,
    FORGOTTEN_MAX,
    LONELY_SEPARATOR,
    TWO_ON_A_LINE,
    Mend,
    ParserStuck,
)
from opord.language.syntax.foreign import declaration_advice, meant_outcome
from opord.language.syntax.parse_statements import LATER_VERSION
from opord.language.syntax.parse_variants import MISPLACED_CLAUSE, REPEATED_CLAUSE, VariantParser
from opord.language.syntax.tree import Name

NO_DECLARATION = code(
    "OP015",
    rule="syntax",
    title="something that is not a declaration",
    suppressed_by=(LostPlace(), UnclosedBrace()),
)
FINAL_WITH_BODY = code("OP026", rule="syntax", title="a final state that goes on")
MISPLACED_IN_PHASE = code(
    "OP027",
    rule="syntax",
    title="something that cannot stand in a phase",
    suppressed_by=(LostPlace(), UnclosedBrace()),
)
NO_OUTCOME = code(
    "OP033", rule="syntax", title="a final state without an outcome", suppressed_by=(LostPlace(),)
)

_FIELD_FORM = "write a field as `name: str`"
_IN_BRACES = "statements and handlers stand in the braces of a state"


class DeclarationParser(VariantParser):
    """Parse declarations. Every method starts at the first token of its construct."""

    i: int
    depth: int
    phase_column: int
    lost_braces: int

    def file(self) -> tree.File:
        """Read the whole file."""
        declarations: list[tree.Declaration] = []
        while self.kinds[self.i] != t.END:
            start = self.i
            try:
                declarations.append(self.declaration())
            except ParserStuck:
                self._recover(start, 0)
                self._skip_to_declaration(start)
                declarations.append(self.unparsed(start))
                continue
            self._end_declaration()
        self.check_requires(declarations)
        declarations += self.lifted
        return tree.File(declarations, self.tokens.comments, (0, len(self.source.text)), self.skipped)

    def _end_declaration(self) -> None:
        i = self.i
        if self.kinds[i] == t.END or self.newlines[i] == t.NEWLINE:
            return
        if self.reported_at != i:
            near = self.near_word(words.texts("event", "contract", "call"))
            help = meant(near, self._advice_after_a_header())
            self.miss("a new line after the declaration", help, kind=TWO_ON_A_LINE, mend=self.word(near))
        if self.texts[i] not in t.DECLARATION_WORDS:
            self._skip_to_declaration(i)
            self.skipped.append(self.span_from(i))

    def _advice_after_a_header(self) -> str:
        """Return advice about a policy without braces, or a statement outside a body."""
        word, line = self.texts[self.i], self.line_before(self.i)
        if word in t.STATEMENT_WORDS | t.HANDLER_WORDS:
            return _IN_BRACES
        if line[-1:] == ["}"]:
            return "start a new line here, or remove the `}` if it is one too many"
        for policy in words.at("policy"):
            if policy.parts[0] == word and line[0] in policy.of:
                return f"policies stand in braces: `{{ {policy.text} … }}`"
        return ""

    def _skip_to_declaration(self, start: int) -> None:
        i = max(self.i, start + 1)
        text, end = self.source.text, len(self.kinds) - 1
        while i < end:
            first_column = self.starts[i] == 0 or text[self.starts[i] - 1] == "\n"
            if self.newlines[i] and self.kinds[i] == t.NAME:
                if self.texts[i] in t.DECLARATION_WORDS:
                    begins = first_column or self.depths[i] <= self.lost_braces
                else:  # a declaration of another language
                    begins = (
                        first_column
                        and self.kinds[i + 1] == t.NAME
                        and bool(declaration_advice(self.texts[i]))
                    )
                if begins:
                    self.lost_braces = max(self.lost_braces, self.depths[i])
                    break
            i += 1
        self.i = min(i, end)

    def declaration(self) -> tree.Declaration:
        """Read one declaration with the documentation above it."""
        start = self.i
        word = self.texts[start] if self.kinds[start] == t.NAME else ""
        match word:
            case "state" | "initial" | "final":
                node: tree.Documented = self._state()
            case "pure" | "effect" | "action":
                node = self._call_declaration()
            case "record":
                node = self._record_declaration()
            case "enum" | "failure":
                node = self._enum(word)
            case "event":
                node = self._event()
            case "ensure":
                node = self.ensure()
            case "role":
                node = self._role()
            case "phase":
                node = self._phase()
            case "contract":
                node = self._contract()
            case "require":
                node = self.require()
            case "use":
                node = self._use()
            case "upgrade":
                return self._upgrade()
            case _:  # open: a word of the contract's text
                raise self._no_declaration(word)
        node.doc, node.allows = self.doc_above(start), self.allows_above(start)
        return node

    def _no_declaration(self, word: str) -> ParserStuck:
        mend = None
        help_text = "a file is made of declarations: `contract`, `record`, `event`, `state` …"
        if word in t.STATEMENT_WORDS | t.HANDLER_WORDS:
            help_text = _IN_BRACES
        elif foreign := declaration_advice(word):
            help_text = foreign
        elif near := self.near_word(sorted(t.DECLARATION_WORDS)):
            help_text, mend = meant(near), self.word(near)
        elif self.kinds[self.i] == "}":
            help_text = "remove it, or look above for the `{` that is missing"
        return self.miss("a declaration", help_text, kind=NO_DECLARATION, new_line=True, mend=mend)

    # Data -----------------------------------------------------------------------------------------

    def field(self) -> tree.Field:
        """Read `name: T [= default]`."""
        start = self.i
        if self.kinds[start] == ":":
            self.miss("a name", _FIELD_FORM, new_line=True)
            name = Name("", (self.starts[start], self.starts[start]))
        else:
            name = self.name("a name", _FIELD_FORM, new_line=True)
        if not self.at(":"):
            if not self.at(t.NAME):
                raise self.miss(f"`:` and the type of `{name.text}`", f"write for example `{name.text}: str`")
            self.miss("`:`", f"write `{name.text}: {self.texts[self.i]}`")
        else:
            self.i += 1
        next_field = self.newlines[self.i] and self.kinds[self.i + 1] == ":"
        if self.at(",") or self.at(")") or next_field:
            self.miss("a type", _FIELD_FORM)
            type_node: tree.TypeNode = self.unparsed(self.i)
        else:
            type_node = self.type()
        default = None
        if self.at("="):
            self.i += 1
            default = self.expression()
        return tree.Field(name, type_node, default, self.span_from(start), self.doc_above(start))

    def _braces(self, what: str) -> int:
        if not self.brace_opens():
            raise self.miss(f"`{{` and {what}")
        self.i += 1
        return self.i - 1

    def _record_declaration(self) -> tree.RecordType:
        start = self.i
        self.i += 1
        name = self.name("the record's name")
        fields = self.items(self._braces("the fields"), self.field, "the field")
        return tree.RecordType(name, fields, self.span_from(start))

    def _enum(self, word: str) -> tree.Enum | tree.Failure:
        start = self.i
        self.i += 1
        name = self.name(f"the {word}'s name")
        variants = self.items(self._braces("the variants"), self.variant, "the variant")
        if word == "failure":
            return tree.Failure(name, variants, self.span_from(start))
        for variant in variants:
            if variant.transient:
                self.report(
                    MISPLACED_CLAUSE,
                    variant.transient,
                    "only a variant of a `failure` can be transient",
                    f"declare `failure {name.text}`, or remove `transient`",
                )
            if variant.settles:
                self.report(
                    MISPLACED_CLAUSE,
                    variant.settles,
                    "only a variant of a `failure` can settle a doubt",
                    f"declare `failure {name.text}`, or remove `settles`",
                )
        return tree.Enum(name, variants, self.span_from(start))

    def _use(self) -> tree.Use:
        start = self.i
        self.i += 1
        path_at = self.take(t.TEXT, "the file's path in quotes", 'write `use "types.opord" { Address }`')
        self.i = path_at
        literal = self.text()
        path = "".join(part for part in literal.parts if isinstance(part, str))
        opening = self._braces("the types to take")
        names = self.items(opening, lambda: self.name("a type", new_line=True), "the type")
        return tree.Use(path, literal.span, names, self.span_from(start))

    # The boundary ---------------------------------------------------------------------------------

    def _contract(self) -> tree.Contract:
        start = self.i
        self.i += 1
        name = self.name("the contract's name")
        parameters = self.fields()
        node = tree.Contract(name, parameters, None, 1, None, (0, 0))
        while self.at_clause(("key", "version")):
            word_at = self.i
            self.i += 1
            if self.texts[word_at] == "key":
                if node.key is not None:
                    self._repeated(word_at)
                node.key = self.expression()
            else:
                if node.version_span is not None:
                    self._repeated(word_at)
                number = self.take(t.INT, "a whole number after `version`")
                node.version_span = self.token_span(number)
                node.version = int(self.texts[number].replace("_", "")[:18])
        node.span = self.span_from(start)
        return node

    def _repeated(self, i: int) -> None:
        self.report(
            REPEATED_CLAUSE, self.token_span(i), f"`{self.texts[i]}` is given twice here", "keep one of them"
        )

    def _role(self) -> tree.Role:
        start = self.i
        self.i += 1
        names = [self.name("a role")]
        while self.at(","):
            self.i += 1
            if self.at_declaration():
                # A declaration after the line break of a trailing comma is not a role.
                mend = Mend(self.token_span(self.i - 1), "", "remove the `,`")
                self.report(LONELY_SEPARATOR, mend.span, "no role follows this `,`", "remove it", mend=mend)
                break
            names.append(self.name("a role"))
        return tree.Role(names, self.span_from(start))

    def _event(self) -> tree.Event:
        start = self.i
        self.i += 1
        name = self.name("the event's name")
        node = tree.Event(name, self.fields(), [], [], None, None, (0, 0))
        seen: set[str] = set()
        while self.at_clause(words.texts("event")):
            word = self.texts[self.i]
            if word in seen:
                self._repeated(self.i)
            seen.add(word)
            self.i += 1
            if word == "by":
                node.roles = self.names("a role")
            elif word == "except":
                node.excepts += self._excepts()
            elif word == "key":
                node.key = self.expression()
            else:
                node.keep = self.token_span(self.i - 1)
        node.span = self.span_from(start)
        return node

    def _excepts(self) -> list[tree.Expression]:
        """Read the paths after `except`. A `|` between two is reported and counts as a comma."""
        paths = [self.expression()]
        while self.at(",") or self.at("|"):
            between = self.token_span(self.i)
            if self.kinds[self.i] == "|":
                mend = Mend(between, ",", "change to `,`")
                self.report(
                    EXPECTED,
                    between,
                    "expected `,` between two paths, but found `|`",
                    "write a `,`",
                    mend=mend,
                )
            self.i += 1
            if self.at_declaration():
                mend = Mend(between, "", "remove the `,`")
                self.report(LONELY_SEPARATOR, between, "no path follows this `,`", "remove it", mend=mend)
                break
            paths.append(self.expression())
        return paths

    # States ---------------------------------------------------------------------------------------

    def _state(self) -> tree.State:
        start = self.i
        kind = self.texts[start]
        self.i += 1
        if kind == "initial" and self.at_word("final"):
            self.miss("`state` after `initial`", "a run cannot start where it ends")
            kind = "final"
            self.i += 1
        if kind != "state":
            self.take_word("state", f"`state` after `{kind}`")
        if kind == "final" and self.texts[self.i] in words.texts("outcome") and self.kinds[self.i + 1] != "(":
            raise self.miss("the state's name")
        name = self.name("the state's name")
        node = tree.State(
            "initial" if kind == "initial" else "final" if kind == "final" else "plain",
            name, self.fields(), [], None, None, (0, 0), (0, 0),
        )  # fmt: skip
        if kind == "final":
            node.outcome = self._outcome(name)
        if self.kinds[self.i] == "->":
            arrow = self.i
            self.i += 1
            node.targets = self.names("a state")
            if kind == "final":
                self._report_final(arrow, name, "goes nowhere")
        node.header_span = self.span_from(start)
        if self.kinds[self.i] == "{" or (kind != "final" and node.targets and self._body_follows()):
            if kind == "final":
                self._report_final(self.i, name, "has no body")
            node.body = self._state_body()
        elif kind != "final" and self.at(t.NAME):
            word = self.texts[self.i]
            mend = self.after_last(" ->") if word[:1].isupper() else None
            raise self.miss("`->` or `{`", _advice_for_header(word), mend=mend)
        node.span = self.span_from(start)
        return node

    def _outcome(self, name: Name) -> Name | None:
        if self.at(":"):
            span = self.token_span(self.i)
            message = f"expected the outcome of `{name.text}`, but found `:`"
            mend = Mend(span, "", "remove the `:`")
            self.report(NO_OUTCOME, span, message, "write the outcome without `:`", mend=mend)
            self.i += 1
            if not self.at(t.NAME):
                return None
        if self.at(t.NAME):
            outcome = self.name("an outcome")
            if outcome.text in words.texts("outcome"):
                return outcome
            span, found_text = outcome.span, f"found `{outcome.text}`"
            near = meant_outcome(outcome.text) or nearest(outcome.text, words.texts("outcome"))
        else:
            span, found_text, near = self.here(), self.next_token_text(), None
        self.report(
            NO_OUTCOME,
            span,
            f"expected the outcome of `{name.text}`, but {found_text}",
            meant(near, "a final state is a `success`, a `failure` or `cancelled`"),
            mend=Mend(span, near, f"change to `{near}`") if near else None,
        )
        return None

    def _report_final(self, i: int, name: Name, what: str) -> None:
        self.report(
            FINAL_WITH_BODY,
            self.token_span(i),
            f"the final state `{name.text}` {what}: a run ends there",
            "remove `final` and the outcome, or end the declaration here",
        )

    def _body_follows(self) -> bool:
        """Say whether a line starts here that can only belong to the body of a state."""
        i = self.i
        return self.newlines[i] == t.NEWLINE and self._starts_line(i) and self.kinds[i + 1] != "("

    def _state_body(self) -> list[tree.Statement | tree.Handler]:
        self.enter()
        opening = self.open_brace("`{` and the body")
        base = self.depths[opening] + 1
        children = 0

        def read() -> tree.Statement | tree.Handler:
            nonlocal children
            if self.at_handler():
                return self.handler()
            if self.at_child():
                children += 1
                return self.skip_child(base, quiet=children > 1)
            return self.statement()

        body = self.lines(opening, read, "statements and handlers")
        self.depth -= 1
        return list(body)

    def _phase(self) -> tree.Phase:
        start = self.i
        self.enter()
        self.i += 1
        name = self.name("the phase's name")
        opening = self.open_brace("`{` and the states of the phase")
        self.phases += 1
        outer, self.phase_column = self.phase_column, self.source.position(self.starts[start])[1]
        parts = self.lines(opening, self._phase_part, "states and handlers")
        self.phase_column = outer
        self.phases -= 1
        handlers: list[tree.Handler] = []
        states: list[tree.State] = []
        for part in parts:
            if isinstance(part, tree.State):
                (self.lifted if part.kind == "final" else states).append(part)
            elif isinstance(part, tree.Phase):
                handlers += part.handlers
                states += part.states
            elif not isinstance(part, tree.Unparsed):
                handlers.append(part)
        self.depth -= 1
        return tree.Phase(name, handlers, states, self.span_from(start))

    def _phase_part(self) -> tree.State | tree.Handler | tree.Phase | tree.Unparsed:
        start = self.i
        if self.at_handler():
            return self.handler()
        if self.at_child():
            return self.skip_child(self.depths[start], quiet=False)
        word = self.texts[start]
        if word in ("state", "initial", "final", "phase"):
            if word in ("final", "phase"):
                self.report(
                    MISPLACED_IN_PHASE,
                    self.token_span(start),
                    f"a {'final state' if word == 'final' else 'phase'} cannot stand in a phase",
                    "move it out, after the phase's `}`",
                )
            part = self._phase() if word == "phase" else self._state()
            part.doc, part.allows = self.doc_above(start), self.allows_above(start)
            return part
        if self.at_declaration():
            return self._misplaced_declaration(start, word)
        if self._starts_line(start):
            return self._statements_after_a_brace(start)
        raise self.miss(
            "a state or a handler", f"a phase holds {quoted(('state', *words.texts('handler')))}", kind=MISPLACED_IN_PHASE,
            new_line=True,
        )  # fmt: skip

    def _misplaced_declaration(self, start: int, word: str) -> tree.Unparsed:
        """Report a declaration that stands in a phase; read it as a declaration of the file."""
        article = "an" if word[0] in "aeiou" else "a"
        self.report(
            MISPLACED_IN_PHASE,
            self.token_span(start),
            f"{article} `{word}` cannot stand in a phase",
            "move it out, before the phase or after its `}`",
        )
        self.lifted.append(self.declaration())
        return tree.Unparsed(self.span_from(start))

    def _statements_after_a_brace(self, start: int) -> tree.Unparsed:
        """Skip statements between states: an extra `}` has closed the state above them."""
        self.miss(
            "a state or a handler", "look above for a `}` too many", kind=MISPLACED_IN_PHASE, new_line=True
        )
        if self.forgotten_braces == FORGOTTEN_MAX:
            raise ParserStuck
        findings = len(self.findings)
        self._deepen(start)
        self.lines(start - 1, self.statement, "statements")
        del self.findings[findings:]
        return self.unparsed(start)

    def _declaration_ends_block(self) -> bool:
        if not self.at_declaration():
            return False
        if not self.phases or self.depth != self.phases:
            return True  # In a state, a state or declaration shows a missing `}`.
        # A phase can contain states. Any other declaration is misplaced if no `}` is missing.
        return self._phase_is_over() if self.texts[self.i] in _PHASE_WORDS else self._lacks_a_brace()

    def _lacks_a_brace(self) -> bool:
        return self.depths[-1] > self.lost_braces

    def _phase_is_over(self) -> bool:
        """Say whether a `}` is missing and the indent of this state shows the end of the phase."""
        if not self._lacks_a_brace():
            return False
        column = self.source.position(self.starts[self.i])[1]
        return column <= self.phase_column

    # A word of a later version --------------------------------------------------------------------

    def _upgrade(self) -> tree.Unparsed:
        start = self.i
        self.report(
            LATER_VERSION,
            self.token_span(start),
            "this version of Opord does not have `upgrade`",
            "runs stay with the version they were started with; give the new contract a new `version`",
        )
        self._skip_to_declaration(start)
        return tree.Unparsed(self.span_from(start))


_PHASE_WORDS = frozenset({"state", "initial", "final", "phase"})


def _advice_for_header(word: str) -> str:
    if word in words.texts("outcome"):
        return "only a `final state` has an outcome"
    return "the states it can go to follow `->`, with `|` between them"
