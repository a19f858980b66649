"""What the names of a file stand for, and what is known at one spot of it: for editors.

A `Recorder` handed to a `Lowering` is told of every name that is resolved. Each declaration is known by the
place of its name, so that a symbol of a used file is the same one wherever it is used. Without a recorder,
which is how contracts are checked, none of this is done.

A *marker* is a name that nothing is called. An editor puts it where the cursor is; what lowering knows when
it comes upon it (the names in scope, the type that is expected) ends up in `spot`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from opord.contract import Place, Type
from opord.language.lowering.scope import Binding, Scope
from opord.language.lowering.symbols import Fields, Subject, TypeSymbol
from opord.language.syntax import tree
from opord.language.syntax.source import Source
from opord.language.syntax.tree import Span


@dataclass(slots=True)
class Local:
    """A name that a body binds: by `let`, in a pattern, or from an event."""

    span: Span
    binding: Binding


@dataclass(slots=True)
class Rest:
    """One field that a `..` fills: with the variable of the same name."""

    span: Span
    name: str
    field: Place
    variable: tuple[Place, ...]


@dataclass(slots=True)
class Spot:
    """What lowering knows where the marker stands, as far as it came upon it.

    `names` are the variables in scope, `expected` the type of a value that belongs there. `part_of` is the type
    of what stands before a `.`; `owner` is the type whose variant or field is named. `taken` are the fields or
    parameters (`params`) that are given already, `subject` is what a pattern takes apart.
    """

    names: dict[str, Binding] = field(default_factory=dict)
    expected: Type | None = None
    part_of: Type | None = None
    owner: TypeSymbol | None = None
    params: Fields | None = None
    taken: set[str] = field(default_factory=set)
    subject: Subject | None = None
    pure_forbidden: bool = False


class Recorder:
    """Takes down what lowering finds out about names."""

    def __init__(self, marker: str = "") -> None:
        self.marker = marker
        self.spot: Spot | None = None
        self.references: list[tuple[Span, tuple[Place, ...]]] = []
        self.locals: list[Local] = []
        self.rests: list[Rest] = []
        self._source: Source | None = None

    def follow(self, source: Source) -> None:
        """Record for this file from now on."""
        self._source = source

    def refer(self, span: Span, *places: Place) -> None:
        """Take down that the name at `span` means what is declared at `places`. What is built in has no place."""
        known = tuple(place for place in places if place.line)
        if known:
            self.references.append((span, known))

    def bound(self, name: tree.Name, binding: Binding) -> None:
        """Take down that a body binds a name."""
        assert self._source is not None
        if self._source.slice(name.span) == name.text:
            self.locals.append(Local(name.span, binding))

    def variable(self, name: tree.Name, binding: Binding) -> None:
        """Take down the use of a variable; the one that a `..` makes is no name that stands there."""
        assert self._source is not None
        if self._source.slice(name.span) == name.text:
            self.refer(name.span, *self.places_of(binding))

    def rest(self, span: Span, name: str, field: Place, binding: Binding) -> None:
        """Take down that a `..` fills a field from a variable."""
        self.rests.append(Rest(span, name, field, self.places_of(binding)))

    def places_of(self, binding: Binding) -> tuple[Place, ...]:
        """Return where a variable is declared: a field that the states of a phase share, in each of them."""
        assert self._source is not None
        if binding.places:
            return binding.places
        return (self._source.place(binding.span),) if binding.span is not None else ()

    # --- The marker -----------------------------------------------------------------------------------

    def marked(
        self,
        scope: Scope | None = None,
        *,
        expected: Type | None = None,
        part_of: Type | None = None,
        owner: TypeSymbol | None = None,
        subject: Subject | None = None,
    ) -> None:
        """Keep what is known where the marker was met."""
        spot = self.spot = self.spot or Spot()
        if scope is not None:
            spot.names = dict(scope.names)
            spot.pure_forbidden = scope.pure_forbidden
        spot.expected = spot.expected or expected
        spot.part_of = spot.part_of or part_of
        spot.owner = spot.owner or owner
        spot.subject = spot.subject or subject

    def marked_among(self, scope: Scope, arguments: Sequence[tree.Argument], params: Fields) -> None:
        """Keep the parameters of a call, and which of them are given, if the marker stands among its arguments."""
        if not any(self._is_marker(each) for each in arguments):
            return
        names = list(params)
        self.marked(scope)
        assert self.spot is not None
        self.spot.params = params
        for position, each in enumerate(arguments):
            if not self._is_marker(each):
                by_place = names[position] if position < len(names) else ""
                self.spot.taken.add(each.name.text if each.name is not None else by_place)

    def _is_marker(self, argument: tree.Argument) -> bool:
        value = argument.value
        if argument.name is not None and argument.name.text == self.marker:
            return True
        return isinstance(value, tree.NameExpression) and value.name.text == self.marker
