"""Deliver webhooks by hand, signed as their sender does.

python -m opord.examples.orders.send http://127.0.0.1:8400 ord_1002.json
"""

from __future__ import annotations

import argparse
import asyncio
import os

import httpx

from opord.examples.orders.app import SECRET_FOR_TRIALS
from opord.examples.orders.stage import deliver


def main() -> None:
    """Deliver the named files of `webhooks/`, and print each answer."""
    parser = argparse.ArgumentParser(description="Delivers webhooks of finished checkouts.")
    parser.add_argument("url", help="where the shop's app listens")
    parser.add_argument("files", nargs="+", help="files of the folder webhooks/")
    options = parser.parse_args()
    asyncio.run(_send(options.url.rstrip("/"), options.files))


async def _send(url: str, files: list[str]) -> None:
    secret = os.environ.get("STRIPE_WEBHOOK_SECRET", SECRET_FOR_TRIALS)
    async with httpx.AsyncClient() as http:
        for delivery in await deliver(http, url, files, secret):
            print(f"{delivery.file}: {delivery.status}, {delivery.answer}")


if __name__ == "__main__":
    main()
