"""Writes docs/reliability.md from the registry, for users who audit the guarantees."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.faults.kinds import ACTION, EFFECT, MESSAGE, OUTSIDE, STORE, TRANSACTION
from tests.faults.registry import ALWAYS, ELSEWHERE, FAULTS, FOUND, Named
from tests.faults.stories import REFERENCE, STORIES

HEAD = """# Reliability

What can go wrong, what is true afterwards, and which test proves it. This page is for readers who want to check Opord
before they rely on it. [The guarantees](guarantees.md) say the same in prose. The page is made from `tests/faults/registry.py`,
and a test checks that registry: each test that is named here exists and runs with `make test`.
"""

FAULT_HEAD = """
## Faults

These are the moments at which a process can die, or be told something untrue, while it carries a run. The tests cause each of
them on purpose. Each heading says what happens; the text below it says what is true afterwards.
"""

FOUND_HEAD = """
## Faults that were found in use

Each was found in a version of Opord before this one, or in the bug reports of other engines. Its tests cover the kind of fault, not the one
case.
"""

INVARIANT_HEAD = """
## What is true whatever happens

After each fault, a verifier reads the raw journal, the ledger of the provider and the answers that clients got. It shares no code
with the engine. It checks every invariant below that applies. The verifier is tested too: for each invariant, a test breaks a sound
world on purpose, and the verifier has to report it.
"""

SWEEP_HEAD = """
## Every fault at every operation

Besides the named faults, the tests run whole stories and make each operation fail in turn: each verb that the engine asks of
the store, each call of a handler, each message from outside. These faults are tried at each:
"""

SWEEP_TAIL = """
The stories are {stories}. For three of them ({reference}), every pair of faults is tried too. The second fault may come anywhere
after the first, also during recovery. After each story, the run must have ended, and nothing may be lost. The ledger has to fit the
end: each charge was delivered for or refunded, and a booking is complete or was undone in reverse order. What an action in
transaction wrote is judged by the rows of its table.

`make test` tries the single faults of those three stories in memory, all faults of a transaction, and samples of the rest. `make faults` tries all single faults
and all pairs on both stores. It prints how many there were, how many led to a doubt, and how the runs ended. For a case that fails,
it prints the command that runs it again:

```console
$ .venv/bin/python tests/faults/run.py --story "trip booked" --store sqlite --fault "7 crash after" --fault "12 done, away"
it ends well, in Booked
```

Three more commands test the same on other levels:

- `make sim`: random contracts and random faults, each from one seed
- `make soak`: real processes, killed at every point and at random
- `make power`: the disk, as described below

### On PostgreSQL

`make postgres` runs the same suites on PostgreSQL 18 and on Debian's PostgreSQL 15: the stores' promises, the engine with its crashes at every
point, the named and the single faults, samples of the pairs, the simulation, worlds for tests, and killed workers. `make test` runs a
short part of them. `make faults STORE=postgres`, `make sim STORE=postgres` and `make soak STORE=postgres` go on. The disk belongs to the
server there, so the tests of its failures are for files only. [The tests](../tests/README.md#the-store-of-the-suites) says what runs on which store.

## Processes that die, stop or go wrong

### Workers

Several workers share one file, or one schema. [test_siege](../tests/kill/test_siege.py) does this to them:

- It kills them with SIGKILL at every named point and at any moment, some hundred times a minute.
- It stops them with SIGSTOP for three leases, so that they come back as zombies.
- It ends them with SIGTERM, and with SIGINT twice.
- It gives two of them the same name by mistake.
- In every fourth storm it sets the clock while they work: by half a second, an hour, 25 hours and a year.

Each worker is a client as well: the starts and events that it sends die with it and are sent again. The provider is late, and drops connections before and
after it has charged. It keeps errors under a key, forgets keys, and shows a charge only after a while.
`make soak MINUTES=n` goes on with all of this, and counts how many processes died where.

### Handlers

Handlers are hostile, too:

- They end the process, crash it, close its files, or take all its descriptors or memory. They hold the event loop or the
  interpreter for four leases, or never return ([test_rogues](../tests/kill/test_rogues.py)).
- They fork children that come back, are ended or get signals. They open pools, and set up logging. Signals come twice at once, and at any
  moment of a worker's start ([test_worker_in_the_world](../tests/cli/test_worker_in_the_world.py)).
- Coroutines swallow their cancellation or outlast it
  ([test_handlers_that_outlast_cancellation](../tests/engine/test_handlers_that_outlast_cancellation.py)).
- They raise any exception of Python, also `SystemExit`, `KeyboardInterrupt` and `CancelledError`. They return values that do not fit, cannot
  be stored, or raise when they are looked at. Each is a doubt or a stall with its reason
  ([test_hostile_handlers](../tests/engine/test_hostile_handlers.py)).

### Clocks

A clock jumps, stands still, or differs between workers. Tests in virtual time check what this changes and what it does not
([test_clock_jumps](../tests/engine/test_clock_jumps.py)).

## A disk that forgets, fails or is full

### Loss of power

In the tests, SQLite reaches the disk through a layer that knows, for each file, what was synced and what was written since. When the
power goes, the layer loses what was not synced ([test_power](../tests/disk/test_power.py)):

- all of it, none of it, or any part of it in any order
- sectors of 512 or 4,096 bytes, torn apart; a write that is cut in its middle; rubbish in the place of a write under way
- file names that were not synced, and the shared memory

Then the store is opened again, and the power may go during that too. Everything above has to hold. The same tests also detect the losses
of a store that syncs less: only at checkpoints, never, or not through the drive's cache.

`make test` loses power a few hundred times. The last long run of `make power` lost it 8,005 times, 1,912 of them while the store was
being opened. In the same run, 3,440 faults made 38,339 operations fail. Nothing that was confirmed was lost, and nothing was done twice.

### Failing operations

The disk stays on, and an operation fails, once or for a while: read, write, sync, truncate, create and delete. The disk is full, failing,
locked or read-only ([test_failing_disk](../tests/disk/test_failing_disk.py)). The command line says so in words
([test_command_line](../tests/disk/test_command_line.py)).

A live worker has no room, and gets room again ([test_full_disk](../tests/disk/test_full_disk.py)). The log of a live worker is deleted
([test_missing_files](../tests/stores/test_missing_files.py)). A file under two names, by a mount or a hard link, is refused, and a live worker
whose file gets a second name writes nothing more ([stores](../tests/stores/test_two_names.py), [workers](../tests/cli/test_two_names.py)).
"""


def page() -> str:
    """Return the text of the page."""
    kinds = {
        "a verb of the store": {**STORE, **OUTSIDE},
        "a call": {**ACTION, **EFFECT},
        "a call in transaction": TRANSACTION,
        "a message": MESSAGE,
    }
    parts = [
        HEAD, FAULT_HEAD, _sections(FAULTS), FOUND_HEAD, _sections(FOUND), INVARIANT_HEAD, _sections(ALWAYS), SWEEP_HEAD,
        *(_listed(where, those) for where, those in kinds.items()),
        SWEEP_TAIL.format(stories=_joined(STORIES), reference=_joined(REFERENCE)),
        "\n## Not there yet\n\n", *(f"- **{what}:** {why}.\n" for what, why in ELSEWHERE),
        *(f"- **{one.number}, {_small(one.what)}:** {one.absent}.\n" for one in (*FAULTS, *FOUND, *ALWAYS) if one.absent),
    ]  # fmt: skip
    return "".join(parts)


def _sections(names: Iterable[Named]) -> str:
    return "".join(
        f"\n### {one.number}. {one.what}\n\n{one.then or 'Not there yet, see below.'}\n{_tests(one.tests)}"
        for one in names
    )


def _tests(tests: Iterable[str]) -> str:
    links = "".join(f"- [{_said(test)}](../{test.partition('::')[0]})\n" for test in dict.fromkeys(tests))
    return f"\nTests:\n\n{links}" if links else ""


def _said(test: str) -> str:
    """Return a test's name in words, without its number, which is in the heading."""
    return re.sub(r"^[ci]\d\d ", "", test.rpartition("::test_")[2].replace("_", " "))


def _listed(where: str, kinds: dict[str, str]) -> str:
    return f"\nAt {where}:\n\n" + "".join(f"- *{kind}*: {meaning}\n" for kind, meaning in kinds.items())


def _joined(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}"


def _small(text: str) -> str:
    return text[0].lower() + text[1:]
