"""The reasons why a contract or a generated module cannot be loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class LoadingError(Exception):
    """A contract or a generated module cannot be loaded."""


class ContractRefused(LoadingError):
    """A contract has errors. `diagnostics` has its findings, as `opord check` lists them."""

    def __init__(self, file: str, diagnostics: Sequence[Any]) -> None:
        errors = [finding for finding in diagnostics if getattr(finding, "severity", "error") == "error"]
        shown = "\n".join(f"  {_line(file, finding)}" for finding in errors[:5])
        more = f"\n  and {len(errors) - 5} more" if len(errors) > 5 else ""
        super().__init__(f"{file} has errors; see `opord check {file}`:\n{shown}{more}")
        self.file = file
        self.diagnostics: tuple[Any, ...] = tuple(diagnostics)


class OtherContract(LoadingError):
    """Stored texts belong to a contract with another digest than the stored one."""

    def __init__(self, file: str, digest: str, text_digest: str) -> None:
        super().__init__(f"{file} has the digest {text_digest[:12]}, and was kept with {digest[:12]}")
        self.file = file
        self.digest = digest
        self.text_digest = text_digest


class StaleModule(LoadingError):
    """A generated module differs from what its contract gives.

    It was edited, or made by another version of Opord.
    """

    def __init__(self, module: str, reason: str) -> None:
        super().__init__(f"the generated module {module} {reason}; run `opord gen` again")
        self.module = module
        self.reason = reason


def _line(file: str, finding: Any) -> str:
    place = getattr(finding, "place", None)
    where = f"{place.file}:{place.line}: " if place is not None else f"{file}: "
    return f"{where}{getattr(finding, 'message', finding)}"
