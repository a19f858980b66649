"""All planted bugs, by name."""

from __future__ import annotations

from tests.mutants import attempts, engine, kernel, limits, outbox, people, stores, waits
from tests.mutants.model import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *attempts.MUTANTS,
    *engine.MUTANTS,
    *kernel.MUTANTS,
    *limits.MUTANTS,
    *outbox.MUTANTS,
    *people.MUTANTS,
    *stores.MUTANTS,
    *waits.MUTANTS,
)
