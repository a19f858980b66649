"""What is in scope where: the names that an expression can see, and what each stands for."""

from __future__ import annotations

from opord.contract import Place, Type, VarOrigin
from opord.language.syntax.tree import Span


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
