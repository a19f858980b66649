"""The one place from which simulations and tests have their engines: virtual time, one thread, seeded randomness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opord.backends.front import Engine
from opord.drive import hooks
from opord.generated.workflow import Workflow
from opord.testing.clock import VirtualClock, virtual_environment
from opord.testing.crashing import kill_process


def virtual_engine(
    store: Any,
    workflows: Sequence[Workflow | type[Workflow]],
    clock: VirtualClock,
    *,
    seed: int,
    worker: str,
    poll_s: float | None = None,
    skew_us: int = 0,
    hook: hooks.Hook = hooks.nothing,
    **settings: Any,
) -> Engine:
    """Return an engine that is not open yet; the store is the caller's, and may stand for one that fails.

    `poll_s` is how long its worker sleeps at most, as in `Environment`. `skew_us` is by how much this machine's clock is wrong; the
    store's is right. `settings` are those of `Engine`.
    """
    environment = virtual_environment(clock, seed=seed, worker=worker)
    if poll_s is not None:
        environment.poll_s = poll_s
    if skew_us:
        environment.now = lambda: clock.now_us + skew_us
    return Engine(store, workflows, environment=environment, hook=hook, **settings)


async def kill(engine: Engine) -> None:
    """End an engine as SIGKILL would: nothing more is written, nobody is told."""
    opened, engine._open = engine._open, None
    if opened is not None:
        await kill_process(opened.process)
