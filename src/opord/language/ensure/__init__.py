"""Decide the promises of a contract over all its runs.

Each broken promise gets a shortest run that shows it.
"""

from __future__ import annotations

from opord.language.ensure.decide import Verdict, decide
from opord.language.ensure.timing import Untimed, Worst, worst_case

__all__ = ["Untimed", "Verdict", "Worst", "decide", "worst_case"]
