"""The results of exploring as a page of text.

It has the ends, coverage, doubts, times, and the stories of everything that is wrong.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from opord.simulate.explore import Exploration
from opord.simulate.hints import outcome_words
from opord.simulate.report import as_data
from opord.story.words import span

Paint: TypeAlias = Callable[[str, str], str]
"""Shows a text in a style: `head`, `good`, `bad`, `warn`, `dim`, `name`."""

BAR = 24
_OUTCOMES = {"success": "good", "failure": "bad", "cancelled": "warn"}
_TROUBLES = {
    "stuck": "stuck: not ended, and not waiting for anything that can come",
    "stalled": "stalled: waiting until a person mends something",
    "stalled by a random answer": "stalled by a random answer of a `pure` (--pure takes the real one)",
    "broken promise": "broke a promise (the checker proved it, so this is a bug in Opord)",
    "twice": "had an action that took effect twice for one commit",
}
_PURES = {"handler": "real pures:", "drawn": "random answers for:"}
UNREACHED_MAX = 30


def page(
    exploration: Exploration, file: str, pures: str | None = None, *, paint: Paint, columns: int
) -> Iterator[str]:
    """Write the page. `pures` is where the real pures came from, as the command line had it."""
    data = as_data(exploration, file, pures)
    yield from _head(exploration, paint, columns)
    if exploration.runs:
        yield from _ends(data, paint)
        yield from _coverage(data, paint)
        yield from _calls(data, paint)
        yield from _times(data["time_to_end"], paint)
        yield from _unreached(data["unreached"], paint, columns)
    yield from _verdict(data, paint, columns)


def _head(exploration: Exploration, paint: Paint, columns: int) -> Iterator[str]:
    contract = exploration.contract
    stopped = "" if exploration.runs == exploration.runs_wanted else f" of {exploration.runs_wanted:,}"
    yield (
        paint(f"{contract.name}, version {contract.version}", "head")
        + f"  {exploration.runs:,}{stopped} run{'' if exploration.runs_wanted == 1 else 's'} explored, seed {exploration.seed}"
    )
    words = {
        "event": "events", "event again": "the same again", "event out of time": "out of time",
        "timer": "timers", "resolve": "doubts answered", "crash": "crashes",
    }  # fmt: skip
    counts = [
        f"{exploration.happenings[what]:,} {noun}"
        for what, noun in words.items()
        if exploration.happenings[what]
    ]
    if counts:
        for line in textwrap.wrap(", ".join(counts), columns - 2):
            yield paint(f"  {line}", "dim")
    if "handler" in exploration.pures.values():
        by = {how: [name for name, each in exploration.pures.items() if each == how] for how in _PURES}
        who = "; ".join(f"{_PURES[how]} {', '.join(names)}" for how, names in by.items() if names)
        for line in textwrap.wrap(who, columns - 2):
            yield paint(f"  {line}", "dim")


def _ends(data: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    yield ""
    yield paint("Ends", "head")
    wide = max((len(one["state"]) for one in data["ended"]), default=0)
    rest = data["runs"] - sum(one["runs"] for one in data["ended"])
    for one in data["ended"]:
        style = _OUTCOMES[one["outcome"]]
        yield _bar(one["state"].ljust(wide), one["runs"], data["runs"], paint, style) + paint(
            f"  {one['outcome']}", style
        )
    if rest:
        yield f"  {'(none)'.ljust(wide)}  {rest:>6,}  " + paint("cut off, stalled or stuck", "dim")


def _bar(name: str, count: int, of: int, paint: Paint, style: str) -> str:
    share = count / of if of else 0.0
    blocks = round(share * BAR) or (1 if count else 0)
    return (
        f"  {name}  {count:>6,}  {share:>4.0%}  "
        + paint("█" * blocks, style)
        + paint("░" * (BAR - blocks), "dim")
    )


def _coverage(data: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    yield ""
    yield paint("Reached", "head")
    for what, key in (("states", "runs"), ("moves", "times"), ("outcomes", "times")):
        all_ = data[what]
        if not all_:
            continue
        reached = sum(1 for one in all_ if one[key])
        style = "good" if reached == len(all_) else "warn"
        yield _reach(what, reached, len(all_), paint, style)


def _reach(what: str, reached: int, of: int, paint: Paint, style: str) -> str:
    blocks = BAR if reached == of else min(int(BAR * reached / of), BAR - 1)
    return f"  {what:<9} {paint('█' * blocks, style)}{paint('░' * (BAR - blocks), 'dim')}  {reached} of {of}"


def _calls(data: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    if not data["outcomes"]:
        return
    yield ""
    yield paint("Calls", "head")
    actions = {one["action"]: one for one in data["actions"]}
    calls: dict[str, list[str]] = {}
    for one in data["outcomes"]:
        count = f"{outcome_words(one['outcome'])} {one['times']:,}"
        calls.setdefault(one["call"], []).append(count if one["times"] else paint(count, "warn"))
    wide = max(map(len, calls))
    for call, outcomes in calls.items():
        yield f"  {paint(call.ljust(wide), 'name')}  {', '.join(outcomes)}"
        action = actions.get(call)
        if action is not None and action["commits"]:
            rate = action["in_doubt"] / action["commits"]
            commits, effects = _counted(action["commits"], "commit"), _counted(action["took_effect"], "time")
            about = f"{commits}, {rate:.0%} in doubt, took effect {effects}"
            yield paint(f"  {' ' * wide}  {about}", "dim")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _times(data: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    buckets = data["buckets"]
    filled = [place for place, one in enumerate(buckets) if one["runs"]]
    if not filled:
        return
    yield ""
    marks = ", ".join(f"{name} {span(data[f'{name}_s'])}" for name in ("p50", "p90", "p99"))
    yield paint("Time to an end", "head") + paint(f"  virtual; {marks}", "dim")
    most = max(one["runs"] for one in buckets)
    for one in buckets[filled[0] : filled[-1] + 1]:
        below = f"below {span(one['below_s'])}" if one["below_s"] is not None else "longer"
        blocks = round(one["runs"] / most * BAR) or (1 if one["runs"] else 0)
        yield f"  {below:<12} {one['runs']:>6,}  {paint('█' * blocks, 'name')}".rstrip()


def _unreached(unreached_parts: list[dict[str, str]], paint: Paint, columns: int) -> Iterator[str]:
    if not unreached_parts:
        return
    yield ""
    yield paint("Never reached", "head")
    for one in unreached_parts[:UNREACHED_MAX]:
        yield f"  {paint(one['what'], 'warn')} {paint(one['name'], 'name')}"
        for line in textwrap.wrap(one["hint"], columns - 6, break_long_words=False):
            yield f"      {line}"
    if len(unreached_parts) > UNREACHED_MAX:
        yield f"  and {len(unreached_parts) - UNREACHED_MAX} more; --json lists them all"


def _verdict(data: Mapping[str, Any], paint: Paint, columns: int) -> Iterator[str]:
    yield ""
    troubles = {kind: count for kind, count in data["troubles"].items() if count}
    for case in data["cases"]:
        yield paint(f"{case['kind'].capitalize()} in {case['state']}", "bad") + f"  seed {case['seed']}"
        for line in textwrap.wrap(case["why"], columns - 2):
            yield f"  {line}"
        for number, line in enumerate((one for one in case["story"] if one), 1):
            numbered = f"  {number:>3}  {line}"
            yield numbered if len(numbered) <= columns else f"{numbered[: columns - 1]}…"
        yield f"  again: {case['again']}"
        yield ""
    for kind, count in troubles.items():
        yield paint(f"{count:,} run{'' if count == 1 else 's'} {_TROUBLES[kind]}", "bad")
    if data["cut_off"]:
        yield f"{data['cut_off']:,} ran too long, and were stopped before an end"
    if not troubles:
        summary = (
            "no run stuck or stalled, no promise broken, no effect twice"
            if data["runs"]
            else "nothing explored"
        )
        yield paint(summary, "good" if data["runs"] else "warn")
