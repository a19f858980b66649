"""`opord` with short pauses of its sender, for tests that kill it."""

from __future__ import annotations

from opord.cli import main
from opord.server.outgoing import posting, schedule, sender

posting.TIMEOUT_S = sender.TIMEOUT_S = 0.5  # type: ignore[misc]
schedule.PAUSES_S = (0.1, 0.3)  # type: ignore[misc,assignment]
sender.LEASE_S, sender.RENEW_S, sender.LOOK_S = 2.0, 0.3, 0.05  # type: ignore[misc]
sender.FAILING_PAUSE_S_MOST = 0.2  # type: ignore[misc]

if __name__ == "__main__":
    main()
