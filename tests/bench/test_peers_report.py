"""The page on other engines: it shows what the results say, or why there is no figure."""

from __future__ import annotations

from typing import Any

import pytest

from bench.peers import measuring, report
from bench.plot import bars


def a_throughput(rate: float, **more: Any) -> dict[str, Any]:
    return {
        "rate": rate,
        "p50_ms": 1234.5,
        "p99_ms": 98.76,
        "processor_ms": {"client": 0.0, "worker": 0.25, "server": 0.5, "all": 0.75},
        "sweep": {"1": 7.0, "100": rate},
        "best": {"clients": 100, "rate": rate},
        "lone": {"p50_ms": 3.14, "p99_ms": 0.456},
        "load": 1.5,
        **more,
    }


def a_row(title: str, through: str, **measures: Any) -> dict[str, Any]:
    return {"title": title, "store": "SQLite", "through": through, "durability": "each commit", **measures}


def some_results(**rows: Any) -> dict[str, Any]:
    return {
        "machine": {
            "date": "2026-12-24", "cores": 3, "processor": "A Processor", "memory_gib": 5, "syncs_a_second": 6789,
            "kernel": "6.1", "python": "3.11.7", "versions": {"Opord": "1.2", "DBOS": "3.4"},
        },
        "subjects": rows,
    }  # fmt: skip


def the_row_of(page: str, table: int, title: str) -> list[str]:
    """Return the cells of an engine's row in a table of the page, after engine, store and way."""
    tables = [part for part in page.split("\n\n") if part.startswith("| engine |")]
    row = next(line for line in tables[table].splitlines() if line.startswith(f"| {title} |"))
    return [cell.strip() for cell in row.strip("|").split("|")][3:]


def test_a_row_shows_the_figures_of_its_measures() -> None:
    page = report.page(some_results(one=a_row("Opord", "one process", throughput=a_throughput(2345.6))))
    assert the_row_of(page, 0, "Opord") == [
        "0.75 (0.25 + 0.50)", "", "2,346", "1.5", "", "100: 2,346", "1,234, 98.8", "3.1, 0.46",
    ]  # fmt: skip


def test_an_engine_is_compared_with_opord_on_the_same_store() -> None:
    mine, other = a_throughput(2000.0), a_throughput(8.0)
    other["processor_ms"] = {"client": 0.0, "worker": 7.5, "server": 0.0, "all": 7.5}
    rows = {
        "opord-sqlite": a_row("Opord", "one process", throughput=mine),
        "dbos-sqlite": a_row("DBOS", "one process", throughput=other),
        "opord-postgres": a_row("Opord", "PostgreSQL", throughput=a_throughput(1.0)),
    }
    page = report.page(some_results(**rows))
    assert the_row_of(page, 0, "DBOS")[:5] == ["7.5", "10×", "8", "1.5", "250×"]
    assert report.BESIDE["dbos-sqlite"] == "opord-sqlite"


def test_a_measure_without_a_figure_has_its_reason_under_the_tables() -> None:
    row = a_row(
        "Restate",
        "its server",
        throughput=a_throughput(100.0),
        workers={"why": "it has one address", "load": 1},
    )
    page = report.page(some_results(restate=row))
    assert the_row_of(page, 2, "Restate")[5] == "[2]"
    assert "\n- [2] Restate, SQLite, its server: it has one address.\n" in page
    assert "\n- [1] Restate, SQLite, its server: it was not measured.\n" in page


def test_runs_that_did_not_come_to_their_end_are_told_of() -> None:
    row = a_row(
        "Temporal", "its server",
        throughput=a_throughput(10.0),
        waiting={"runs": 1024, "settled": False, "before_mib": 100.0, "mib": 200.0, "load": 1},
        resume={"runs": 900, "ended": 400, "first_s": 1.25, "all_s": 90.04, "load": 1},
        loop={"steps": 8000, "wanted": 10_000, "early_ms": 1.5, "late_ms": 150.4, "error": "Ended: by force", "load": 1},
        live={"runs": 10, "before_mib": 100.0, "mib": 150.0, "load": 1},
    )  # fmt: skip
    page = report.page(some_results(temporal=row))
    cells = the_row_of(page, 2, "Temporal")
    assert cells[0] == "100"
    assert cells[1] == "10: 150"
    assert cells[2].startswith("1,024: 200 (100 KiB a run) [")
    assert cells[3].startswith("900: 1.2, 90.0 [")
    assert cells[4].startswith("1.5, 150 [")
    assert "400 of 900 had ended by then." in page
    assert "it came to step 8,000 instead of 10,000: it ended with `Ended: by force`." in page
    assert "Temporal, SQLite, its server: it was still busy" in page


def test_the_machine_the_day_the_load_and_the_versions_are_named() -> None:
    page = report.page(some_results(one=a_row("Opord", "one process", throughput=a_throughput(1.0))))
    told = next(line for line in page.splitlines() if line.startswith("2026-12-24"))
    assert (
        "3 cores of A Processor, 5 GiB of memory, a disk of 6,789 syncs a second, Linux 6.1, Python 3.11.7"
        in told
    )
    assert "Load when a measure began: 1.5 to 1.5. Opord 1.2, DBOS 3.4." in told


def test_only_what_is_between_the_markers_changes() -> None:
    page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    assert report.placed(page, "new\n") == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"


def test_a_page_without_markers_is_left_alone() -> None:
    with pytest.raises(ValueError, match="peers: end"):
        report.placed(f"{report.BEGIN}\n", "new\n")


def test_the_best_of_the_rounds_counts_and_all_rates_are_kept() -> None:
    slow, fast = a_throughput(50.0, sweep={"1": 9.0, "100": 50.0}), a_throughput(90.0)
    fast["lone"] = {"p50_ms": 5.0, "p99_ms": 6.0}
    best = measuring.best_of([slow, {"why": "no answer"}, fast])
    assert (best["rate"], best["rates"], best["sweep"]) == (90.0, [50.0, None, 90.0], {"1": 9.0, "100": 90.0})
    assert best["lone"] == slow["lone"]
    assert best["best"] == {"clients": 100, "rate": 90.0}
    more = measuring.best_of([best, a_throughput(70.0)])
    assert (more["rate"], more["rates"]) == (90.0, [50.0, None, 90.0, 70.0])
    assert measuring.best_of([{"why": "no answer"}]) == {"why": "no answer"}


def test_a_bar_is_as_long_as_its_value() -> None:
    drawn = bars("Orders", {"Opord, SQLite": 200.0, "Another": 50.0})
    lengths = [
        float(line.split('width="')[1].split('"')[0]) for line in drawn.splitlines() if "<rect" in line
    ]
    assert lengths[0] == 4 * lengths[1]
    assert ">200<" in drawn
    assert ">50<" in drawn
