"""Tell how many runs a worker has taken over, and from whom, however many claims it took."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Final

from opord.story.counting import counted
from opord.values.visible import safe

log: logging.Logger = logging.getLogger("opord.worker")

NAMED_MOST: Final = 10
"""Number of workers that get a line of their own at a time."""


class Takeovers:
    """What the worker `name` has taken over and not told yet."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._untold: Counter[str] = Counter()

    def note(self, before: Mapping[str, int]) -> None:
        """Note how many runs a claim took whose leases had ended, by the workers that held them."""
        self._untold.update(before)

    def tell(self) -> None:
        """Tell what was noted since the last time."""
        untold, self._untold = self._untold, Counter()
        own = untold.pop(self._name, 0)
        if own:
            log.info(
                "took up %s again: the leases had ended before this worker renewed them", counted(own, "run")
            )
        for worker, runs in untold.most_common(NAMED_MOST):
            log.info(
                "took over %s of the worker %s: its leases had ended", counted(runs, "run"), safe(worker)
            )
            del untold[worker]
        if untold:
            log.info("took over %s of other workers: their leases had ended", counted(untold.total(), "run"))
