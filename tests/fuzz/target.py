"""One fuzzing process: traces the lines that an input reaches, and keeps each input that fails.

It needs the extra `fuzz`. It goes on after a failure, and keeps the first input for each place that
fails.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["opord.language", "opord.codegen"]):
    from tests.fuzz.properties import hold
from tests.fuzz.inputs import text_of

# An empty folder for failures, given as the first argument.
FAILURES = Path(sys.argv[1])
_known: set[tuple[str, str, int]] = set()


def once(data: bytes) -> None:
    """Check one input."""
    text = text_of(data)
    try:
        hold(text)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = (type(error).__name__, Path(frame.filename).name, frame.lineno or 0)
        if place in _known:
            return
        _known.add(place)
        kept = FAILURES / ("-".join(map(str, place)) + ".opord")
        kept.write_bytes(text.encode("utf-8", errors="surrogateescape"))
        kept.with_suffix(".txt").write_text(traceback.format_exc(), "utf-8")


if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[2:]], once)
    atheris.Fuzz()
