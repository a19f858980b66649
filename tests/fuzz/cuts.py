"""Checks every contract of the repository, cut off after every byte: `python -m tests.fuzz.cuts`.

A cut inside a letter leaves invalid UTF-8, which has to be a finding too. The test suite takes a
few cuts of each contract, at different places. The whole takes long.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Iterator

from opord.language import CheckResult, check_source
from opord.language.syntax.source import Source
from tests.fuzz.properties import FILE, hold_findings, read_used
from tests.fuzz.seeds import seeds


def cuts(every: int) -> Iterator[bytes]:
    """Yield the starts of all contracts that end at every nth byte, each with another first cut."""
    for number, text in enumerate(seeds()):
        content = text.encode("utf-8")
        for end in range(number * 31 % every, len(content), every):
            yield content[:end]


def hold_cut(content: bytes) -> CheckResult:
    """Check a cut contract: it is accepted, or there is a finding with a place in it."""
    result = check_source(Source.from_bytes(FILE, content), read=read_used)
    hold_findings(result)
    return result


def main() -> int:
    """Cut at every byte, or at every nth, and report what fails."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--every", type=int, default=1)
    count = failed = 0
    for content in cuts(asked.parse_args().every):
        count += 1
        try:
            hold_cut(content)
        except Exception:
            failed += 1
            sys.stderr.write(f"{content.decode('utf-8', 'replace')}\n{traceback.format_exc()}\n")
    print(f"{count} cuts, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
