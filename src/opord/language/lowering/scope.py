"""Define scopes: the names that an expression can use, and what each means."""

from __future__ import annotations

from opord.contract import Place, Type, VarOrigin
from opord.language.syntax.tree import Span


class Binding:
    """The meaning of a name in scope, and its origin. `is_let`: bound by a `let`.

    `places` are the declarations of an input, a parameter or a field. Other names have the `span`
    that binds them.
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
        self.name: str = name
        self.origin: VarOrigin = origin
        self.type: Type = type
        self.span: Span | None = span
        self.is_let: bool = is_let
        self.places: tuple[Place, ...] = places


class Scope:
    """The names that an expression can use; inner names hide outer names.

    `where` describes the kind of place in messages ("a guard"). `pure_forbidden` says that no
    `pure` may be called there. `elsewhere` has the names that are only known in other places, with
    the reason.
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
        self.names: dict[str, Binding] = names
        self.where: str = where
        self.pure_forbidden: bool = pure_forbidden
        self.elsewhere: dict[str, str] = elsewhere or {}
        self._trail: list[tuple[str, Binding | None]] = []

    def mark(self) -> int:
        """Return a mark for `reset`, which removes the names that are bound after it."""
        return len(self._trail)

    def reset(self, mark: int) -> None:
        """Remove the names that were bound after `mark`."""
        trail = self._trail
        while len(trail) > mark:
            name, before = trail.pop()
            if before is None:
                del self.names[name]
            else:
                self.names[name] = before

    def bind(self, binding: Binding) -> None:
        """Bind a name until `reset`."""
        self._trail.append((binding.name, self.names.get(binding.name)))
        self.names[binding.name] = binding

    def guarded(self, where: str) -> Scope:
        """Return a scope with the same names for a place in which no `pure` may be called."""
        return Scope(self.names, where=where, pure_forbidden=True, elsewhere=self.elsewhere)
