"""The contract language: from source text to the checked contract, with everything worth saying on the way.

`compile.py` has the passes on one page. On the way stand, in this order: `syntax/` (text to tree), `lowering/` (tree to
contract, with `types.py`), `flow/` (where the steps of a contract go), `ensure/` (promises) and `rules/` (one finding a
file). `diagnostics/` is what a finding is, `suppression/` which are left out, `fixes/` what would mend the others.
`words/` is the one table of the language's words. `spelling.py` writes expressions for a reader, `sheet/` a whole contract.
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
    # The parser alone should not cost the rules.
    if name in _OF_COMPILE:
        from opord.language import compile

        return getattr(compile, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
