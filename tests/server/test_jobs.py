"""What a server does beside the requests: it ends in time, whatever it waits for."""

from __future__ import annotations

import asyncio

from opord.server.jobs import Jobs


def test_a_job_may_end_and_is_cancelled_when_it_takes_too_long() -> None:
    async def test() -> None:
        jobs, ended = Jobs(), list[str]()

        async def soon() -> None:
            await asyncio.sleep(0.01)
            ended.append("soon")

        async def never() -> None:
            try:
                await asyncio.Event().wait()  # as for a store that is away
            finally:
                ended.append("never")

        jobs.begin("soon", soon())
        jobs.begin("never", never())
        async with asyncio.timeout(10):
            await jobs.end(0.3)
        assert ended == ["soon", "never"]
        await jobs.end(0.3)

    asyncio.run(test())
