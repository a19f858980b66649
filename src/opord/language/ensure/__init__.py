"""The promises of a contract, decided over all its runs, with a shortest run that breaks each that does not hold."""

from __future__ import annotations

from opord.language.ensure.decide import Verdict, decide
from opord.language.ensure.timing import Untimed, Worst, worst_case

__all__ = ["Untimed", "Verdict", "Worst", "decide", "worst_case"]
