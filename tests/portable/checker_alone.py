"""Check a contract with the standard library alone, and say what that took, as JSON.

python -S -I checker_alone.py SOURCES FILE: `-S` leaves out what is installed, so that an import of
another package fails. It stands for a browser, in which nothing but the checker is loaded.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main(sources: str, file: str) -> None:
    """Check the contract in `file` with the package below `sources`."""
    before = set(sys.modules)
    sys.path.insert(0, sources)
    started = time.perf_counter()
    from opord.language import check_text
    from opord.language.diagnostics.render.json import as_data

    result = check_text(Path(file).read_text(encoding="utf-8"), "order.opord")
    took_s = time.perf_counter() - started
    loaded = {name: module for name, module in sys.modules.items() if name not in before}
    own = [module for name, module in loaded.items() if name.split(".")[0] == "opord"]
    files = [Path(module.__file__) for module in own if module.__file__ is not None]
    told = {
        "findings": [as_data(finding) for finding in result.diagnostics],
        "contract": result.contract.name if result.contract is not None else None,
        "foreign": sorted({name.split(".")[0] for name in loaded} - {"opord", *sys.stdlib_module_names}),
        "modules": len(files),
        "bytes": sum(file.stat().st_size for file in files),
        "seconds": round(took_s, 3),
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
