"""A checked file with its text, its tree and its contract: the input of every fix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from opord.contract import Call, Contract, Place
from opord.language.diagnostics.model import Edit
from opord.language.flow.graph import Graph
from opord.language.flow.shared_keys import SharedKey, shared_keys
from opord.language.syntax import tree
from opord.language.syntax.source import Source
from opord.language.syntax.tree import Span
from opord.statements import Branching, branching


@dataclass
class CheckedFile:
    """One checked file. A walk over the tree is made only when its result is first needed."""

    source: Source
    file: tree.File
    contract: Contract

    @cached_property
    def graph(self) -> Graph:
        """The state graph of the contract."""
        return Graph(self.contract)

    @cached_property
    def shared_keys(self) -> dict[str, SharedKey]:
        """The keys that two runs can have, by action."""
        return {each.action.name: each for each in shared_keys(self.contract, self.graph)}

    @cached_property
    def nodes(self) -> list[object]:
        """Every node of the tree, parents first."""
        return [
            node
            for declared in self.file.declarations
            if not isinstance(declared, tree.Unparsed)
            for node in tree.walk(declared)
        ]

    @cached_property
    def names(self) -> dict[str, list[tree.Name]]:
        """Every name in the file, by its text."""
        names: dict[str, list[tree.Name]] = {}
        for node in self.nodes:
            if isinstance(node, tree.Name) and node.text:
                names.setdefault(node.text, []).append(node)
        return names

    @cached_property
    def states(self) -> dict[int, tree.State]:
        """The states, by the offset at which their names start."""
        return {state.name.span[0]: state for state in self.nodes if isinstance(state, tree.State)}

    @cached_property
    def calls(self) -> dict[int, tree.Match | tree.CallStatement]:
        """The statements with arms, by the offset at which their subjects start."""
        calls: dict[int, tree.Match | tree.CallStatement] = {}
        for node in self.nodes:
            if isinstance(node, tree.Match):
                calls[node.subject.span[0]] = node
            elif isinstance(node, tree.CallStatement):
                calls[node.call.span[0]] = node
        return calls

    @cached_property
    def statements(self) -> dict[tuple[int, int], Branching]:
        """The same statements of the contract, by the line and column of their subjects."""
        statements: dict[tuple[int, int], Branching] = {}
        for step in self.graph.steps:
            for each in branching(step.body):
                place = each.site.place if isinstance(each, Call) else each.subject.place
                statements.setdefault((place.line, place.column), each)
        return statements

    def start(self, place: Place) -> int:
        """The offset at which a place starts."""
        return self.source.offset(place.line, place.column)

    def edit(self, span: Span, text: str, title: str, *, safe: bool = True) -> Edit:
        """Make an edit that replaces the text of a span."""
        return Edit(self.source.place(span), text, title, safe)

    def state_around(self, offset: int) -> tree.State | None:
        """The state whose text contains an offset, or None."""
        return next((each for each in self.states.values() if each.span[0] <= offset < max(each.span)), None)

    def indent(self, offset: int) -> str:
        """The blanks at the start of the line that contains an offset."""
        line = self.source.line(self.source.position(offset)[0])
        return line[: len(line) - len(line.lstrip())]


def declared_names(nodes: list[object]) -> Iterator[tuple[str, tree.Name]]:
    """Yield the declared names, each with the case of its kind.

    The case is `PascalCase`, `snake_case` or `either`.
    """
    for node in nodes:
        match node:
            case (
                tree.Contract()
                | tree.RecordType()
                | tree.Enum()
                | tree.Failure()
                | tree.State()
                | tree.Phase()
            ):
                yield "PascalCase", node.name
            case tree.Variant():
                yield "either", node.name
            case tree.Event() | tree.CallDeclaration() | tree.Field() | tree.Let():
                yield "snake_case", node.name
            case tree.Role(names=names):
                for name in names:
                    yield "snake_case", name
            case tree.CallStatement(binding=tree.Name() as name):
                yield "snake_case", name
            case tree.OkPattern(binding=tree.Name() as name) | tree.SomePattern(binding=tree.Name() as name):
                yield "snake_case", name
            case tree.ElsePattern(binding=tree.Name() as name):
                yield "snake_case", name
            case tree.OnEvent(names=[*names]) | tree.VariantPattern(fields=[*names]):
                for name in names:
                    yield "snake_case", name
            case _:  # open: most nodes of the tree declare no name
                pass
