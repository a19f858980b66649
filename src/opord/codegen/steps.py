"""Write bodies of states and handlers as generator functions that read like the contract."""

from __future__ import annotations

import builtins
import keyword
from datetime import timedelta
from decimal import Decimal
from typing import Final, assert_never

from opord import contract as ir
from opord.codegen.expressions import Expressions
from opord.codegen.layout import lay_out, quoted
from opord.codegen.names import calls, is_plain_enum
from opord.statements import nodes

_RESERVED: Final = frozenset(
    {
        *dir(builtins),
        *keyword.kwlist,
        *("absolute", "add", "args", "bind", "call_key", "count", "date", "datetime", "div", "entry"),
        *(
            "failure",
            "field",
            "floor_div",
            "frame",
            "greatest",
            "item",
            "least",
            "mod",
            "mul",
            "neg",
            "never",
        ),
        *(
            "replace",
            "round_to",
            "round_to_int",
            "state",
            "sub",
            "subject",
            "text",
            "timedelta",
            "to_decimal",
        ),
        *("to_float", "to_int", "unreachable", "variant"),
    }
)
"""Names that generated functions use themselves.

A binding with such a name gets a `_` at its end.
"""

Scope = dict[str, str]


class StepWriter:
    """Writes the statements of one function."""

    def __init__(self, expressions: Expressions) -> None:
        self._all = expressions
        self._use = expressions.imports.use
        self._contract = expressions.names.contract
        self._taken: set[str] = set()
        self.lines: list[str] = []

    def bind(self, name: str, scope: Scope) -> str:
        """Bind a name of the contract in `scope`.

        Each binding of a function gets its own Python name.
        """
        form = name
        if form in _RESERVED:
            form += "_"
        number = 2
        base = form
        while form in self._taken:
            form, number = f"{base}_{number}", number + 1
        self._taken.add(form)
        scope[name] = form
        return form

    def add(self, code: str, depth: int, place: ir.Place | None = None) -> None:
        """Add one line of code, with its place in the contract as a comment."""
        comment = (
            "" if place is None or not place.line else f"{self._all.names.file(place.file)}:{place.line}"
        )
        self.lines += lay_out(code, depth, comment)

    def block(self, block: ir.Block, scope: Scope, depth: int) -> None:
        """Write statements in their own scope."""
        inner = dict(scope)
        if not block:
            self.add("pass", depth)
        for statement in block:
            self._statement(statement, inner, depth)

    def _statement(self, statement: ir.Statement, scope: Scope, depth: int) -> None:
        match statement:
            case ir.Let():
                self._let(statement, scope, depth)
            case ir.Call():
                self._call(statement, scope, depth)
            case ir.If():
                self._if(statement, scope, depth)
            case ir.Goto():
                self._goto(statement, scope, depth)
            case ir.Match(ir.CallSite() as site, arms):
                self._match_call(site, arms, scope, depth)
            case ir.Match():
                self._match(statement, scope, depth)
            case _:
                assert_never(statement)

    def _let(self, let: ir.Let, scope: Scope, depth: int) -> None:
        value = self._all.write(let.value, scope)
        if isinstance(let.value, ir.PureCall):
            value = value[1:-1]  # a `yield` alone on its side of `=` needs no parentheses
        name = self.bind(let.name, scope)
        if isinstance(let.value, (ir.PureCall, ir.MakeList, ir.Conditional, ir.Constant)) or "yield" in value:
            name = f"{name}: {self._all.annotation(let.value.type)}"
        self.add(f"{name} = {value}", depth, let.place)

    def _goto(self, goto: ir.Goto, scope: Scope, depth: int) -> None:
        names = self._all.names
        attributes = names.fields_by_state[goto.state]
        args = ", ".join(f"{attributes[name]}={self._all.write(value, scope)}" for name, value in goto.args)
        target = f"{names.state(goto.state)}({args})"
        self.add(f"return {self._use('Goto')}({quoted(goto.state)}, {target})", depth, goto.place)

    def _if(self, statement: ir.If, scope: Scope, depth: int, word: str = "if") -> None:
        condition = self._all.write(statement.condition, scope)
        self.add(f"{word} {condition}:", depth, _nearer(statement.condition.place, statement.place))
        self.block(statement.then, scope, depth + 1)
        otherwise = statement.otherwise
        if otherwise is None:
            return
        if len(otherwise) == 1 and isinstance(otherwise[0], ir.If):
            self._if(otherwise[0], dict(scope), depth, "elif")
            return
        self.add("else:", depth)
        self.block(otherwise, scope, depth + 1)

    # --- Calls ---

    def _yield_request(
        self, site: ir.CallSite, name: str | None, type_: ir.Type, scope: Scope, depth: int
    ) -> None:
        request = self._request(site)
        line = f"yield {request}({quoted(site.name)}, {self._all.arguments(site.args, scope)})"
        if name is not None:
            line = f"{self.bind(name, scope)}: {self._all.annotation(type_)} = {line}"
        self.add(line, depth, site.place)

    def _request(self, site: ir.CallSite) -> str:
        match site.verb:
            case "perform":
                return self._use("Perform")
            case "commit":
                return self._use("Commit")
            case _:
                assert_never(site.verb)

    def _call(self, call: ir.Call, scope: Scope, depth: int) -> None:
        if not call.arms:
            self._yield_request(call.site, call.name, call.type, scope, depth)
            return
        outside = dict(scope)
        self.add("try:", depth)
        self._yield_request(call.site, call.name, call.type, scope, depth + 1)
        for arm in call.arms:
            self._except(call.site, arm, outside, depth)

    def _match_call(self, site: ir.CallSite, arms: tuple[ir.Arm, ...], scope: Scope, depth: int) -> None:
        ok = next((arm for arm in arms if isinstance(arm.pattern, ir.OkPattern)), None)
        others = [arm for arm in arms if arm is not ok]
        inner = dict(scope)
        pattern = ok.pattern if ok is not None else None
        name, type_ = (
            (pattern.name, pattern.type) if isinstance(pattern, ir.OkPattern) else (None, ir.Nothing())
        )
        if not others:
            self._yield_request(site, name, type_, inner, depth)
            self.block(ok.body if ok is not None else (), inner, depth)
            return
        self.add("try:", depth)
        self._yield_request(site, name, type_, inner, depth + 1)
        for arm in others:
            self._except(site, arm, scope, depth)
        if ok is not None and ok.body:
            self.add("else:", depth)
            self.block(ok.body, inner, depth + 1)

    def _except(self, site: ir.CallSite, arm: ir.Arm, scope: Scope, depth: int) -> None:
        inner = dict(scope)
        bound: list[tuple[str, str]] = []
        match arm.pattern:
            case ir.VariantPattern(variants, names):
                caught = [self._all.variant(reference) for reference in variants]
                forms = self._all.names.variant_fields(self._all.fields_of(variants[0]))
                bound = [(forms[field], name) for field, name in names if name is not None]
                alias = "failure" if bound else None
            case ir.ElsePattern(name):
                caught = self._all_failures(site)
                alias = self.bind(name, inner) if name is not None else None
            case ir.OkPattern() | ir.SomePattern() | ir.NonePattern() | ir.ConstantPattern():
                raise AssertionError(f"{arm.pattern} is no failure of a call")
            case _:
                assert_never(arm.pattern)
        classes = caught[0] if len(caught) == 1 else f"({', '.join(caught)})"
        self.add(f"except {classes}{f' as {alias}' if alias else ''}:", depth)
        for attribute, name in bound:
            self.add(f"{self.bind(name, inner)} = failure.{attribute}", depth + 1)
        if arm.body or not bound:
            self.block(arm.body, inner, depth + 1)

    def _all_failures(self, site: ir.CallSite) -> list[str]:
        """Return what `else` catches: the declared failures and `TimedOut`, never `InDoubt`."""
        for call in calls(self._contract):
            if call.name == site.name and not isinstance(call, ir.Pure):
                failures = [self._all.names.types[name] for name in call.fails]
                timed = isinstance(call, ir.Effect) and call.timeout is not None
                return failures + ([self._use("TimedOut")] if timed or not failures else [])
        raise KeyError(site.name)

    # --- Matches over values ---

    def _match(self, match: ir.Match, scope: Scope, depth: int) -> None:
        assert not isinstance(match.subject, ir.CallSite)
        subject = self._all.write(match.subject, scope)
        values = [
            value
            for arm in match.arms
            if isinstance(arm.pattern, ir.ConstantPattern)
            for value in arm.pattern.values
        ]
        if any(isinstance(value, (Decimal, timedelta)) for value in values):
            self._compare(match, subject, scope, depth)
            return
        self.add(f"match {subject}:", depth, _nearer(match.subject.place, match.place))
        for arm, pattern in _none_first(match.arms):
            inner = dict(scope)
            self.add(f"case {self._pattern(pattern, inner)}:", depth + 1)
            self.block(arm.body, inner, depth + 2)
        if self._is_open(match):
            self.add("case never:", depth + 1)
            self.add(f"{self._use('unreachable')}(never)", depth + 2)

    def _is_open(self, over: ir.Match) -> bool:
        """Say whether a type checker cannot see that the arms cover every value."""
        if any(isinstance(arm.pattern, ir.ElsePattern) for arm in over.arms):
            return False
        assert not isinstance(over.subject, ir.CallSite)
        type_ = over.subject.type
        match type_:
            case ir.Named(name):
                return not is_plain_enum(self._all.unions[name])
            case ir.ProblemOf():
                return True
            case ir.Primitive() | ir.OptionalOf() | ir.ListOf() | ir.MapOf() | ir.SecretOf():
                return False
            case ir.RunInfo() | ir.Nothing() | ir.Unknown():
                raise AssertionError(f"no match is over {type_}")
            case _:
                assert_never(type_)

    def _pattern(self, pattern: ir.Pattern, scope: Scope) -> str:
        match pattern:
            case ir.NonePattern():
                return "None"
            case ir.SomePattern(name) | ir.ElsePattern(name):
                return self.bind(name, scope) if name is not None else "_"
            case ir.ConstantPattern(values):
                return " | ".join(
                    quoted(value) if isinstance(value, str) else repr(value) for value in values
                )
            case ir.VariantPattern(variants, names):
                return " | ".join(self._variant_pattern(one, names, scope) for one in variants)
            case ir.OkPattern():
                raise AssertionError("`ok` belongs to calls")
            case _:
                assert_never(pattern)

    def _variant_pattern(
        self, reference: ir.VariantRef, names: tuple[tuple[str, str | None], ...], scope: Scope
    ) -> str:
        written = self._all.variant(reference)
        if reference.type and is_plain_enum(self._all.unions[reference.type]):
            return written
        forms = self._all.names.variant_fields(self._all.fields_of(reference))
        bound = [f"{forms[field]}={self.bind(name, scope)}" for field, name in names if name is not None]
        return f"{written}({', '.join(bound)})"

    def _compare(self, match: ir.Match, subject: str, scope: Scope, depth: int) -> None:
        """Write a match over decimals or durations as comparisons.

        Python has no patterns for them.
        """
        assert not isinstance(match.subject, ir.CallSite)
        self.add(f"subject = {subject}", depth, _nearer(match.subject.place, match.place))
        word = "if"
        for arm in match.arms:
            inner = dict(scope)
            if isinstance(arm.pattern, ir.ConstantPattern):
                type_ = match.subject.type
                tests = [
                    f"subject == {self._all.write(ir.Constant(value, type_))}" for value in arm.pattern.values
                ]
                self.add(f"{word} {' or '.join(tests)}:", depth)
                word = "elif"
                self.block(arm.body, inner, depth + 1)
                continue
            assert isinstance(arm.pattern, ir.ElsePattern)
            self.add("else:" if word == "elif" else "if True:", depth)
            if arm.pattern.name is not None:
                self.add(f"{self.bind(arm.pattern.name, inner)} = subject", depth + 1)
            self.block(arm.body, inner, depth + 1)


def _none_first(arms: tuple[ir.Arm, ...]) -> list[tuple[ir.Arm, ir.Pattern]]:
    """Order the arms of an optional: in Python, `some x` matches what remains after `none`."""
    if not any(isinstance(arm.pattern, ir.SomePattern) for arm in arms):
        return [(arm, arm.pattern) for arm in arms]
    some = [(arm, arm.pattern) for arm in arms if isinstance(arm.pattern, ir.SomePattern)]
    none: list[tuple[ir.Arm, ir.Pattern]] = [
        (arm, ir.NonePattern()) for arm in arms if not isinstance(arm.pattern, ir.SomePattern)
    ]
    return [*none, *some]


def _nearer(first: ir.Place, second: ir.Place) -> ir.Place:
    return first if first.line else second


def contains_call(block: ir.Block) -> bool:
    """Say whether a body calls anything, a `pure` included, and so needs a worker."""
    return any(_is_call(node) for node in nodes(block))


def _is_call(node: object) -> bool:
    return isinstance(node, (ir.PureCall, ir.CallSite))
