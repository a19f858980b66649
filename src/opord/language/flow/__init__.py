"""Analyse where the steps of a contract go.

The room has the graph of states, the walk over paths, endings, coverage, value flow and cycles.
Rules, promises, sheet, diagram and simulation read it. It only knows the checked contract.
"""

__all__ = [
    "exits",
    "graph",
]
