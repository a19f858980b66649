"""Measure Opord beside its peers, and write the results into the documents.

python -m bench.peers                 all of it, about an hour
python -m bench.peers --quick         a few minutes, into results of its own
python -m bench.peers --only restate  some of it, into the results that are there
python -m bench.peers --render        the page and its plots, from the results that are there
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.peers import machine, measuring, report
from bench.peers.installing import FOLDER, Installed, install
from bench.peers.measuring import MakeStand, Measure, Sizes
from bench.peers.subjects import SUBJECTS, Subject, stand

RESULTS = Path(__file__).with_name("results.json")


ROUNDS_OF = "throughput"
"""The measure that is taken several times, in rounds over all subjects, since it feels other work the most."""


MEASURES: dict[str, Callable[[MakeStand, Subject, Sizes], Measure]] = {
    "throughput": measuring.throughput,
    "syncs": measuring.syncs,
    "workers": measuring.workers,
    "loop": measuring.loop,
    "live": measuring.live,
    "resume": measuring.resume,
    "waiting": measuring.waiting,
}


def described(subject: Subject) -> dict[str, Any]:
    """Return what the results say of a subject beside its figures."""
    return {name: getattr(subject, name) for name in ("title", "store", "through", "durability")}


def take(
    subjects: list[Subject],
    names: list[str],
    installed: Installed,
    sizes: Sizes,
    folder: Path | None,
    results: Results,
) -> None:
    """Take measures, each of one subject after the other, and write each down at once."""
    for subject in subjects:
        results.of(subject.key).update(described(subject))
    for name in names:
        for _ in range(sizes.rounds if name == ROUNDS_OF else 1):
            for subject in subjects:
                load = os.getloadavg()[0]
                make = partial(stand, subject, installed, folder)
                found = measuring.measured(partial(MEASURES[name], make, subject, sizes))
                results.keep(subject.key, name, {**found, "load": round(load, 1)})
                print(f"{subject.key} {name}: {json.dumps(found)}", flush=True)


class Results:
    """The results file, written after each measure."""

    def __init__(self, file: Path, kept: dict[str, Any], rounds: dict[str, list[Measure]]) -> None:
        self._file = file
        self._rounds = rounds
        self.all = kept

    def of(self, key: str) -> dict[str, Any]:
        """Return the results of a subject."""
        found: dict[str, Any] = self.all["subjects"].setdefault(key, {})
        return found

    def keep(self, key: str, name: str, found: Measure) -> None:
        """Write a measure down."""
        if name == ROUNDS_OF:
            rounds = self._rounds.setdefault(key, [])
            rounds.append(found)
            found = measuring.best_of(rounds)
        self.of(key)[name] = found
        self._file.write_text(json.dumps(self.all, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few minutes; the page stays as it is")
    parser.add_argument("--only", nargs="+", metavar="KEY", default=[], choices=[one.key for one in SUBJECTS])
    parser.add_argument("--measures", nargs="+", metavar="NAME", default=[], choices=MEASURES)
    parser.add_argument("--more", action="store_true", help="only one more round of the rates")
    parser.add_argument("--render", action="store_true", help="only write the page and its plots anew")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where the stores go, on the disk to measure"
    )
    wanted = parser.parse_args()
    if wanted.render:
        report.write(json.loads(RESULTS.read_text()))
        return
    signal.signal(signal.SIGTERM, _ended)  # so that servers are stopped, and stores removed
    installed = install()
    file = FOLDER / "quick.json" if wanted.quick else RESULTS
    sizes = measuring.QUICK if wanted.quick else measuring.FULL
    if wanted.more:
        sizes, wanted.measures = replace(sizes, rounds=1), [ROUNDS_OF]
    some = (wanted.only or wanted.measures) and file.exists()
    kept = json.loads(file.read_text()) if some else {"subjects": {}}
    rounds = _rounds(kept) if wanted.more else {}
    kept["machine"] = machine.described(wanted.folder or Path(tempfile.gettempdir()), installed)
    kept["sizes"] = vars(measuring.QUICK if wanted.quick else measuring.FULL)
    subjects = [subject for subject in SUBJECTS if not wanted.only or subject.key in wanted.only]
    names = [name for name in MEASURES if not wanted.measures or name in wanted.measures]
    take(subjects, names, installed, sizes, wanted.folder, Results(file, kept, rounds))
    if wanted.quick:
        print(report.page(kept))
    else:
        report.write(kept)


def _rounds(kept: dict[str, Any]) -> dict[str, list[Measure]]:
    """Return the rounds of earlier, of each subject: what was the best of them counts as one."""
    return {key: [row[ROUNDS_OF]] for key, row in kept["subjects"].items() if ROUNDS_OF in row}


def _ended(number: int, frame: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
