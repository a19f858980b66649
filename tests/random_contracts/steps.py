"""The steps of a random contract: bodies whose every branch can be taken, with a blank at each `goto`.

Each condition is on something that was never asked before on the path: a pure's answer, an effect's
result, a parameter of the event. So every path through a step is one that a run can take.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

from tests.random_contracts.calls import Called


@dataclass
class Blank:
    """A `goto` that is still to be filled in; `counted`: the step knows a field `n`."""

    mark: str
    counted: bool


@dataclass(frozen=True)
class Scope:
    """What a path of a step knows: results and parameters it has not looked at, and whether it has committed."""

    counted: bool
    fresh: tuple[tuple[str, str], ...] = ()
    committed: bool = False
    ints: tuple[str, ...] = ()


@dataclass
class StepWriter:
    """Writes bodies; `blanks` collects their open `goto`s since it was last emptied."""

    rng: Random
    calls: list[Called]
    blanks: list[Blank] = field(default_factory=list)
    _count: int = 0

    def body(self, scope: Scope, depth: int) -> list[str]:
        """Write the statements of a step, which end in a `goto` on every path."""
        lines: list[str] = []
        for _ in range(self.rng.choice([0, 0, 1, 1, 2, 3]) if depth else self.rng.choice([0, 0, 0, 1])):
            written, scope = self._statement(scope, depth)
            lines += written
        return lines + self._end(scope, depth)

    def _place(self) -> int:
        self._count += 1
        return self._count

    def _blank(self, scope: Scope) -> str:
        """Leave the place of a `goto` open."""
        blank = Blank(f"<{self._place()}>", scope.counted)
        self.blanks.append(blank)
        return blank.mark

    def _callable(self, scope: Scope) -> list[Called]:
        return [] if scope.committed else self.calls

    def _call(self, called: Called, scope: Scope) -> str:
        if called.argument == "str":
            argument = "name"
        else:
            argument = "n" if scope.counted and self.rng.random() < 0.4 else str(self._place())
        return f"{called.kind} {called.name}({argument})"

    def _statement(self, scope: Scope, depth: int) -> tuple[list[str], Scope]:
        calls = self._callable(scope)
        if not calls:
            return [], scope
        called = self.rng.choice(calls)
        after = replace(scope, committed=called.kind == "commit")
        if depth and self.rng.random() < 0.2:
            lines = [f"if coin({self._place()}) {{", *_in(self._lone_call(called, scope, depth)), "}"]
            return lines, after
        if called.result and self.rng.random() < 0.8:
            name = f"x{self._place()}"
            head = f"let {name} = {self._call(called, scope)}"
            if called.result == "int":
                after = replace(after, ints=(*after.ints, name))
            else:
                after = replace(after, fresh=(*after.fresh, (name, called.result)))
            return self._with_else(head, called, scope, depth, leaves=True), after
        return self._lone_call(called, scope, depth), after

    def _lone_call(self, called: Called, scope: Scope, depth: int) -> list[str]:
        return self._with_else(self._call(called, scope), called, scope, depth, leaves=False)

    def _with_else(self, head: str, called: Called, scope: Scope, depth: int, *, leaves: bool) -> list[str]:
        if not called.failures:
            return [head]
        scope = replace(scope, committed=called.kind == "commit" or scope.committed)
        if "InDoubt" not in called.failures and self.rng.random() < 0.3:
            return [f"{head} else -> {self._blank(scope)}"]
        lines = [f"{head} else {{"]
        for pattern in self._patterns(called.failures):
            if not leaves and self.rng.random() < 0.25:
                lines.append(f"  {pattern} -> {{ let y{self._place()} = size }}")
            else:
                lines += _in(self._arm(pattern, scope, 0))
        return [*lines, "}"]

    def _patterns(self, variants: tuple[str, ...]) -> list[str]:
        """Cover every variant: alone, in groups, or by `else`, which never covers `InDoubt`."""
        left = [variant for variant in variants if variant != "InDoubt"]
        self.rng.shuffle(left)
        found = []
        while left:
            if self.rng.random() < 0.25:
                found.append("else")
                break
            group = [left.pop() for _ in range(self.rng.randint(1, len(left)))]
            plain = group != ["Refused"] or self.rng.random() < 0.5
            found.append(" | ".join(group) if plain else "Refused(reason)")
        if "InDoubt" in variants:
            found.insert(self.rng.randint(0, len(found)), "InDoubt")
        return found

    def _arm(self, pattern: str, scope: Scope, depth: int) -> list[str]:
        if depth == 0 and self.rng.random() < 0.8:
            return [f"{pattern} -> {self._blank(scope)}"]
        return [f"{pattern} -> {{", *_in(self.body(scope, 0 if depth == 0 else depth - 1)), "}"]

    def _end(self, scope: Scope, depth: int) -> list[str]:
        if scope.fresh and self.rng.random() < 0.85:
            return self._look_at(scope, depth)
        if depth == 0 or self.rng.random() < 0.35:
            return [self._blank(scope)]
        calls = self._callable(scope)
        way = self.rng.choice(["coin", "colour", "call", "call"] if calls else ["coin", "colour"])
        if way == "coin":
            return self._if(f"coin({self._place()})", scope, depth)
        if way == "colour":
            return self._match_colour(f"colour({self._place()})", scope, depth)
        return self._match_call(self.rng.choice(calls), scope, depth)

    def _look_at(self, scope: Scope, depth: int) -> list[str]:
        (name, type), rest = scope.fresh[-1], scope.fresh[:-1]
        scope = replace(scope, fresh=rest)
        if type == "bool":
            return self._if(name, scope, depth)
        if type == "Colour":
            return self._match_colour(name, scope, depth)
        if type.endswith("?"):
            arms = [*self._arm("some found", scope, depth), *self._arm("none", scope, depth)]
            return [f"match {name} {{", *_in(arms), "}"]
        return [self._blank(scope)]

    def _if(self, condition: str, scope: Scope, depth: int) -> list[str]:
        inner = max(depth - 1, 0)
        condition = f"not {condition}" if self.rng.random() < 0.2 else condition
        lines = [f"if {condition} {{", *_in(self.body(scope, inner))]
        if self.rng.random() < 0.5:
            return [*lines, "}", *self.body(scope, inner)]
        return [*lines, "} else {", *_in(self.body(scope, inner)), "}"]

    def _match_colour(self, subject: str, scope: Scope, depth: int) -> list[str]:
        patterns = self.rng.choice([["red", "green", "blue"], ["red | blue", "else"], ["green", "else"]])
        arms = [line for pattern in patterns for line in self._arm(pattern, scope, depth)]
        return [f"match {subject} {{", *_in(arms), "}"]

    def _match_call(self, called: Called, scope: Scope, depth: int) -> list[str]:
        head = f"match {self._call(called, scope)} {{"
        scope = replace(scope, committed=called.kind == "commit")
        got = scope
        ok = "ok"
        if called.result and self.rng.random() < 0.6:
            name = f"x{self._place()}"
            ok = f"ok {name}"
            got = replace(scope, fresh=(*scope.fresh, (name, called.result)))
        arms = [self._arm(ok, got, depth)]
        for pattern in self._patterns(called.failures):
            arms.append(self._arm(pattern, scope, 0))
        if arms and not any("else" in arm[0] for arm in arms):
            self.rng.shuffle(arms)
        return [head, *_in([line for arm in arms for line in arm]), "}"]


def _in(lines: list[str]) -> list[str]:
    """Indent."""
    return [f"  {line}" for line in lines]
