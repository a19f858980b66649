"""Record what the names of a file mean and what is known at one position, for editors.

A `Recorder` that is given to a `Lowering` receives every name that lowering looks up. The place
of its name identifies a declaration, so a symbol of a used file is the same symbol in every file. A
check without an editor has no recorder and does none of this.

A *marker* is a placeholder name that no declaration uses. An editor inserts it at the cursor. When
lowering reaches the marker, the recorder keeps the names in scope and the expected type in
`marker_facts`.
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
    """A name that a body binds: with `let`, in a pattern, or from an event."""

    span: Span
    binding: Binding


@dataclass(slots=True)
class Rest:
    """One field that a `..` fills from the variable with the same name."""

    span: Span
    name: str
    field: Place
    variable: tuple[Place, ...]


@dataclass(slots=True)
class MarkerFacts:
    """The facts about the position of the marker that lowering has found.

    `names` are the variables in scope. `expected` is the type of a value at this position.
    `part_of` is the type of the expression before a `.`. `owner` is the type whose variant or field
    is named. `taken` are the fields or parameters (`params`) that already have a value. `subject`
    is what a pattern matches.
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
    """Record the facts about names that lowering finds."""

    def __init__(self, marker: str = "") -> None:
        self.marker = marker
        self.marker_facts: MarkerFacts | None = None
        self.references: list[tuple[Span, tuple[Place, ...]]] = []
        self.locals: list[Local] = []
        self.rests: list[Rest] = []
        self._source: Source | None = None

    def follow(self, source: Source) -> None:
        """Record the names of this file from now on."""
        self._source = source

    def refer(self, span: Span, *places: Place) -> None:
        """Record that the name at `span` refers to the declarations at `places`.

        Built-in names have no place.
        """
        targets = tuple(place for place in places if place.line)
        if targets:
            self.references.append((span, targets))

    def bound(self, name: tree.Name, binding: Binding) -> None:
        """Record that a body binds a name."""
        assert self._source is not None
        if self._source.slice(name.span) == name.text:
            self.locals.append(Local(name.span, binding))

    def variable(self, name: tree.Name, binding: Binding) -> None:
        """Record the use of a variable.

        A variable from a `..` is ignored: its name is not in the text.
        """
        assert self._source is not None
        if self._source.slice(name.span) == name.text:
            self.refer(name.span, *self.places_of(binding))

    def rest(self, span: Span, name: str, field: Place, binding: Binding) -> None:
        """Record that a `..` fills a field from a variable."""
        self.rests.append(Rest(span, name, field, self.places_of(binding)))

    def places_of(self, binding: Binding) -> tuple[Place, ...]:
        """Return the places of a variable's declaration.

        A shared field of a phase has one in each state.
        """
        assert self._source is not None
        if binding.places:
            return binding.places
        return (self._source.place(binding.span),) if binding.span is not None else ()

    # --- The marker -------------------------------------------------------------------------------

    def marked(
        self,
        scope: Scope | None = None,
        *,
        expected: Type | None = None,
        part_of: Type | None = None,
        owner: TypeSymbol | None = None,
        subject: Subject | None = None,
    ) -> None:
        """Keep the facts about the position of the marker."""
        facts = self.marker_facts = self.marker_facts or MarkerFacts()
        if scope is not None:
            facts.names = dict(scope.names)
            facts.pure_forbidden = scope.pure_forbidden
        facts.expected = facts.expected or expected
        facts.part_of = facts.part_of or part_of
        facts.owner = facts.owner or owner
        facts.subject = facts.subject or subject

    def marked_among(self, scope: Scope, arguments: Sequence[tree.Argument], params: Fields) -> None:
        """If the marker is an argument, keep the call's parameters and which have a value."""
        if not any(self._is_marker(each) for each in arguments):
            return
        names = list(params)
        self.marked(scope)
        assert self.marker_facts is not None
        self.marker_facts.params = params
        for position, each in enumerate(arguments):
            if not self._is_marker(each):
                by_place = names[position] if position < len(names) else ""
                self.marker_facts.taken.add(each.name.text if each.name is not None else by_place)

    def _is_marker(self, argument: tree.Argument) -> bool:
        value = argument.value
        if argument.name is not None and argument.name.text == self.marker:
            return True
        return isinstance(value, tree.NameExpression) and value.name.text == self.marker
