"""Decide the promises of a contract over all its runs.

Each broken promise gets a shortest run that shows it.
"""

from __future__ import annotations

from opord.language.ensure.call_time import CALL_LIMIT, calls_without_timeout
from opord.language.ensure.decide import Verdict, decide
from opord.language.ensure.timing import Untimed, Worst, worst_case

__all__ = [
    "CALL_LIMIT",
    "Untimed",
    "Verdict",
    "Worst",
    "calls_without_timeout",
    "decide",
    "worst_case",
]
