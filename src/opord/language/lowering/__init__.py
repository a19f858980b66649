"""Turn the syntax tree into the checked contract.

Names are looked up, types are found, and conversions become explicit.

Lowering never stops at a mistake. It always returns a contract, as complete as possible, so that
the rules can check the rest. The findings of `name`, `type` and `secret` are returned beside the
contract. One mistake gives one finding, so the contract marks the parts that have been reported:

- An expression of type `Unknown` fits everywhere. A `Hole` is an expression that could not be
  understood at all. A `MakeList` of type `Unknown` keeps the valid parts of an expression that is
  wrong as a whole.
- A statement that could not be read is a `Let` without a name whose value is a `Hole`. It is not
  known where the path continues from there.
- An unknown state or call keeps its name, or gets the similar name that was clearly meant.
- A variant that cannot be known has the type `?`. No declared type has this name.

In a contract without errors none of these occur.
"""

from __future__ import annotations

# These imports fill the table of `dispatch`.
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
    "reach",
    "recorder",
    "scope",
    "symbols",
    "used_files",
]

_FILLED = (callees, expressions, literals, operators)
