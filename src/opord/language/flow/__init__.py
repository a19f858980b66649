"""Where the steps of a contract go: the graph of its states, the walk over paths, endings, coverage, value flow and cycles.

Rules, promises, sheet, diagram and simulation read what stands here. It knows the checked contract and nothing else.
"""

__all__ = [
    "exits",
    "graph",
]
