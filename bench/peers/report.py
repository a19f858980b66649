"""The results as tables and plots: the part of the page between two markers, and nothing else of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.peers.words import ABOUT, LIMITS, WHAT_IS_MEASURED
from bench.plot import bars

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"
BEGIN = "<!-- peers: written by `make bench-peers` -->"
END = "<!-- peers: end -->"

BESIDE = {
    "dbos-sqlite": "opord-sqlite",
    "dbos-postgres": "opord-postgres",
    "temporal": "opord-sqlite-apart",
    "restate": "opord-http",
}
"""Which subject of Opord an engine is compared with: on the same kind of store, with as many processes."""

Results = dict[str, Any]
Row = dict[str, Any]
Note = Callable[[str], str]


def write(results: Results) -> None:
    """Write the page's part and the plots."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(placed(text, page(results)), encoding="utf-8")
    for name, drawn in plots(results).items():
        (IMAGES / name).write_text(drawn, encoding="utf-8")


def placed(text: str, part: str) -> str:
    """Return a page with the part between its markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected `{BEGIN}` and `{END}` in the page")
    return f"{before}{BEGIN}\n\n{part}\n{END}{after}"


def page(results: Results) -> str:
    """Return the part of the page that tells of the results."""
    subjects: dict[str, Row] = results["subjects"]
    notes = _Notes()
    tables = [
        _table(_SPEED, subjects, notes),
        _table(_DURABLE, subjects, notes),
        _table(_SCALE, subjects, notes),
    ]
    return (
        "\n\n".join(
            [
                WHAT_IS_MEASURED,
                _machine(results),
                "![Orders a second of 100 clients](images/peers-rate.svg)",
                tables[0],
                "![Processor time of an order](images/peers-processor.svg)",
                "How each keeps what it has said, and how many times its processes sync a file for an order:",
                tables[1],
                ABOUT,
                tables[2],
                *notes.listed(),
                LIMITS,
            ]
        ).rstrip()
        + "\n"
    )


def plots(results: Results) -> dict[str, str]:
    """Return the plots by the names of their files."""
    rates, processors = {}, {}
    for row in results["subjects"].values():
        if "why" not in row.get("throughput", {"why": ""}):
            rates[_name(row)] = row["throughput"]["rate"]
            processors[_name(row)] = row["throughput"]["processor_ms"]["all"]
    return {
        "peers-rate.svg": bars("Orders a second of 100 clients", rates),
        "peers-processor.svg": bars("Milliseconds of processor time an order", processors),
    }


class _Notes:
    """Reasons why a figure is missing or is not what the column says, under the tables."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def mark(self, text: str) -> str:
        """Return the mark of a reason."""
        if text not in self._texts:
            self._texts.append(text)
        return f"[{self._texts.index(text) + 1}]"

    def listed(self) -> list[str]:
        """Return the reasons as a list."""
        lines = [f"- [{number}] {text}" for number, text in enumerate(self._texts, start=1)]
        return ["\n".join(lines)] if lines else []


def _machine(results: Results) -> str:
    made = results["machine"]
    loads = [measure["load"] for row in results["subjects"].values() for measure in _measures(row)]
    versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    return (
        f"{made['date']}; {made['cores']} cores of {made['processor']}, {made['memory_gib']} GiB of memory, a disk of "
        f"{_n(made['syncs_a_second'])} syncs a second, Linux {made['kernel']}, Python {made['python']}. Load when a "
        f"measure began: {min(loads):.1f} to {max(loads):.1f}. {versions}."
    )


def _name(row: Row) -> str:
    return f"{row['title']}, {row['store']}, {row['through']}"


def _measures(row: Row) -> list[Row]:
    return [measure for measure in row.values() if isinstance(measure, dict) and "load" in measure]


# --- tables: a column is a heading and what makes its cell -------------------------------------------

Cell = Callable[[str, dict[str, Row], "_Notes"], str]


def _table(columns: dict[str, Cell], subjects: dict[str, Row], notes: _Notes) -> str:
    first = ["engine", "store", "through"]
    lines = [
        "| " + " | ".join([*first, *columns]) + " |",
        "| " + " | ".join(["---"] * 3 + ["---:"] * len(columns)) + " |",
    ]
    for key, row in subjects.items():
        cells = [cell(key, subjects, notes) for cell in columns.values()]
        lines.append("| " + " | ".join([row["title"], row["store"], row["through"], *cells]) + " |")
    return "\n".join(lines)


def _of(measure: str, shown: Callable[[Row], str]) -> Cell:
    """Return the cell of a measure: its figures, or the mark of the reason why there are none."""

    def cell(key: str, subjects: dict[str, Row], notes: _Notes) -> str:
        row = subjects[key]
        found = row.get(measure, {"why": "it was not measured"})
        if "why" in found:
            return notes.mark(f"{_name(row)}: {found['why']}.")
        return shown(found)

    return cell


def _beside(mine_over_its: Callable[[Row, Row], float]) -> Cell:
    """Return the cell of a factor between Opord on the same store and this engine."""

    def cell(key: str, subjects: dict[str, Row], notes: _Notes) -> str:
        of_opord = subjects.get(BESIDE.get(key, ""), {}).get("throughput", {"why": ""})
        of_this = subjects[key].get("throughput", {"why": ""})
        return "" if "why" in of_opord or "why" in of_this else _times(mine_over_its(of_opord, of_this))

    return cell


def _processor(found: Row) -> str:
    used = found["processor_ms"]
    parts = [_ms(used[what]) for what in ("client", "worker", "server") if used[what]]
    return f"{_ms(used['all'])} ({' + '.join(parts)})" if len(parts) > 1 else _ms(used["all"])


def _waiting(key: str, subjects: dict[str, Row], notes: _Notes) -> str:
    row = subjects[key]

    def shown(found: Row) -> str:
        a_run = (found["mib"] - found["before_mib"]) / found["runs"] * 1024
        cell = f"{_n(found['runs'])}: {_n(found['mib'])} ({_ms(a_run)} KiB a run)"
        if not found["settled"]:
            cell += " " + notes.mark(
                f"{_name(row)}: it was still busy with runs that were to wait when this was measured."
            )
        return cell

    return _of("waiting", shown)(key, subjects, notes)


def _resume(key: str, subjects: dict[str, Row], notes: _Notes) -> str:
    row = subjects[key]

    def shown(found: Row) -> str:
        if "all_s" not in found:
            return notes.mark(f"{_name(row)}: none of {_n(found['runs'])} orders went on in time.")
        cell = f"{_n(found['runs'])}: {found['first_s']:.1f}, {found['all_s']:.1f}"
        if found["ended"] < found["runs"]:
            cell += " " + notes.mark(
                f"{_name(row)}: {_n(found['ended'])} of {_n(found['runs'])} had ended by then."
            )
        return cell

    return _of("resume", shown)(key, subjects, notes)


def _loop(key: str, subjects: dict[str, Row], notes: _Notes) -> str:
    row = subjects[key]

    def shown(found: Row) -> str:
        cell = f"{_ms(found['early_ms'])}, {_ms(found['late_ms'])}"
        if found["steps"] < found["wanted"]:
            reason = f"it ended with `{found['error']}`" if found["error"] else "the time was over"
            cell += " " + notes.mark(
                f"{_name(row)}: it came to step {_n(found['steps'])} instead of {_n(found['wanted'])}: {reason}."
            )
        return cell

    return _of("loop", shown)(key, subjects, notes)


_SPEED: dict[str, Cell] = {
    "processor ms an order (client + worker + server)": _of("throughput", _processor),
    "beside Opord": _beside(lambda mine, its: its["processor_ms"]["all"] / mine["processor_ms"]["all"]),
    "orders a second, 100 clients": _of("throughput", lambda found: _n(found["rate"])),
    "load then": _of("throughput", lambda found: f"{found['load']:.1f}"),
    "Opord beside it": _beside(lambda mine, its: mine["rate"] / its["rate"]),
    "best: clients, orders a second": _of(
        "throughput", lambda found: f"{_n(found['best']['clients'])}: {_n(found['best']['rate'])}"
    ),
    "p50, p99 with 100 clients, ms": _of(
        "throughput", lambda found: f"{_ms(found['p50_ms'])}, {_ms(found['p99_ms'])}"
    ),
    "p50, p99 of a lone client, ms": _of(
        "throughput", lambda found: f"{_ms(found['lone']['p50_ms'])}, {_ms(found['lone']['p99_ms'])}"
    ),
}

_DURABLE: dict[str, Cell] = {
    "durable by": lambda key, subjects, notes: str(subjects[key]["durability"]),
    "syncs an order: lone, 100 clients": _of(
        "syncs", lambda found: f"{_ms(found['lone'])}, {found['many']:.2f}"
    ),
}

_SCALE: dict[str, Cell] = {
    "MiB at the start": _of("waiting", lambda found: _n(found["before_mib"])),
    "MiB with orders in a call": _of("live", lambda found: f"{_n(found['runs'])}: {_n(found['mib'])}"),
    "MiB with waiting runs": _waiting,
    "orders after a kill: first, all ended, s": _resume,
    "step 10, step 10,000, ms": _loop,
    "orders a second of 2, 4 workers": _of(
        "workers", lambda found: ", ".join(_n(found[count]) for count in found if count.isdigit())
    ),
}


def _n(number: float) -> str:
    """Show a count or a rate."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}".removesuffix(".0")


def _ms(number: float) -> str:
    """Show a duration with two or three digits that say something."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}" if number >= 1 else f"{number:.2f}"


def _times(factor: float) -> str:
    return f"{_n(factor) if factor >= 10 else format(factor, '.1f')}×"
