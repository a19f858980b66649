"""The published results: the page and its plots say what the results file says, of every engine."""

from __future__ import annotations

import json

from bench.peers import report
from bench.peers.__main__ import RESULTS
from bench.peers.subjects import SUBJECTS


def test_the_page_is_the_one_of_the_results_file() -> None:
    results = json.loads(RESULTS.read_text())
    assert report.placed(report.PAGE.read_text(), report.page(results)) == report.PAGE.read_text()


def test_the_plots_are_those_of_the_results_file() -> None:
    drawn = report.plots(json.loads(RESULTS.read_text()))
    assert {name: (report.IMAGES / name).read_text() for name in drawn} == drawn
    assert all(f"images/{name}" in report.PAGE.read_text() for name in drawn)


def test_the_results_file_has_every_subject_and_every_measure() -> None:
    results = json.loads(RESULTS.read_text())
    measures = {"throughput", "syncs", "workers", "loop", "live", "resume", "waiting"}
    assert list(results["subjects"]) == [subject.key for subject in SUBJECTS]
    assert all(measures <= set(row) for row in results["subjects"].values())
