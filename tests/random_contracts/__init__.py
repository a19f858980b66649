"""Random contracts that the checker accepts, for tests that hold one part of the project to another.

    text = random_contract(Random(7))

The same seed gives the same contract. What each contract is made of is told by `features`.
"""

from __future__ import annotations

from tests.random_contracts.features import FEATURES, features
from tests.random_contracts.write import random_contract

__all__ = ["FEATURES", "features", "random_contract"]
