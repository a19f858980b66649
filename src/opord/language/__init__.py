"""The contract language: from source text to the checked contract, with everything worth saying on the way."""

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
