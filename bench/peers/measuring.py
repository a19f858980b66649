"""The measures, each the same for all subjects and bounded in time and in number."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.peers.processes import Part, PartFailed, memory_mib, processor_s, tree
from bench.peers.subjects import Stand, Subject

CLIENTS = 100
"""Clients whose orders a second are compared."""

Measure = dict[str, Any]
MakeStand = Callable[..., AbstractContextManager[Stand]]


@dataclass(frozen=True)
class Sizes:
    """How much is measured, and for how long at the most."""

    window_s: float
    rounds: int
    sweep: tuple[int, ...]
    live: int
    waiting: int
    resumed: int
    fill_s: float
    waiting_s: float
    settle_s: float
    resume_s: float
    steps: int
    loop_s: float
    workers: tuple[int, ...]


FULL = Sizes(6.0, 3, (10, 30, 300, 1000), 1000, 100_000, 10_000, 20.0, 30.0, 8.0, 40.0, 10_000, 40.0, (2, 4))
QUICK = Sizes(2.0, 1, (10, 300), 200, 3_000, 500, 8.0, 8.0, 8.0, 30.0, 400, 10.0, (2,))


def throughput(make: MakeStand, subject: Subject, sizes: Sizes) -> Measure:
    """Orders a second of 100 clients, the time of each, a lone client, and other numbers of clients."""
    with make() as one:
        first = _orders(one, 0, CLIENTS, sizes.window_s / 2)["next"]  # warms up
        many = _counted(one, first, CLIENTS, sizes.window_s)
        lone = _counted(one, many.pop("next"), 1, sizes.window_s / 2)
        first = lone["next"]
        sweep = {str(CLIENTS): many["rate"], "1": lone["rate"]}
        for clients in sizes.sweep:
            each = _orders(one, first, clients, sizes.window_s / 2)
            first = each["next"]
            sweep[str(clients)] = each["rate"]
            if each["given_up"]:
                break  # what was given up is still under way, and would slow the others
        return {**many, "sweep": sweep, "lone": {"p50_ms": lone["p50_ms"], "p99_ms": lone["p99_ms"]}}


def best_of(rounds: list[Measure]) -> Measure:
    """Return the best of each figure over rounds: other work on the machine only ever makes one worse."""
    good = [each for each in rounds if "why" not in each]
    if not good:
        return rounds[0]
    sweep = {
        clients: max(each["sweep"][clients] for each in good if clients in each["sweep"])
        for clients in sorted({clients for each in good for clients in each["sweep"]}, key=int)
    }
    best = max(sweep, key=lambda clients: sweep[clients])
    return {
        **max(good, key=lambda each: each["rate"]),
        "rates": [rate for each in rounds for rate in each.get("rates", [each.get("rate")])],
        "processor_ms": min((each["processor_ms"] for each in good), key=lambda used: used["all"]),
        "lone": min((each["lone"] for each in good), key=lambda lone: lone["p50_ms"]),
        "sweep": sweep,
        "best": {"clients": int(best), "rate": sweep[best]},
    }


def syncs(make: MakeStand, subject: Subject, sizes: Sizes) -> Measure:
    """How many times the processes sync a file for an order, of a lone client and of many, by `perf stat`."""
    with make() as one:
        first = _orders(one, 0, CLIENTS, sizes.window_s / 2)["next"]
        lone = _syncs(one, first, 1, sizes.window_s / 2)
        return {"lone": lone, "many": _syncs(one, first + 1_000_000, CLIENTS, sizes.window_s / 2)}


def live(make: MakeStand, subject: Subject, sizes: Sizes) -> Measure:
    """The memory of all processes while so many orders are in a call."""
    with make(holds=True) as one:
        before = _memory(one)
        filled = _fill(one, "held", sizes.live, sizes.fill_s)
        end = time.monotonic() + sizes.settle_s
        while (held := one.workers[0].ask("counts")["held"]) < filled["started"] and time.monotonic() < end:
            time.sleep(0.2)
        return {"runs": held, "before_mib": before, "mib": _memory(one)}


def waiting(make: MakeStand, subject: Subject, sizes: Sizes) -> Measure:
    """The memory of all processes while so many runs wait for an event or a timer."""
    with make() as one:
        before = _memory(one)
        filled = _fill(one, "waiting", sizes.waiting, sizes.waiting_s)
        settled = _settle(one, sizes.settle_s)
        return {
            "runs": filled["started"],
            "starts_a_second": filled["started"] / filled["took_s"],
            "settled": settled,
            "before_mib": before,
            "mib": _memory(one),
        }


def resume(make: MakeStand, subject: Subject, sizes: Sizes) -> Measure:
    """The time from the start of a new worker to the last call of all orders that the killed one had."""
    with make(holds=True) as one:
        filled = _fill(one, "held", sizes.resumed, sizes.fill_s)
        one.kill_workers()
        worker = one.add_worker()
        end = worker.began + sizes.resume_s
        while True:
            counts = worker.ask("counts", within_s=60)
            if counts["ended"] >= filled["started"] or time.time() > end:
                break
            time.sleep(0.2)
        found: Measure = {"runs": filled["started"], "ended": counts["ended"]}
        if counts["first_end"] is not None:
            found["first_s"] = counts["first_end"] - worker.began
            found["all_s"] = counts["last_end"] - worker.began
        return found


def loop(make: MakeStand, subject: Subject, sizes: Sizes) -> Measure:
    """Milliseconds from one step of a run to the next, early in it and after thousands of steps."""
    with make() as one:
        _loop(one, "warm", 100, sizes.loop_s)
        error = _loop(one, "long", sizes.steps, sizes.loop_s)
        pace: Measure = one.workers[0].ask("pace", name="long")
        return {**pace, "wanted": sizes.steps, "error": error}


def workers(make: MakeStand, subject: Subject, sizes: Sizes) -> Measure:
    """Orders a second of 100 clients with several workers."""
    if subject.workers_refused:
        return {"why": subject.workers_refused}
    found: Measure = {}
    for count in sizes.workers:
        with make(workers=count) as one:
            each = CLIENTS // len(one.clients)
            _at_once(one.clients, 0, each, sizes.window_s / 2)
            answers = _at_once(one.clients, 500_000, each, sizes.window_s)
            found[str(count)] = sum(answer["rate"] for answer in answers)
    return found


def measured(measure: Callable[[], Measure]) -> Measure:
    """Return what a measure finds, or why it could not be taken."""
    try:
        return measure()
    except (PartFailed, RuntimeError, OSError) as error:
        return {"why": str(error).splitlines()[0][:300]}


def _orders(one: Stand, first: int, clients: int, seconds: float) -> Measure:
    answer: Measure = one.client.ask(
        "orders", within_s=seconds, first=first, clients=clients, seconds=seconds
    )
    return answer


def _counted(one: Stand, first: int, clients: int, seconds: float) -> Measure:
    """Let clients order; return the rate, the times, and the processor time an order of each part."""
    before = _processors(one)
    answer = _orders(one, first, clients, seconds)
    after = _processors(one)
    if not answer["orders"]:
        raise RuntimeError(f"no order of {clients} clients ended in time")
    used = {what: (after[what] - before[what]) / answer["orders"] * 1e3 for what in after}
    return {
        "rate": answer["rate"],
        "given_up": answer["given_up"],
        "p50_ms": answer["p50_ms"],
        "p99_ms": answer["p99_ms"],
        "processor_ms": {**used, "all": sum(used.values())},
        "next": answer["next"],
    }


def _at_once(clients: list[Part], first: int, each: int, seconds: float) -> list[Measure]:
    for number, part in enumerate(clients):
        part.tell("orders", first=first + number * 1_000_000, clients=each, seconds=seconds)
    return [part.answer(seconds) for part in clients]


def _fill(one: Stand, what: str, count: int, seconds: float) -> Measure:
    answer: Measure = one.client.ask(
        "fill", within_s=seconds, what=what, first=0, count=count, at_once=CLIENTS, seconds=seconds
    )
    return answer


def _loop(one: Stand, name: str, steps: int, seconds: float) -> str | None:
    """Let a run make its steps; return the error that it ended with, if so."""
    one.client.ask("loop", name=name, steps=steps)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = one.client.ask("loop ended", name=name)
        if state["done"]:
            return str(state["error"]) if state["error"] else None
        time.sleep(0.2)
    return None


def _settle(one: Stand, within_s: float) -> bool:
    """Wait until the processes are idle: all of them together use less than a fifth of a core for two seconds."""
    end = time.monotonic() + within_s
    quiet = 0
    before = sum(_processors(one).values())
    while quiet < 2 and time.monotonic() < end:
        time.sleep(1.0)
        after = sum(_processors(one).values())
        quiet = quiet + 1 if after - before < 0.2 else 0
        before = after
    return quiet == 2


def _processors(one: Stand) -> dict[str, float]:
    return {what: sum(processor_s(pid) for pid in pids) for what, pids in one.pids().items()}


def _memory(one: Stand) -> float:
    return sum(memory_mib(pid) for pids in one.pids().values() for pid in pids)


def _syncs(one: Stand, first: int, clients: int, seconds: float) -> float:
    perf = shutil.which("perf")
    if perf is None:
        raise RuntimeError("there is no `perf` to count with")
    file = one.folder / "perf"
    counter = next((one_try for _ in range(5) if (one_try := _counter(perf, file, one)).poll() is None), None)
    if counter is None:
        raise RuntimeError("`perf` may not count system calls here")
    orders: int = max(_orders(one, first, clients, seconds)["orders"], 1)
    os.kill(counter.pid, signal.SIGINT)
    counter.wait(30)
    return sum(map(int, re.findall(r"^(\d+),,syscalls:", file.read_text(), re.MULTILINE))) / orders


def _counter(perf: str, file: Path, one: Stand) -> subprocess.Popen[bytes]:
    """Start to count. It ends at once if a thread ends while it looks for them all."""
    targets = [str(pid) for pids in one.pids().values() for top in pids for pid in tree(top)]
    events = "syscalls:sys_enter_fsync,syscalls:sys_enter_fdatasync"
    command: list[str | Path] = [perf, "stat", "-x", ",", "-o", file, "-e", events, "-p", ",".join(targets)]
    counter = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    time.sleep(1.0)
    return counter
