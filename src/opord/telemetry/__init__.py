"""Numbers and health of a process, for those who watch it.

`families.py` lists the metrics, `metrics.py` gathers them, `monitor.py` asks the store, and
`app.py` answers `/metrics`, `/livez` and `/readyz`. The numbers need the extra `server`.
"""

from __future__ import annotations

from opord.telemetry.app import TelemetryApp
from opord.telemetry.metrics import Metrics
from opord.telemetry.monitor import Monitor

__all__ = ["Metrics", "Monitor", "TelemetryApp", "app", "families", "metrics", "monitor", "tracing"]
