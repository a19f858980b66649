"""Parse types."""

from __future__ import annotations

from opord.language.syntax import tokens as t
from opord.language.syntax import tree
from opord.language.syntax.parse_lists import ListParser
from opord.language.syntax.tree import TypeNode


class TypeParser(ListParser):
    """Parse types."""

    i: int
    depth: int

    def type(self) -> TypeNode:
        """Read a type: `list[Line]`, `secret str?`."""
        start = self.i
        self.enter()
        node = self._type_core(start)
        while self.at("?") or self.at("??"):
            if self.kinds[self.i] == "??":
                raise self.miss("one `?`", "an optional is optional once")
            self.i += 1
            node = tree.OptionalType(node, self.span_from(start))
        self.depth -= 1
        return node

    def _type_core(self, start: int) -> TypeNode:
        if self.kinds[start] == "[":
            of = self.texts[start + 1] if self.kinds[start + 1] == t.NAME else "str"
            raise self.miss("a type", f"a list is written `list[{of}]`")
        name = self.name("a type", "write for example `str`, `int?`, `list[str]`, or the name of a `record`")
        following = self.kinds[self.i] if self.newlines[self.i] != t.NEWLINE else ""
        if name.text == "secret" and following == t.NAME:
            self.enter()
            inner = self._type_core(self.i)
            self.depth -= 1
            return tree.SecretType(inner, self.span_from(start))
        if name.text == "list" and following == "[":
            opening = self.take("[")
            element = self.type()
            self.close("]", opening, "the type of the items")
            return tree.ListType(element, self.span_from(start))
        if name.text == "map" and following == "[":
            opening = self.take("[")
            key = self.type()
            self.take(",", "`,` and the type of the values", "a map is written `map[str, int]`")
            value = self.type()
            self.close("]", opening, "the type of the values")
            return tree.MapType(key, value, self.span_from(start))
        if name.text in ("list", "map"):
            example = "list[str]" if name.text == "list" else "map[str, int]"
            raise self.miss(f"`[` after `{name.text}`", f"write for example `{example}`")
        return tree.NamedType(name, name.span)
