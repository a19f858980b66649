"""The state graph: its moves, the commits before each, and how paths are followed."""

from __future__ import annotations

from opord.contract import CallSite, Contract, Goto
from opord.language.compile import check_text
from opord.language.flow.calls import CallEnding
from opord.language.flow.components import components
from opord.language.flow.graph import Graph, along
from opord.language.flow.walk import follow

TEXT = """
contract Case(id: str, n: int) key id
failure Trouble { Refused, Busy transient }
event go
action act(id: str) fails Trouble { key id, in doubt report }
action told(id: str) { in doubt skip }
effect look(id: str) -> bool { timeout 1s }

phase P {
  on cancel(reason) -> goto Gone
  initial state A -> B | C | Gone {
    match commit act(id) {
      ok -> goto B
      Refused | Busy -> goto C
      InDoubt -> goto C
    }
  }
  state B -> C | Gone {
    on go -> goto C
    after 1h -> goto C
  }
}
state C -> A | Done {
  let there = perform look(id) else -> goto Done
  if there { commit told(id) }
  if n > 1 { goto A }
  goto Done
}
final state Done success
final state Gone cancelled
"""


def contract() -> Contract:
    return check_text(TEXT).model


def moves(graph: Graph, state: str) -> list[tuple[str, tuple[tuple[str, CallEnding], ...], bool]]:
    return [
        (edge.target, tuple((each.name, each.ending) for each in edge.commits), edge.moment.shared)
        for edge in graph.outgoing[state]
    ]


def test_an_edge_has_its_commits_and_how_each_ended() -> None:
    graph = Graph(contract())
    assert moves(graph, "A") == [
        ("B", (("act", "ok"),), False),
        ("C", (("act", "failed"),), False),
        ("C", (("act", "maybe"),), False),
        ("Gone", (), True),
    ]


def test_an_action_that_may_be_skipped_only_may_have_happened() -> None:
    graph = Graph(contract())
    assert moves(graph, "C") == [
        ("Done", (), False),
        ("A", (), False),
        ("A", (("told", "maybe"),), False),
        ("Done", (), False),
        ("Done", (("told", "maybe"),), False),
    ]


def test_shared_handlers_move_every_state_of_the_phase() -> None:
    graph = Graph(contract())
    assert graph.successors == {
        "A": ["B", "C", "Gone"],
        "B": ["C", "Gone"],
        "C": ["Done", "A"],
        "Done": [],
        "Gone": [],
    }
    assert graph.reachable == graph.can_end == {"A", "B", "C", "Done", "Gone"}


def test_states_of_one_cycle_share_a_component() -> None:
    component = Graph(contract()).component
    assert component["A"] == component["B"] == component["C"]
    assert len(set(component.values())) == 3


def test_components_of_a_long_chain_need_no_recursion() -> None:
    chain = {str(number): [str(number + 1)] for number in range(5000)} | {"5000": ["0"]}
    assert set(components(chain).values()) == {0}


def test_a_shortest_way_can_avoid_edges() -> None:
    graph = Graph(contract())
    assert graph.way("A", "Done") == ["A", "C", "Done"]
    assert graph.way("A", "Done", lambda edge: edge.source != "A" or edge.target == "B") == [
        "A",
        "B",
        "C",
        "Done",
    ]
    assert graph.way("Done", "A") == []
    assert along(graph.next_towards("Done"), "B") == ["B", "C", "Done"]


def test_equal_facts_are_merged() -> None:
    """Forty branches that meet again have a trillion paths, and two facts."""
    branches = "\n".join(f"  if n > {number} {{ let x{number} = 1 }}" for number in range(40))
    text = TEXT.replace("  if n > 1 { goto A }", branches + "\n  if n > 1 { goto A }")
    model = check_text(text).model
    graph = Graph(model)
    seen: list[tuple[str, set[int]]] = []

    def on_call(calls: int, site: CallSite, ending: CallEnding) -> int:
        return calls + 1

    def on_goto(goto: Goto, facts: set[int]) -> None:
        seen.append((goto.state, facts))

    assert follow(model.state("C").body, {0}, graph.calls, on_call, on_goto) == set()
    assert seen == [("Done", {1}), ("A", {1, 2}), ("Done", {1, 2})]


def test_a_broken_contract_also_has_a_graph() -> None:
    torn = check_text(
        TEXT.replace("goto B\n", "goto Nowhere\n").replace("commit told(id)", "commit nothing(id)")
    )
    graph = Graph(torn.model)
    assert ("Gone", (), True) in moves(graph, "A")
    assert graph.reachable >= {"A", "C", "Done", "Gone"}
