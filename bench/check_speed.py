"""How long `opord check` takes, as a whole process, for contracts from 100 to 2,900 states (1 MiB); and a check in a warm one.

The contracts are those of `big_contract.py`: three moves a state and three actions to ten states, with 50 `ensure`
lines and without. Every figure of a table is from the same run on the same machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from big_contract import big_contract
from plot import plot

from opord.language import check_text

OPORD = Path(sys.executable).with_name("opord")
ENSURES = 50
WARM_STATES = 190  # 2,000 lines


def process_seconds(arguments: list[str], repeats: int) -> list[float]:
    """Return how long the program took from its start to its end, each time."""
    took = []
    # As where it is installed: with its bytecode, which the first time writes.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(repeats + 1):
        began = time.perf_counter()
        done = subprocess.run([OPORD, *arguments], capture_output=True, check=False, env=environment)
        took.append(time.perf_counter() - began)
        if done.returncode:
            raise RuntimeError(f"opord {' '.join(arguments)}: {done.stdout.decode()[:500]}")
    return took[1:]


def warm_seconds(text: str, repeats: int) -> list[float]:
    """Return how long a check took in this process, each time."""
    check_text(text)
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        check_text(text)
        took.append(time.perf_counter() - began)
    return took


def figures(took: list[float]) -> str:
    """Show the best and the middle of several times, in milliseconds."""
    return f"{min(took) * 1000:8.0f} {statistics.median(took) * 1000:8.0f}"


def main() -> None:
    """Measure, print a table, and draw it if asked."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--states", type=int, nargs="+", default=[100, 300, 1000, 2000, 2900])
    asked.add_argument("--repeats", type=int, default=7)
    asked.add_argument("--plot", type=Path, help="write an SVG here")
    options = asked.parse_args()
    lines: dict[str, list[tuple[float, float]]] = {"with 50 ensure lines": [], "without": []}
    print("opord check, the whole process, in milliseconds (best and median)")
    print(f"{'states':>8} {'lines':>8} {'KiB':>6}   {'without':>17}   {'with 50 ensure':>17}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.opord"
        for states in options.states:
            took = {}
            for name, ensures in (("without", 0), ("with 50 ensure lines", ENSURES)):
                text = big_contract(states, ensures=ensures)
                path.write_text(text, encoding="utf-8")
                took[name] = process_seconds(["check", "--strict", str(path)], options.repeats)
                lines[name].append((states, statistics.median(took[name])))
            size = f"{text.count(chr(10)):8} {len(text.encode()) / 1024:6.0f}"
            print(
                f"{states:8} {size}   {figures(took['without'])}   {figures(took['with 50 ensure lines'])}",
                flush=True,
            )
    print(f"\nopord --version: {figures(process_seconds(['--version'], options.repeats))}")
    text = big_contract(WARM_STATES, ensures=ENSURES)
    print(
        f"check_text of {text.count(chr(10))} lines, warm: {figures(warm_seconds(text, options.repeats * 3))}"
    )
    if options.plot:
        options.plot.parent.mkdir(parents=True, exist_ok=True)
        options.plot.write_text(
            plot("Seconds to check a contract", "states", "seconds", lines), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
