"""The one source of engines for simulations and tests: virtual time, one thread, a seed."""

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
    """Return an engine that is not open yet.

    The store is the caller's, and may be one that fails. `poll_s` is how long its worker sleeps at
    most, as in `Environment`. `skew_us` is the error of this machine's clock; the store's is right.
    `settings` are those of `Engine`.
    """
    environment = virtual_environment(clock, seed=seed, worker=worker)
    if poll_s is not None:
        environment.poll_s = poll_s
    if skew_us:
        environment.now = lambda: clock.now_us + skew_us
    return Engine(store, workflows, environment=environment, hook=hook, **settings)


async def kill(engine: Engine) -> None:
    """End an engine as SIGKILL would: nothing more is written, nobody is notified."""
    opened, engine._open = engine._open, None
    if opened is not None:
        await kill_process(opened.process)
