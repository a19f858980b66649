"""Parse the declarations of calls with their policies, and `ensure` lines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from opord.language import words
from opord.language.diagnostics.model import code
from opord.language.diagnostics.suppressors import LostPlace
from opord.language.diagnostics.wording import meant, quoted
from opord.language.syntax import tokens as t
from opord.language.syntax import tree
from opord.language.syntax.cursor import Mend
from opord.language.syntax.foreign import meant_doubt, policy_advice
from opord.language.syntax.parse_clauses import MISPLACED_POLICY, ClauseParser
from opord.language.syntax.tree import Name

UNKNOWN_POLICY = code(
    "OP032", rule="syntax", title="a policy that does not exist", suppressed_by=(LostPlace(),)
)
SHARED_OWN_KEY = code("OP042", rule="syntax", title="`shared because` behind a key that no two runs share")
UNKNOWN_PROMISE = code("OP037", rule="syntax", title="an `ensure` line of no known form")

_INT_DIGITS_MAX = 18


class PolicyParser(ClauseParser, ABC):
    """Parse `pure`, `effect` and `action` with their policies, and promises."""

    i: int

    phases = 0  # number of phases that are open at the present token

    @abstractmethod
    def field(self) -> tree.Field:
        """Read `name: T [= default]`."""

    # Calls ----------------------------------------------------------------------------------------

    def _call_declaration(self) -> tree.CallDeclaration:
        start = self.i
        word = self.texts[start]
        kind: Literal["pure", "effect", "action"] = (
            "pure" if word == "pure" else "effect" if word == "effect" else "action"
        )
        self.i += 1
        name = self.name(f"the {kind}'s name")
        if not self.at("("):
            raise self.miss("`(` and the parameters", f"write `{kind} {name.text}()` where there are none")
        parameters = self.parenthesised(self.field, "the type")
        result: tree.TypeNode | None = None
        if self.kinds[self.i] == "->":
            self.i += 1
            result = self.type()
        elif kind == "pure":
            self.miss("`->` and the type of the result", "a pure function is there for its result")
            result = self.unparsed(self.i)
        node = tree.CallDeclaration(kind, name, parameters, result, [], None, None, None, [], (0, 0))
        self.call_clauses(node)
        if self.brace_opens():
            self._policies(node)
        node.span = self.span_from(start)
        return node

    def _policies(self, node: tree.CallDeclaration) -> None:
        opening = self.i
        self.i += 1
        if node.kind == "pure" and not self._at_policy():
            self._body_of_pure(opening, node)
            return
        seen: set[str] = set()

        def read() -> tree.Policy:
            i = self.i
            if (misplaced := self.transaction_in_braces(node, opening)) is not None:
                raise misplaced
            word = "in doubt" if self.kinds[i] == "in" else self.texts[i]
            policy = self._policy(word)
            if not any(word == each.text and node.kind in each.of for each in words.at("policy")):
                self.misplaced(self._word_span(i), word, node)
            elif word in seen:
                self.given_twice(self._word_span(i), word)
            seen.add(word)
            return policy

        node.policies = self.items(opening, read, "the policy")

    def _word_span(self, i: int) -> tree.Span:
        """Return the span of the word of the policy at token `i`; `in doubt` has two tokens."""
        return (self.starts[i], self.ends[i + 1] if self.kinds[i] == "in" else self.ends[i])

    def _at_policy(self) -> bool:
        return self.kinds[self.i] in ("}", "in") or self.texts[self.i] in words.texts("policy")

    def _body_of_pure(self, opening: int, node: tree.CallDeclaration) -> None:
        """Report that a pure function has a body, and skip it."""
        self.report(
            MISPLACED_POLICY,
            self.token_span(opening),
            f"`{node.name.text}` is computed in Python, and has no body here",
            "leave the braces out; the handler of the same name computes it",
        )
        while self.kinds[self.i] != t.END and self.depths[self.i] > self.depths[opening]:
            self.i += 1
        if self.kinds[self.i] == "}":
            self.i += 1
        self.skipped.append(self.span_from(opening))

    def _sign_after_policy(self, word: str) -> None:
        """Refuse a sign between a policy and its value.

        Raises:
            ParserStuck: there is one.
        """
        i = self.i + 1
        if self.kinds[i] in ("=", ":") and not self.newlines[i]:
            self.i = i
            sign = self.texts[i]
            raise self.miss(
                f"the value of `{word}`",
                f"write `{word} …`, without the `{sign}`",
                mend=Mend((self.ends[i - 1], self.ends[i]), "", f"remove the `{sign}`"),
            )

    def _policy(self, word: str) -> tree.Policy:
        start = self.i
        if word in ("retry", "timeout", "key"):
            self._sign_after_policy(word)
        match word:
            case "retry":
                return self._retry(start)
            case "timeout":
                self.i += 1
                return tree.TimeoutPolicy(self.duration(), self.span_from(start))
            case "key":
                return self._key(start)
            case "repeatable":
                self.i += 1
                return tree.RepeatablePolicy(self.token_span(start))
            case "in doubt":
                return self._in_doubt(start)
            case _:  # open: a word of the contract's text
                pass
        policies = words.texts("policy")
        near = self.near_word(policies)
        raise self.miss(
            "a policy",
            policy_advice(word) or meant(near, f"the policies are {quoted(policies)}"),
            kind=UNKNOWN_POLICY,
            new_line=True,
            mend=self.word(near),
        )

    def duration(self) -> tree.DurationLiteral:
        """Read a duration literal."""
        i = self.i
        if self.at(t.INT):
            self.i += 1
            spelt = self._spelt_duration()
            self.i = i
            if spelt is not None:
                raise self.miss("a duration", spelt[0], mend=spelt[1])
            raise self.miss("a duration", f"say the unit: `{self.texts[i]}s`")
        if not (self.at(t.DURATION) or self.at(t.BAD)):
            raise self.miss("a duration", "durations are written `250ms`, `10s`, `5m`, `48h`, `7d`, `1h30m`")
        literal = self._literal(i, self.kinds[i])
        if isinstance(literal, tree.DurationLiteral):
            return literal
        return tree.DurationLiteral(0, literal.span)

    def _retry(self, start: int) -> tree.RetryPolicy:
        self.i += 1
        number = self.take(t.INT, "how many times", "write `retry 3 times`")
        times = int(self.texts[number].replace("_", "")[:_INT_DIGITS_MAX])
        if not self.at_word("times"):
            raise self.miss("`times`", f"write `retry {times} times`")
        self.i += 1
        backoff_min = backoff_max = None
        if self.at_word("backoff"):
            self.i += 1
            backoff_min = self.duration()
            self.take_word("to", "`to` and the longest delay")
            backoff_max = self.duration()
        return tree.RetryPolicy(
            times, self.token_span(number), backoff_min, backoff_max, self.span_from(start)
        )

    def _key(self, start: int) -> tree.KeyPolicy:
        self.i += 1
        value = window = shared = None
        ended = self.newlines[self.i] == t.NEWLINE or self.kinds[self.i] in (",", "}", t.END)
        # A parameter may be called `shared`.
        at_clause = self.at_word("for") or (self.at_word("shared") and self.texts[self.i + 1] == "because")
        if not ended and not at_clause:
            value = self.expression()
        if self.at_word("for"):
            self.i += 1
            window = self.duration()
        if self.at_word("shared"):
            shared = self.reason("shared", "why two runs mean the same effect by this key")
            if value is None:
                self._report_shared_own_key(shared)
        return tree.KeyPolicy(value, window, shared, self.span_from(start))

    def _report_shared_own_key(self, shared: tree.Reason) -> None:
        self.report(
            SHARED_OWN_KEY,
            shared.span,
            "this key is the run's own, and no two runs have the same",
            "remove `shared because`, or write the key that the runs share: `key <expression>`",
        )

    def _in_doubt(self, start: int) -> tree.InDoubtPolicy:
        self.i += 1
        self.take_word("doubt", "`doubt` after `in`", "write for example `in doubt ask`")
        i = self.i
        word = self.name("what to do in doubt")
        check = delay = None
        match word.text:
            case "repeat" | "skip" | "report" as choice:
                return tree.InDoubtPolicy(choice, None, None, self.span_from(start))
            case "check":
                check = self._check_call()
                if self.at_word("after"):
                    self.i += 1
                    delay = self.duration()
                return tree.InDoubtPolicy("check", check, delay, self.span_from(start))
            case "ask":
                if self.at_word("within"):
                    self.i += 1
                    delay = self.duration()
                return tree.InDoubtPolicy("ask", None, delay, self.span_from(start))
            case _:  # open: a word of the contract's text
                pass
        self.i = i
        choices = words.texts("doubt")
        near = meant_doubt(word.text) or self.near_word(choices)
        raise self.miss(
            quoted(choices, "or"),
            meant(near),
            kind=UNKNOWN_POLICY,
            mend=self.word(near),
        )

    def _check_call(self) -> tree.CheckCall:
        start = self.i
        name = self.name("an effect after `check`")
        if not self.at("("):
            raise self.miss("`(` and the arguments", f"write `check {name.text}()` where there are none")
        arguments, _ = self.arguments()
        return tree.CheckCall(name, arguments, self.span_from(start))

    # Promises -------------------------------------------------------------------------------------

    def ensure(self) -> tree.Ensure:
        """Read `ensure` and a promise."""
        start = self.i
        self.i += 1
        claim = self._claim()
        return tree.Ensure(claim, self.span_from(start))

    def _claim(self) -> tree.Claim:
        word = self.texts[self.i] if self.at(t.NAME) else ""
        following = self.texts[self.i + 1]
        if word == "every" and following == "run":
            return self._every_run_ends()
        if word == "no" and following == "wait":
            return self._no_wait_is_endless()
        # A state or call may have one of these names: then `at`, `only` or `or` comes next.
        if word == "never" and following not in ("at", "only", "or"):
            self.i += 1
            subjects = self._subjects()
            self._claim_word("after")
            return tree.NeverAfter(subjects, self._subjects())
        if word == "after" and following not in ("at", "only", "or"):
            self.i += 1
            after = self._subjects()
            self._claim_word("eventually")
            return tree.Eventually(after, self._subjects())
        subjects = self._subjects()
        if self.at_word("at"):
            self.i += 1
            self._claim_word("most")
            self._claim_word("once")
            return tree.AtMostOnce(subjects)
        if self.at_word("only"):
            self.i += 1
            self._claim_word("after")
            return tree.OnlyAfter(subjects, self._subjects())
        raise self.miss(quoted(words.texts("claim"), "or"), _forms_of_promises(), kind=UNKNOWN_PROMISE)

    def _every_run_ends(self) -> tree.EveryRunEnds:
        self.i += 2
        self._claim_word("ends")
        within = None
        if self.at_word("within"):
            self.i += 1
            within = self.duration()
        return tree.EveryRunEnds(within)

    def _no_wait_is_endless(self) -> tree.NoWaitIsEndless:
        self.i += 2
        self._claim_word("is")
        self._claim_word("endless")
        return tree.NoWaitIsEndless()

    def _claim_word(self, word: str) -> None:
        if not self.at_word(word):
            near = self.near_word((word,))
            help_text = meant(near, _forms_of_promises())
            raise self.miss(f"`{word}`", help_text, kind=UNKNOWN_PROMISE, mend=self.word(near))
        self.i += 1

    def _subjects(self) -> list[Name]:
        # After a forgotten name comes the `or` or the end of the line.
        subjects: list[Name] = []
        while True:
            if self.kinds[self.i] in t.RESERVED:
                raise self.miss("a state, an action or an effect")
            subjects.append(self.name("a state, an action or an effect"))
            if not self.at("or"):
                return subjects
            self.i += 1


def _forms_of_promises() -> str:
    forms = dict.fromkeys(form for word in words.at("claim", "promise") for form in word.forms)
    return f"the forms are {quoted(forms)}"
