"""Errors in words, each with a stable code and its exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

_MISSING = (
    "; name the store with --store or OPORD_STORE. A start, a worker or `opord db migrate` makes a new one"
)


class CliError(Exception):
    """An error of the command line itself.

    `status`: 1 the answer is no, 2 wrong usage, 3 no store.
    """

    code: str
    status: int

    def __init__(self, code: str, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class ShapedRefusal(Exception):
    """A refused input, with lines that show the shape of one that fits."""

    refusal: Exception
    shape: tuple[str, ...]

    def __init__(self, refusal: Exception, shape: Sequence[str]) -> None:
        super().__init__(str(refusal))
        self.refusal, self.shape = refusal, tuple(shape)


class ErrorReport(NamedTuple):
    """An error as it is reported: its code, its message, and its exit status."""

    code: str
    message: str
    status: int


def explain_error(raised: Exception) -> ErrorReport:
    """Explain an exception to the user of the command."""
    if isinstance(raised, CliError):
        return ErrorReport(raised.code, str(raised), raised.status)
    if isinstance(raised, ShapedRefusal):
        report = explain_error(raised.refusal)
        return report._replace(message="\n".join([report.message, *raised.shape]))
    for explain in (_of_backend, _of_loading, _of_secrets, _of_server):
        explanation = explain(raised)
        if explanation is not None:
            return explanation
    if isinstance(raised, FileNotFoundError) and raised.filename is None and _is_nowhere():
        return ErrorReport(
            "file", "the current folder no longer exists; go to another folder, then try again", 2
        )
    if isinstance(raised, OSError) and raised.filename is not None:
        return ErrorReport("file", f"{raised.filename}: {raised.strerror or raised}", 2)
    return ErrorReport(
        "internal",
        f"{type(raised).__name__}: {raised} (a fault in Opord; OPORD_DEBUG=1 shows where)",
        1,
    )


def _is_nowhere() -> bool:
    """Say whether the working directory was removed."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


# Only an imported room can raise its exceptions: these checks import nothing.


def _of_backend(raised: Exception) -> ErrorReport | None:
    if "opord.backends" not in sys.modules:
        return None
    from opord.backends.codes import code_of

    entry = code_of(raised)
    if entry is None:
        return None
    status = 2 if entry.misused else 1 if entry.reached else 3
    hint = _MISSING if entry.code == "store_missing" else ""
    return ErrorReport(entry.code, entry.message + hint, status)


def _of_loading(raised: Exception) -> ErrorReport | None:
    errors = sys.modules.get("opord.loading.errors")
    if errors is None or not isinstance(raised, errors.LoadingError):
        return None
    code = "contract_refused" if isinstance(raised, errors.ContractRefused) else "module_stale"
    return ErrorReport(code, str(raised), 1)


def _of_secrets(raised: Exception) -> ErrorReport | None:
    vault = sys.modules.get("opord.values.vault")
    if vault is not None and isinstance(raised, vault.KeysInvalid):
        return ErrorReport("keys_invalid", f"OPORD_SECRET_KEYS cannot be used: {raised}", 2)
    if vault is not None and isinstance(raised, vault.SecretUnreadable):
        return ErrorReport("secret_unreadable", str(raised), 1)
    return None


def _of_server(raised: Exception) -> ErrorReport | None:
    problems = sys.modules.get("opord.server.problems")
    if problems is None or not isinstance(raised, problems.Problem):
        return None
    return ErrorReport(raised.code, str(raised), 1)
