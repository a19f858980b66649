"""From the syntax tree to the checked contract: names resolved, types known, conversions visible.

Lowering never stops at a mistake. It always yields a contract, as far as one can be made out, so that the
rules have their say about the rest; the findings of `name`, `type` and `secret` stand beside it. One mistake
is one finding, so the contract marks what a finding speaks of already:

- an expression of type `Unknown` fits everywhere; a `Hole` is one that could not be understood at all, and a
  `MakeList` of type `Unknown` keeps the parts of one that makes no sense as a whole;
- a statement that could not be read is a `Let` without name whose value is a `Hole`: nobody knows where the
  path goes from there;
- an unknown state or call keeps its name, or has that of the near one that was surely meant;
- a variant that cannot be known has the type `?`, which no type is called.

In a contract without errors none of these occur.
"""

from __future__ import annotations

# Importing these fills the table of `dispatch`.
from opord.language.lowering import callees, expressions, literals, operators
from opord.language.lowering.assembly import is_types_file, lower_contract, lower_types_of
from opord.language.lowering.context import Lowering

__all__ = [
    "Lowering",
    "builtins",
    "context",
    "is_types_file",
    "lower_contract",
    "lower_types_of",
    "recorder",
    "scope",
    "symbols",
    "used_files",
]

_FILLED = (callees, expressions, literals, operators)
