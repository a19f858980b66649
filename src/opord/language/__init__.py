"""Check contracts: from source text to the checked contract and its findings.

`compile.py` has all passes on one page. The passes are, in this order: `syntax/` (text to tree),
`lowering/` (tree to contract, with `types.py`), `flow/` (where the steps of a contract go),
`ensure/` (promises) and `rules/` (one module for each finding). `diagnostics/` defines findings,
`suppression/` leaves some out, `fixes/` proposes edits for the others. `words/` is the table of the
language's words. `spelling.py` writes expressions for readers, `sheet/` a whole contract.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opord.language.compile import CheckResult, check_file, check_source, check_text, lower_text

__all__ = [
    "CheckResult",
    "check_file",
    "check_source",
    "check_text",
    "compile",
    "diagnostics",
    "ensure",
    "flow",
    "lower_text",
    "lowering",
    "sheet",
    "spelling",
    "syntax",
    "types",
    "words",
]


_OF_COMPILE = frozenset({"CheckResult", "check_file", "check_source", "check_text", "lower_text"})


def __getattr__(name: str) -> Any:
    # Import the rules late, so that the parser alone stays fast to import.
    if name in _OF_COMPILE:
        from opord.language import compile

        return getattr(compile, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
