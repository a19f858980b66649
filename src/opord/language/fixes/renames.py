"""Rename a name that is written in the wrong case, everywhere in the file."""

from __future__ import annotations

from collections.abc import Iterator

from opord.language.diagnostics.model import Diagnostic, Edit
from opord.language.fixes.checked_file import CheckedFile, declared_names
from opord.language.syntax import tokens as t
from opord.language.syntax.letter_case import LetterCase, has_case, in_case


def wrong_case(checked: CheckedFile, finding: Diagnostic) -> Iterator[Edit]:
    """Rename a declaration together with all its uses in the file.

    Other things with the same name in the same wrong case have the same mistake, and are renamed
    too. If the case is right for one of them, or if the right name is taken, a person has to
    choose.
    """
    at = checked.start(finding.place)
    declared = list(declared_names(checked.nodes))
    declaration = next(((case, name) for case, name in declared if name.span[0] == at), None)
    if declaration is None:
        return
    old = declaration[1].text
    case: LetterCase = "snake_case" if declaration[0] == "snake_case" else "PascalCase"
    new = in_case(old, case)
    kinds = {each for each, name in declared if name.text == old}
    taken = any(name.text == new for _, name in declared)
    if not has_case(new, case) or new in t.RESERVED or taken or kinds != {declaration[0]}:
        return
    # Other files may use the types of a file without a contract. They would need the same change.
    safe = bool(checked.contract.name)
    for name in checked.names[old]:
        yield checked.edit(name.span, new, f"call it `{new}`", safe=safe)
