"""Find the strongly connected components of a graph: sets of nodes that can all reach each other.

The cycles of the graph are inside these components.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def components(successors: Mapping[Node, Sequence[Node]]) -> dict[Node, int]:
    """Number the strongly connected components of a graph: Tarjan's algorithm, iterative."""
    numbers: dict[Node, int] = {}
    index: dict[Node, int] = {}
    lowest: dict[Node, int] = {}
    stack: list[Node] = []
    for root in successors:
        if root in index:
            continue
        work = [(root, iter(successors[root]))]
        index[root] = lowest[root] = len(index)
        stack.append(root)
        while work:
            name, targets = work[-1]
            for target in targets:
                if target not in index:
                    index[target] = lowest[target] = len(index)
                    stack.append(target)
                    work.append((target, iter(successors[target])))
                    break
                if target not in numbers:
                    lowest[name] = min(lowest[name], index[target])
            else:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[name])
                if lowest[name] == index[name]:
                    number = len(numbers)
                    while True:
                        member = stack.pop()
                        numbers[member] = number
                        if member == name:
                            break
    return numbers
