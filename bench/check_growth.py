"""How the time to check a hostile text grows while its size doubles: about twice, or somebody could stop a gate."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from opord.language import check_text
from opord.language.syntax.formatter import NotFormatted, format_source
from tests.fuzz.families import FAMILIES

# Twice the text may take a little more than twice the time: larger tables fit caches less well.
RATIO_MAX = 2.6
# Below this a ratio is noise.
MEASURABLE_S = 0.05


def seconds(text: str, *, layout: bool) -> float:
    """Return how long a text takes to be checked, or laid out, the shorter of two."""
    best = float("inf")
    for _ in range(2):
        began = time.process_time()
        if layout:
            with suppress(NotFormatted):
                format_source(text)
        else:
            check_text(text)
        best = min(best, time.process_time() - began)
        if best > 2:
            break
    return best


def main() -> int:
    """Measure every family, and say which grow too fast."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("family", nargs="*", help="only these")
    asked.add_argument("--start", type=int, default=1250, help="the first size")
    asked.add_argument("--doublings", type=int, default=3)
    asked.add_argument("--layout", action="store_true", help="measure `fmt` in place of `check`")
    options = asked.parse_args()
    steep = []
    for name in options.family or FAMILIES:
        family = FAMILIES[name]
        took = [
            seconds(family(options.start << i), layout=options.layout) for i in range(options.doublings + 1)
        ]
        ratios = [b / a for a, b in pairwise(took) if b > MEASURABLE_S]
        worst = max(ratios, default=0.0)
        print(f"{name:34} {'  '.join(f'{each * 1000:9.1f} ms' for each in took)}   x{worst:.2f}", flush=True)
        if worst > RATIO_MAX:
            steep.append(name)
    print(f"grow too fast: {', '.join(steep) or 'none'}")
    return int(bool(steep))


if __name__ == "__main__":
    raise SystemExit(main())
