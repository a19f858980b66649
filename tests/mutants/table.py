"""All planted bugs, by name."""

from __future__ import annotations

from tests.mutants import engine, kernel, stores
from tests.mutants.model import Mutant

MUTANTS: tuple[Mutant, ...] = (*engine.MUTANTS, *kernel.MUTANTS, *stores.MUTANTS)
