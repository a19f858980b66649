"""Names: which case they have, which one was meant, and what is in scope where."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Literal, TypeAlias

from opord.contract import Place, Type, VarOrigin
from opord.language.syntax.tree import Span

Case: TypeAlias = Literal["PascalCase", "snake_case", "either"]

_PASCAL = re.compile(r"[A-Z][A-Za-z0-9]*")
_SNAKE = re.compile(r"[a-z][a-z0-9_]*")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+")


def has_case(name: str, case: Case) -> bool:
    """Say whether a name is written as its kind is written."""
    if case == "PascalCase":
        return _PASCAL.fullmatch(name) is not None
    if case == "snake_case":
        return _SNAKE.fullmatch(name) is not None
    return _PASCAL.fullmatch(name) is not None or _SNAKE.fullmatch(name) is not None


def in_case(name: str, case: Case) -> str:
    """Write a name in another case: `order_line` as `OrderLine`, `orderId` as `order_id`. Empty if it has no words."""
    words = _WORD.findall(name)
    if case == "snake_case":
        return "_".join(word.lower() for word in words)
    return "".join(word[:1].upper() + (word[1:].lower() if word.isupper() else word[1:]) for word in words)


def meant(near: str | None, otherwise: str = "") -> str:
    """Word the help for a name that is not there: the near one, or else something other."""
    return f"did you mean `{near}`?" if near else otherwise


def listed(names: Iterable[str], word: str = "and", most: int = 6) -> str:
    """Write names as a list in a sentence: `a`, `b` and `c`; a long one ends with how many more there are."""
    known = names if isinstance(names, Collection) else list(names)
    quoted = [f"`{name}`" for name in islice(known, most)]
    if len(known) > most:
        return f"{', '.join(quoted)} and {len(known) - most} more"
    return (
        quoted[0]
        if len(quoted) == 1
        else f"{', '.join(quoted[:-1])} {word} {quoted[-1]}"
        if quoted
        else "none"
    )


class Binding:
    """What a name in scope stands for, and where it got its meaning. `is_let`: bound by a `let`.

    `places` are where an input, a parameter or a field is declared; the others have the `span` that binds them.
    """

    __slots__ = ("is_let", "name", "origin", "places", "span", "type")

    def __init__(
        self,
        name: str,
        origin: VarOrigin,
        type: Type,
        span: Span | None = None,
        *,
        is_let: bool = False,
        places: tuple[Place, ...] = (),
    ) -> None:
        self.name = name
        self.origin: VarOrigin = origin
        self.type = type
        self.span = span
        self.is_let = is_let
        self.places = places


class Scope:
    """The names that an expression can see, inner ones hiding outer ones.

    `where` names the kind of place ("a guard"); `pure_forbidden` says that no `pure` may be called in it.
    `elsewhere` has the words of the language that are not known here, with the reason.
    """

    __slots__ = ("_trail", "elsewhere", "names", "pure_forbidden", "where")

    def __init__(
        self,
        names: dict[str, Binding],
        *,
        where: str = "",
        pure_forbidden: bool = False,
        elsewhere: dict[str, str] | None = None,
    ) -> None:
        self.names = names
        self.where = where
        self.pure_forbidden = pure_forbidden
        self.elsewhere = elsewhere or {}
        self._trail: list[tuple[str, Binding | None]] = []

    def mark(self) -> int:
        """Return a mark for `reset`, which forgets all that was bound since."""
        return len(self._trail)

    def reset(self, mark: int) -> None:
        """Forget the names bound since `mark`."""
        trail = self._trail
        while len(trail) > mark:
            name, before = trail.pop()
            if before is None:
                del self.names[name]
            else:
                self.names[name] = before

    def bind(self, binding: Binding) -> None:
        """Give a name a meaning until `reset`."""
        self._trail.append((binding.name, self.names.get(binding.name)))
        self.names[binding.name] = binding

    def guarded(self, where: str) -> Scope:
        """Return the same names for a place where no `pure` may be called."""
        return Scope(self.names, where=where, pure_forbidden=True, elsewhere=self.elsewhere)
