"""Fuzz the checker for some minutes: `make fuzz MINUTES=n`.

Inputs that reached something new are kept in `.fuzz/corpus`, so that the next run goes on from
there. Failures are in `.fuzz/failures`, each text beside its traceback. The exit code is 1 if there
are any.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.fuzz.inputs import corpus  # noqa: E402

WORK = ROOT / ".fuzz"
# Longer inputs only make each one slower: the seeds are shorter.
INPUT_BYTES_MAX = 20_000
# Far beyond what any input of that length takes, even with every line traced.
HANGS_AFTER_S = 30
MEMORY_MB_MAX = 3_000


def main() -> int:
    """Fuzz, and report the result."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--minutes", type=float, default=10)
    minutes = asked.parse_args().minutes
    kept, failures = WORK / "corpus", WORK / "failures"
    for folder in (kept, failures):
        folder.mkdir(parents=True, exist_ok=True)
    for old in failures.iterdir():
        old.unlink()
    for data in corpus():
        (kept / hashlib.sha256(data).hexdigest()[:20]).write_bytes(data)
    options = [
        f"-max_total_time={int(minutes * 60)}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-timeout={HANGS_AFTER_S}",
        f"-report_slow_units={HANGS_AFTER_S}",
        f"-rss_limit_mb={MEMORY_MB_MAX}",
        f"-artifact_prefix={failures}/",
        "-print_final_stats=1",
    ]
    child = [sys.executable, "-m", "tests.fuzz.target", str(failures), *options, str(kept)]
    # Endless recursion is an error of Python's own, wherever the fuzzer runs.
    done = subprocess.run(child, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "0"}, check=False)
    found = sorted(failures.iterdir())
    for path in found:
        print(f"failed: {path.relative_to(ROOT)}")
    print("nothing failed" if not found else f"{len(found)} file(s) to look at")
    return 1 if found or done.returncode else 0


if __name__ == "__main__":
    raise SystemExit(main())
