"""Four workers on a PostgreSQL server, while they are killed, it is stopped, and connections are cut.

python tests/soak/servers.py --minutes 3 [--seed N]

The provider is a process of its own, and its ledger is all that is asked about charges. At the end a
person decides what is in doubt, by the ledger, and each order has to have ended.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import opord
from opord.drive.errors import NotInDoubt
from tests.kill.judge import Broken
from tests.kill.siege import Siege
from tests.support.postgres import Server, new_folder
from tests.support.proxy import Proxy

WORKERS = 4
PAUSE_S = 0.5, 3.0
AT_ONCE = 8
"""How many orders are started at a time."""

ROUNDS_MOST = 20
"""How often a person decides what is in doubt, at most."""

ROUNDS_OF_TRUST = 3
"""How often a call that did not happen is made again before its order is ended."""

LIVE_MOST = 60
"""How many orders may be under way before the next are started."""


class Storm:
    """A server, a proxy before it, a provider, workers and a client."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.server = Server(new_folder())
        self.server.make()
        self.server.start()
        self.proxy = Proxy(self.server.port)
        self.proxy.__enter__()
        through = f"postgresql://postgres@127.0.0.1:{self.proxy.port}/postgres"
        self.siege = Siege(folder, seed=seed, trouble=0.3, url=through)
        self.counts: Counter[str] = Counter()
        self.crew: list[subprocess.Popen[str]] = []

    def close(self) -> None:
        """End all processes."""
        self.siege.close()
        self.proxy.__exit__()
        self.server.stop()
        shutil.rmtree(self.server.folder)

    async def tell(self, seconds: float) -> Counter[str]:
        """Start orders and make trouble for some time; then let all orders end, and judge."""
        siege = self.siege
        straight = opord.Engine(self.server.url(), [cls for _, cls in siege.flows])
        async with straight as engine:
            for _ in range(WORKERS):
                self.crew.append(siege.worker())
            await asyncio.gather(*(siege.is_up(one) for one in self.crew))
            end = time.monotonic() + seconds
            starting = asyncio.create_task(self._start(engine, end))
            while time.monotonic() < end:
                await asyncio.sleep(self.random.uniform(*PAUSE_S))
                await asyncio.to_thread(self._strike)
            await starting
            await self._calm(engine)
            counts = siege.judge(engine, self.counts["orders"])
        return counts + self.counts

    async def _start(self, engine: opord.Engine, end: float) -> None:
        number = 0
        while time.monotonic() < end:
            names = [f"o{number + n}" for n in range(AT_ONCE)]
            number += AT_ONCE
            flows = [cls for _, cls in self.siege.flows]
            await asyncio.gather(
                *(engine.start(self.random.choice(flows), id=name, cents=100) for name in names)
            )
            self.counts["orders"] += AT_ONCE
            await asyncio.sleep(0.2)
            while time.monotonic() < end and self._live(engine) > LIVE_MOST:  # noqa: ASYNC110 - a stored state
                await asyncio.sleep(0.2)

    def _live(self, engine: opord.Engine) -> int:
        with suppress(opord.StoreUnavailable):
            counts = engine.store.counts()
            return sum(n for status, n in counts.items() if status not in ("ended", "in_doubt"))
        return LIVE_MOST + 1

    def _strike(self) -> None:
        """Do one of the things that go wrong. A worker that ended at its start is replaced."""
        self._replace()
        what = self.random.choice(
            ["kill", "kill", "kill", "stop", "restart", "cut", "cut", "terminate", "freeze"]
        )
        self.counts[what] += 1
        if what in ("kill", "stop"):
            victim = self.crew.pop(self.random.randrange(len(self.crew)))
            if what == "kill":
                self.siege.kill(victim)
            else:
                victim.send_signal(signal.SIGTERM)
            self.crew.append(self.siege.worker())
        elif what == "freeze":
            victim = self.random.choice(self.crew)
            victim.send_signal(signal.SIGSTOP)
            time.sleep(3 * self.siege.lease_s)
            victim.send_signal(signal.SIGCONT)
        elif what == "restart":
            (self.server.stop if self.random.random() < 0.5 else self.server.kill)()
            time.sleep(self.random.uniform(0, 3 * self.siege.lease_s))
            self.server.start()
        elif what == "cut":
            for _ in range(self.random.randrange(1, 30)):
                self.proxy.arm(self.random.choice(["before", "after"]))
        else:
            with suppress(Exception):
                self.server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'opord'"
                )

    def _replace(self) -> None:
        self.crew = [one for one in self.crew if one.poll() is None]
        while len(self.crew) < WORKERS:
            self.counts["replaced"] += 1
            self.crew.append(self.siege.worker())

    async def _calm(self, engine: opord.Engine) -> None:
        siege = self.siege
        self.proxy.disarm()
        self._replace()

        def rest() -> bool:
            return all(siege.rests(row) for row in siege.rows(engine))

        doubtful: list[str] = []
        for number in range(ROUNDS_MOST):
            await siege.until(rest, "every order has ended, or is in doubt for a person", 120)
            doubtful = [row.run for row in siege.rows(engine) if row.head.status == "in_doubt"]
            if not doubtful:
                return
            for run in doubtful:
                await self._decide(engine, run, last=number >= ROUNDS_OF_TRUST)
        raise Broken("stuck", f"in doubt after {ROUNDS_MOST} rounds of decisions: {doubtful}")

    async def _decide(self, engine: opord.Engine, run: str, *, last: bool) -> None:
        """Say what the ledger says. A call that did not happen is made again, and may fail again.

        The provider answers some keys with the same error for ever. Such an order is ended at last.
        """
        charge = next((one for one in self.siege.charges() if one.run == run and one.do == "charge"), None)
        result = None if run.startswith("Skipped") or charge is None else {"id": charge.id}
        if last and charge is None:
            await engine.client.terminate(run, actor="ops", reason="the provider never answers this key")
            self.counts["terminated by a person"] += 1
            return
        with suppress(NotInDoubt):
            await engine.client.resolve(run, happened=charge is not None, result=result, actor="ops")
        self.counts["decided by a person"] += 1


def main() -> int:
    """Run one storm; return 1 if it found a promise broken."""
    parser = argparse.ArgumentParser(description="Hold orders on PostgreSQL against the provider's ledger.")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=None)
    said = parser.parse_args()
    seed = random.SystemRandom().randrange(10**9) if said.seed is None else said.seed
    folder = Path(tempfile.mkdtemp(prefix="opord-servers-"))
    storm = Storm(folder, seed)
    try:
        counts = asyncio.run(storm.tell(60 * said.minutes))
    except Broken as error:
        print(f"seed {seed}: {error}\n  again: python tests/soak/servers.py --seed {seed}\n  logs: {folder}")
        return 1
    finally:
        storm.close()
    shutil.rmtree(folder)
    print(f"seed {seed}: nothing lost, nothing twice")
    for name, count in sorted(counts.items()):
        print(f"  {name:<24} {count:>6}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
