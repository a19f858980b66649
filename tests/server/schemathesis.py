"""Ask a running API all that its OpenAPI document allows, and what it does not: `make api`.

python -m tests.server.schemathesis [--examples N] [--seed N]

Schemathesis makes the requests and judges the answers. It ends with status 1 if it finds something.
Streams are left out: their answers do not end.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

TYPED = """
## Takes values of each type.
contract Typed(
  name: str, count: int = 3, price: decimal, ratio: float, on: bool, raw: bytes?, at: datetime, day: date, span: duration,
  id: uuid, any: json, tags: list[str], more: map[str, int], box: Box, shape: Shape, colour: Colour = Red, pin: secret str?
) key name

require count > 0 else "nothing is wanted"
require len(tags) <= 3 and box.width >= -5 else "too much"

record Box { width: int, inner: Box?, type: str }
enum Shape { Circle(radius: float), Square(side: int, type: str), Nothing }
enum Colour { Red, Green }
role clerk
event approve(note: str, shape: Shape?) by clerk
event ping

initial state Asked -> Done {
  on approve -> goto Done
  on ping ignore
  on cancel -> goto Done
  after 7d -> goto Done
}
final state Done success
"""

OPORD = [sys.executable, "-c", "from opord.cli import main; main()"]
SCHEMATHESIS = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]


def found(folder: Path, *, examples: int, seed: int) -> tuple[int, str]:
    """Run Schemathesis against a server in a folder; return its status and what it says."""
    (folder / "typed.opord").write_text(TYPED)
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    serve = [*OPORD, "serve", "--contract", "typed.opord", "--port", "0", "--insecure-plaintext-secrets"]
    with subprocess.Popen(serve, cwd=folder, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            place = re.search(r" at (http://\S+/api/v1) ", server.stderr.readline())
            assert place is not None
            told = subprocess.run(
                [
                    *SCHEMATHESIS, "run", f"{place[1]}/contracts/Typed/openapi.json", "--max-examples", str(examples),
                    "--seed", str(seed), "--no-color", "--exclude-path-regex", "/changes$",
                ],
                cwd=folder, capture_output=True, text=True, check=False,
                env={**os.environ, "PYTHONHASHSEED": "0", "SCHEMATHESIS_HOOKS": "tests.server.schemathesis_hooks", "PYTHONPATH": paths},
            )  # fmt: skip
        finally:
            server.kill()
    return told.returncode, told.stdout + told.stderr


def main() -> int:
    """Run it and say what was found."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--examples", type=int, default=100, help="examples for each address")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        status, said = found(Path(folder), examples=chosen.examples, seed=chosen.seed)
    print(said)
    return status


if __name__ == "__main__":
    raise SystemExit(main())
