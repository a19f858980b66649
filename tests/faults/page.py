"""Writes docs/reliability.md from the registry, for users who audit the guarantees."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.faults.kinds import ACTION, EFFECT, MESSAGE, OUTSIDE, STORE
from tests.faults.registry import ALWAYS, ELSEWHERE, FAULTS, Named
from tests.faults.stories import REFERENCE, STORIES

HEAD = """# Reliability

What can go wrong, what is true afterwards, and the test that holds Opord to it. This page is for those who want to check
before they rely on it; [the guarantees](guarantees.md) say the same in prose. It is written from the registry that the tests
themselves are checked against (`tests/faults/registry.py`): a test that is named here exists and runs with `make test`.
"""

FAULT_HEAD = """
## Faults

The instants at which a process can die, or be told something untrue, while a run is carried. Each row was provoked on purpose.

| | what happens | what is true after it | tests |
| --- | --- | --- | --- |
"""

INVARIANT_HEAD = """
## What is true whatever happens

After each fault, a verifier that shares no code with the engine reads the raw journal, the ledger of the provider and what clients
were told. It asserts all of these that apply. For each there is also a test that breaks a sound world on purpose, and holds that the
verifier says so: a verifier that is blind would hold everything.

| | what | what it means | tests |
| --- | --- | --- | --- |
"""

SWEEP_HEAD = """
## Every fault at every operation

Besides the named faults, every operation of whole stories is made to fail, one after the other: each verb that the engine asks of
the store, each call of a handler, each message from outside. What is tried at each:
"""

SWEEP_TAIL = """
The stories are {stories}. For three of them ({reference}) every pair of faults is tried too, the second anywhere after the first,
recovery included. After each telling the run must have ended, nothing may be lost, and the ledger has to fit the end: what was
charged was delivered for or given back, what was booked is whole or undone in reverse.

`make test` tries the single faults of those three stories in memory, and samples of the rest; `make faults` tries all of them, and
all pairs, on both stores, and prints how many there were, how many led to a doubt, and how the runs ended. A case that fails is
printed with the command that runs it again:

```console
$ .venv/bin/python tests/faults/run.py --story "trip booked" --store sqlite --fault "7 crash after" --fault "12 done, away"
it ends well, in Booked
```

Other levels of the same: `make sim` (random contracts, random faults, one seed each), `make soak` (real processes, killed at every
point and at random), `make power` (the disk below).

## Processes that die, stop or go wrong

Workers on one file are killed with SIGKILL at every named point and at any moment, some hundred times a minute, and stopped with SIGSTOP for three
leases, so that they come back as zombies; they are told to end by SIGTERM, and by SIGINT twice; two have one name by mistake; and in every fourth storm
the clock is set while they work, by half a second, an hour, 25 hours and a year ([test_siege](../tests/kill/test_siege.py)). Each is
a client as well: starts and events die with it and are asked again. The provider is late, drops connections before and after it has charged, keeps
errors under a key, forgets keys, and shows a charge only a while after it. `make soak MINUTES=n` goes on with that and counts how many died where.

Handlers are hostile, too ([test_rogues](../tests/kill/test_rogues.py)): they end the process, crash it, close its files, take all its descriptors or
memory, keep the event loop or the interpreter for four leases, and never return. They fork children that come back, are ended or hear signals, open pools, and set up
logging; signals come twice at once, and at any moment of a worker's start ([test_worker_in_the_world](../tests/cli/test_worker_in_the_world.py)). Coroutines swallow
their cancellation or outlast it ([test_handlers_that_outlast_cancellation](../tests/engine/test_handlers_that_outlast_cancellation.py)). What a handler raises (all of Python's
exceptions, `SystemExit`, `KeyboardInterrupt` and `CancelledError` included) and returns (what does not fit, cannot be kept, or bites whoever looks at it)
is a doubt or a stall with its reason ([test_hostile_handlers](../tests/engine/test_hostile_handlers.py)). What a clock that jumps, stands still or
differs between workers does, and what not, is held in virtual time ([test_clock_jumps](../tests/engine/test_clock_jumps.py)).

## A disk that forgets, fails or is full

SQLite reaches the disk through a layer of the tests that keeps, of each file, what was synced and what was written since. When the power
goes, the rest is dropped: all or none of it, any part in any order, sectors of 512 or 4,096 bytes torn apart, a write cut in its middle,
rubbish where one was under way; names that were not synced, and the shared memory. Then the store is opened again, the power may go
meanwhile, and everything above has to hold ([test_power](../tests/disk/test_power.py)). The same tests see the losses of a store that syncs less: at checkpoints
only, never, or not through the drive's cache. Or the disk stays on, and an operation fails, once or for a while: read, write, sync,
truncate, create and delete, as full, failing, locked and read-only ([test_failing_disk](../tests/disk/test_failing_disk.py)); the command line says so in words
([test_command_line](../tests/disk/test_command_line.py)). A live worker is denied room and given it again ([test_full_disk](../tests/disk/test_full_disk.py)), and its log deleted
under it ([test_missing_files](../tests/stores/test_missing_files.py)). A file under two names, by a mount or a hard link, is refused, and a live worker that gets a
second name writes nothing more ([stores](../tests/stores/test_two_names.py), [workers](../tests/cli/test_two_names.py)).

`make test` loses power a few hundred times. In the last long run of `make power` it went 8,005 times, 1,912 of them while
the store was being opened, and 3,440 faults failed 38,339 operations: nothing that was answered for was lost, and nothing was done twice.
"""


def page() -> str:
    """Return the text of the page."""
    kinds = {**STORE, **OUTSIDE}, {**ACTION, **EFFECT}, MESSAGE
    parts = [
        HEAD, FAULT_HEAD, _rows(FAULTS), INVARIANT_HEAD, _rows(ALWAYS), SWEEP_HEAD,
        *(_listed(where, those) for where, those in zip(("a verb of the store", "a call", "a message"), kinds, strict=True)),
        SWEEP_TAIL.format(stories=_joined(STORIES), reference=_joined(REFERENCE)),
        "\n## Not there yet\n\n", *(f"- **{what}:** {why}.\n" for what, why in ELSEWHERE),
        *(f"- **{one.number}, {_small(one.what)}:** {one.absent}.\n" for one in (*FAULTS, *ALWAYS) if one.absent),
    ]  # fmt: skip
    return "".join(parts)


def _rows(names: Iterable[Named]) -> str:
    return "".join(
        f"| {one.number} | {one.what} | {one.then or 'Not there yet, see below.'} | {_links(one.tests)} |\n"
        for one in names
    )


def _links(tests: Iterable[str]) -> str:
    return "; ".join(f"[{_said(test)}](../{test.partition('::')[0]})" for test in tests)


def _said(test: str) -> str:
    """Return a test's name in words, without its number, which is shown at the start of the row."""
    return re.sub(r"^[ci]\d\d ", "", test.rpartition("::test_")[2].replace("_", " "))


def _listed(where: str, kinds: dict[str, str]) -> str:
    return f"\nAt {where}:\n\n" + "".join(f"- *{kind}*: {meaning}\n" for kind, meaning in kinds.items())


def _joined(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}"


def _small(text: str) -> str:
    return text[0].lower() + text[1:]
