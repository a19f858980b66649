"""A receiver that notes what came, and is often slow or wrong: PORT FILE SECRET SEED."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from pathlib import Path

from opord.server.outgoing.signing import key_of, signed


async def main(port: int, file: Path, secret: str, seed: int) -> None:
    """Serve for ever."""
    moods = random.Random(seed)
    key = key_of(secret)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            headers: dict[str, str] = {}
            while line := (await reader.readline()).decode().strip():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            body = await reader.readexactly(int(headers["content-length"]))
            sent_at = int(headers["webhook-timestamp"])
            expected = signed([key], headers["webhook-id"], sent_at, body)
            genuine = (
                expected["webhook-signature"] == headers["webhook-signature"]
                and abs(time.time() - sent_at) < 60
            )
            mood = moods.random()
            if mood < 0.1:
                await asyncio.sleep(0.8)  # the sender has gone by then, and yet it is noted
            if genuine and mood < 0.8:
                with file.open("a") as log:
                    data = json.loads(body)["data"]
                    log.write(json.dumps([data["run"], data["seq"], headers["webhook-id"]]) + "\n")
                    log.flush()
                    os.fsync(log.fileno())
            said = (
                b"204 No Content" if genuine and mood < 0.7 else b"500 Moody"
            )  # some were noted all the same
            writer.write(b"HTTP/1.1 " + said + b"\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
