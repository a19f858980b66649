"""Runs a plan: engines that live and die over one store, clients with a history, and a trace."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from random import Random
from typing import Any, NamedTuple

from opord.backends.front import Engine
from opord.contract import Event
from opord.drive.errors import EngineError
from opord.kernel.inbox import Evidence
from opord.kernel.legality import verify_kept
from opord.kernel.requests import Call
from opord.kernel.scheduling import UNLABELLED, USUAL, Scheduling
from opord.kernel.step import dump_failure
from opord.loading import program_of
from opord.stores.base import RunFilter, RunRow, Store, StoreTransaction, StoreUnavailable, Write
from opord.testing.clock import VirtualClock, run_virtually
from opord.testing.crashing import Killed, MortalTransaction
from opord.testing.engines import kill, virtual_engine
from tests.sim.contracts import subject
from tests.sim.limits import limits_of
from tests.sim.plan import Fault, Op, Plan
from tests.sim.provider import Chosen, Provider
from tests.sim.verify import judge, judge_answers, judge_growth, judge_words
from tests.support.store import FaultyStore
from tests.support.stores import new_store, store_in_file

LEASE_S = 30.0
CUT_OFF_S = 3.2 * LEASE_S
LABELS = (("", "gpu"), ("cpu",))
"""The labels of the engines of a plan with labels, in turn. Together they take every run."""
STARTED_WITH = tuple(
    Scheduling(priority, label) for priority in (0, 0, 7, -7) for label in ("", "gpu", "cpu")
)

WRITES = ("apply", "commit within")
"""The verbs that make something durable."""
SKEWS_US = (-7_000_000, 90_000_000, -4_000_000_000, 500_000)


class Told(NamedTuple):
    """The result of a simulation, as plain data; `problems` is what the verifier found."""

    problems: list[str]
    trace: str
    rows: list[dict[str, Any]]
    ledger: list[dict[str, Any]]
    history: list[dict[str, Any]]
    counts: Counter[str]


class Broken(Exception):
    """The verifier has found something."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Life(FaultyStore):
    """One engine with its view of the store, which a fault may cut off or end."""

    def __init__(self, machine: Machine, name: str) -> None:
        super().__init__(machine.store)
        self.machine, self.name = machine, name
        self.next: str | None = None
        self.engine: Engine | None = None
        self._felt: str | None = None
        self.labels: tuple[str, ...] = machine.labels_of_next()
        self.claimed: set[str] = set()
        self.awaited: dict[str, tuple[str, int] | None] = {}

    def now_us(self) -> int:
        """Read the clock without the store, whose clock moves on with each reading."""
        return self.machine.clock.now_us

    def hook(self, point: str, run: str) -> None:
        if self.dead:
            raise Killed
        self.machine.tell(point, by=self.name, run=run)
        if point in ("claimed", "step begins"):
            self._carries(run)
        if point == "claimed":
            self.claimed.add(run)
        if point == "step begins":
            # Only the first step after a claim goes on from its record; of a later one, the record
            # is not written yet.
            self.awaited[run] = self._next_of(run) if run in self.claimed else None
            self.claimed.discard(run)
        self.suffer(self.machine.fault_at(point))

    def _carries(self, run: str) -> None:
        """Check that a run has a label of this engine."""
        with self.machine.looking():
            row = self.machine.store.load(run)
        if row is not None and row.label not in self.labels:
            self.machine.broken.append(
                f"23: {self.name} takes {self.labels} and carries {run} ({row.label!r})"
            )
        elif row is not None and row.label:
            self.machine.counts["carried by label"] += 1

    def suffer(self, fault: Fault | None) -> None:
        if fault is None:
            return
        self.machine.tell(f"fault: {fault.kind}", by=self.name, at=fault.point)
        if fault.kind == "crash":
            self.die()
            raise Killed
        if fault.kind == "cut off":
            self.cut_off()
        elif fault.kind == "stopped":
            # The process is stopped for longer than a lease, and then waits for the store.
            self.machine.clock.advance(LEASE_S + 1)
            self.cut_off()
        else:
            self.next = fault.kind

    def called(self, action: str, call: Call) -> Callable[[], None]:
        """Check that the attempt is recorded as open, and belongs to this engine."""
        self._look_at(action, call)
        self.machine.entered.add((call.run_id, self._intent(action, call), call.attempt))
        return lambda: self.machine.answers.append((self, action, call))

    def _intent(self, action: str, call: Call) -> int:
        """Return the number of the newest intent on record that a call belongs to; 0 if none is."""
        records = self.machine.store.journal(call.run_id, limit=100_000)
        intents = [json.loads(one.body) for one in records if one.kind == "intent"]
        mine = [one["seq"] for one in intents if (one["call"], one["key"]) == (action, call.key)]
        return max(mine, default=0)

    def _look_at(self, action: str, call: Call) -> None:
        row = self.machine.store.load(call.run_id)
        head = row.head if row is not None else None
        if head is None or head.outcome == "terminated":
            return
        intent = ((json.loads(head.body).get("pending") or {}).get("intent")) or {}
        asked = (action, call.key, call.attempt, True)
        known = (
            intent.get("call"),
            intent.get("key"),
            intent.get("attempt", 1),
            intent.get("in_flight", True),
        )
        if asked != known or "outcome" in intent:
            self.machine.broken.append(f"2: {self.name} calls {asked} of {call.run_id}; on record is {known}")
        if head.worker != self.name or (head.wake_at or 0) <= self.machine.clock.now_us:
            self.machine.broken.append(
                f"12: {self.name} calls {action} of {call.run_id}, which it does not hold"
            )

    def performs(self, effect: str, call: Call) -> None:
        """Check that an attempt of an effect follows those on record, and comes when it is due.

        A step that goes on from its record first asks the effect that it waits for: what has
        answered on record is not asked again.
        """
        tries, awaited = self._tries(call.run_id), self.awaited.pop(call.run_id, None)
        asks = (effect, call.attempt)
        self.machine.counts[f"attempt {min(call.attempt, 4)} of an effect"] += 1
        if awaited is not None and asks != awaited:
            self.machine.broken.append(f"attempts: {call.run_id} asks {asks}, its record waits for {awaited}")
        if call.attempt == 1 or tries is None:
            return
        made = tries.get("failures", 0) + tries.get("surprises", 0)
        if asks != (tries["call"], made + 1) or tries["next_at"] > self.machine.clock.now_us:
            self.machine.broken.append(f"attempts: {call.run_id} asks {asks}, on record is {tries}")

    def _tries(self, run: str) -> dict[str, Any] | None:
        """Return what is on record of the effect that a run waits for, if this engine holds it.

        None also if the disk fails just now, and there is nothing to compare with.
        """
        try:
            row = self.machine.store.load(run)
        except StoreUnavailable:
            return None
        if row is None or row.head.worker != self.name:
            return None
        pending = json.loads(row.head.body).get("pending") or {}
        tries: dict[str, Any] | None = pending.get("tries")
        return tries

    def _next_of(self, run: str) -> tuple[str, int] | None:
        """Return the effect that a step waits for, with the attempt's number.

        None if a message or a due timer may have begun another step, or if the disk fails just now.
        """
        tries = self._tries(run)
        try:
            if tries is None or self.machine.store.inbox(run):
                return None
            row = self.machine.store.load(run)
        except StoreUnavailable:
            return None
        timers = json.loads(row.head.body).get("timers", {}) if row is not None else {}
        if any(due <= self.machine.clock.now_us for due in timers.values()):
            return None
        return tries["call"], tries.get("failures", 0) + tries.get("surprises", 0) + 1

    def cut_off(self) -> None:
        """Make the store unreachable for longer than a lease."""
        self.fail(StoreUnavailable("gone", "cut off"), CUT_OFF_S)

    def begin(self, held: Any = None) -> MortalTransaction | None:
        """Begin a transaction; its verbs have names of their own."""
        begun = super().begin(held)
        return None if begun is None else _Within(self, begun._inner)

    def reach(self) -> None:
        super().reach()
        if any(one._store is not self for one in self.machine.within):
            raise StoreUnavailable("locked", "another engine is in a transaction")

    def call(self, name: str, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a verb; the machine inspects writes."""
        return super().call(name, self.machine.apply if name == "apply" else verb, *args, **kwargs)

    def before(self, name: str, args: tuple[Any, ...]) -> None:
        if name not in WRITES:
            return
        self.suffer(self.machine.fault_at("before a write"))
        self.reach()
        self._felt, self.next = self.next, None
        if self._felt == "write refused":
            raise StoreUnavailable("locked", "refused before it was written")

    def after(self, name: str, args: tuple[Any, ...], answer: Any) -> Any:
        if name in WRITES and self._felt is not None:
            if self._felt == "written, then cut off":
                self.cut_off()
            raise StoreUnavailable("io", "written, and then an error")
        return answer


class _Within(MortalTransaction):
    """A transaction of an engine, whose end the machine inspects."""

    _store: Life

    def __init__(self, store: Life, inner: StoreTransaction) -> None:
        super().__init__(store, inner)
        self._changes: list[Write] = []
        store.machine.within.add(self)

    def __getattr__(self, name: str) -> Any:
        verb = {"apply": self._apply, "commit": self._commit}.get(name)
        return (
            getattr(self._inner, name) if verb is None else partial(self._store.call, f"{name} within", verb)
        )

    def roll_back(self, *, in_use: bool = False) -> None:
        self._inner.roll_back(in_use=in_use)
        self._store.machine.within.discard(self)

    def _apply(self, batch: Any) -> Any:
        self._changes += batch
        return self._inner.apply(batch)

    def _commit(self) -> None:
        self._inner.commit()
        self._store.machine.within.discard(self)
        self._store.machine.committed(self._changes)


class Machine:
    """The world of one simulation."""

    life: type[Life] = Life
    limited = True
    """Whether some deployments have limits."""

    def __init__(self, plan: Plan, *, judging: bool = True) -> None:
        self.plan = plan
        self.judging = judging
        self.subject = subject(plan.contract)
        self.clock = VirtualClock()
        # While a transaction is open, the story reads the store beside it.
        transacts = any(action.transaction for action in self.subject.contract.actions)
        in_file = transacts and plan.store == "sqlite"
        self.store: Store = store_in_file(self._now) if in_file else new_store(self._now, plan.store)
        limits = limits_of(self.subject.contract, plan.seed) if plan.ops and self.limited else []
        if limits:
            self.store.permits.put_limits(limits)
        self.within: set[_Within] = set()
        self.lines: list[str] = []
        self.counts: Counter[str] = Counter()
        self.history: list[dict[str, Any]] = []
        self.faults = list(plan.faults)
        self.passed: Counter[str] = Counter()
        self.lives: list[Life] = []
        self.everyone: list[Life] = []
        self.born = 0
        self.inputs: list[Any] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.judgements = 0
        self.broken: list[str] = []
        self.answers: list[tuple[Life, str, Call]] = []
        self.rows_written: list[dict[str, Any]] = []
        self.entered: set[tuple[str, int, int]] = set()
        self._judged: list[dict[str, Any]] = []
        self._known: dict[str, Any] = {}
        rng = Random(f"world {plan.seed}")
        self.provider = Provider(self.subject, self.clock, rng, self.tell)
        self._scheduling = Random(f"scheduling {plan.seed}")

    def labels_of_next(self) -> tuple[str, ...]:
        """Return the labels that the next engine takes."""
        return LABELS[self.born % len(LABELS)] if self.plan.labelled else UNLABELLED

    def _now(self) -> int:
        """Read the store's clock: no two readings are the same, as on a real machine."""
        self.clock.now_us += 1
        return self.clock.now_us

    def apply(self, batch: Any) -> Any:
        """Let the store write, and check that no worker with an old epoch moved a run."""
        names = [change.run if isinstance(change, Write) else change.row.run for change in batch]
        before = {name: self.store.load(name) for name in names}
        ahead = [one for change in batch for one in change.records if one.at > self.clock.now_us]
        self.broken += [f"13: a record of {one.kind} is ahead of the store's clock" for one in ahead]
        results = self.store.apply(batch)
        self.broken += self.verified(names)
        for name, change in zip(names, batch, strict=True):
            old, new = before[name], self.store.load(name)
            if old is None or new is None or not isinstance(change, Write):
                continue
            self.broken += self._overtaken(old, change)
            told = {json.loads(one.body)["epoch"] for one in change.records}
            if not told <= {change.epoch, change.new_epoch}:
                self.broken.append(f"8: records of {name} tell epochs {told}, written at {change.epoch}")
            if new.epoch < old.epoch or (new.seq > old.seq and change.epoch < old.epoch):
                self.broken.append(f"11: a write of epoch {change.epoch} moved {name}, then at {old.epoch}")
        return results

    def committed(self, changes: Sequence[Write]) -> None:
        """Check the runs that a transaction has moved, and read what their handlers wrote."""
        for change in changes:
            row = self.store.load(change.run)
            if row is None or row.epoch not in (change.epoch, change.new_epoch):
                self.broken.append(f"11: a transaction of epoch {change.epoch} moved {change.run}")
        self.broken += self.verified(change.run for change in changes)
        self.rows_written = self.provider.table.read(self.store)

    def effects(self) -> list[dict[str, Any]]:
        """Return all that took effect: the provider's ledger, and the rows of transactions."""
        return [*self.provider.ledger, *self.rows_written]

    def _overtaken(self, old: RunRow, change: Write) -> list[str]:
        """List the timers of a waiting state that were due before an event, with nobody at work."""
        first = change.records[0] if change.records else None
        if first is None or first.kind != "event" or "arrived" in json.loads(first.body):
            return []
        head, body = old.head, json.loads(old.head.body)
        pending = body.get("pending") or {}
        if (head.worker is not None and (head.wake_at or 0) > first.at) or head.status == "stalled":
            return []
        due = [name for name, at in body.get("timers", {}).items() if at <= first.at and not pending]
        if pending.keys() <= {"cause", "now"} and pending.get("cause", {}).get("kind") == "timer":
            due.append(pending["cause"]["handler"])
        return [f"13: record {first.seq} of {old.run} overtakes timer {name}" for name in due]

    def verified(self, runs: Iterable[str]) -> list[str]:
        """Return what `opord runs verify` would find wrong with these runs between two writes."""
        if not self.judging:
            return []
        program = program_of(self.subject.workflow)
        found = []
        for run in runs:
            kept = self.store.kept(run)
            problems = verify_kept(program, kept, now=self.clock.now_us) if kept is not None else []
            found += [f"verify: {problem} ({run})" for problem in problems]
        return found

    # --- trace and faults ------------------------------------------------------------------------

    def tell(self, what: str, **about: Any) -> None:
        """Add a line to the trace."""
        self.counts[what] += 1
        line = {"t": self.clock.now_us, "what": what, **about}
        self.lines.append(json.dumps(line, sort_keys=True, default=str))

    def fault_at(self, point: str) -> Fault | None:
        """Count a point; return the fault that is due there."""
        self.passed[point] += 1
        for fault in self.faults:
            if (fault.point, fault.nth) == (point, self.passed[point]):
                self.faults.remove(fault)
                return fault
        return None

    # --- engines ---------------------------------------------------------------------------------

    async def engine(self) -> Life | None:
        """Open one more engine; None if it did not come up."""
        self.born += 1
        life = self.life(self, f"w{self.born}")
        self.everyone.append(life)
        flow = self.subject.workflow(self.provider.handlers(life.called, life.performs))
        engine = virtual_engine(
            life,
            [flow],
            self.clock,
            seed=self.plan.seed * 1000 + self.born,
            worker=life.name,
            poll_s=5.0,
            # The store's clock is the one that counts; each machine's own clock is wrong by some
            # amount.
            skew_us=SKEWS_US[self.born % len(SKEWS_US)],
            hook=life.hook,
            lease_s=LEASE_S,
            labels=life.labels,
            call_limit_s=60.0,
            secret_keys="",
            insecure_plaintext_secrets=True,  # the verifier reads stored data, and has no keys
        )
        opening = asyncio.ensure_future(engine.__aenter__())
        await asyncio.wait([opening], timeout=CUT_OFF_S)
        if not opening.done() or opening.exception() is not None:
            opening.cancel()
            life.dead = True
            return None
        life.engine = engine
        self.lives.append(life)
        return life

    async def replace_dead(self) -> None:
        """End those that are dead, as SIGKILL would, and make sure that one lives."""
        for life in [one for one in self.lives if one.dead]:
            self.lives.remove(life)
            self.tell("died", by=life.name)
            if life.engine is not None:
                await kill(life.engine)
        while not self.lives:
            await self.engine()

    # --- the story -------------------------------------------------------------------------------

    async def story(self) -> None:
        """Carry out the plan, then let everything come to rest."""
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        await self.replace_dead()
        for op in self.plan.ops:
            await self.replace_dead()
            left = len(self.faults)
            await self._operate(op)
            if len(self.faults) < left:
                self.judge()
        self.faults = []
        self.tell("calm")
        self.provider.calm = True
        await self._rest()
        for _ in range(4):
            for row in self._rows():
                if row.head.status == "in_doubt":
                    await self._bounded(self._resolve(row, "calm"))
                if row.head.status == "stalled":
                    await self._bounded(self._retry(row, "calm"))
            self.clock.advance(86_400.0 * 3)
            await self._rest()
        await self._bounded(asyncio.gather(*self.tasks, return_exceptions=True))
        for life in self.lives:
            assert life.engine is not None
            await kill(life.engine)
        self.judge(at_rest=True)

    async def _all_taken(self) -> None:
        """Open engines until one lives for each label, so that no run has to wait."""
        while self.plan.labelled and not {*LABELS} <= {life.labels for life in self.lives}:
            await self.engine()

    async def _rest(self) -> None:
        for _ in range(40):
            await self.replace_dead()
            await self._all_taken()
            await asyncio.sleep(5 if _ < 20 else 60)
            moving = [
                row
                for row in self._rows()
                if row.head.worker is not None
                or (
                    (row.head.wake_at or self.clock.now_us + 1) <= self.clock.now_us
                    and row.head.status != "ended"
                )
            ]
            if not moving:
                return

    async def _bounded(self, job: Any) -> None:
        task = asyncio.ensure_future(job)
        await asyncio.wait([task], timeout=CUT_OFF_S * 2)
        if not task.done():
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception, Killed):
            await task

    async def _operate(self, op: Op) -> None:
        rng = Random(op.pick)
        self.tell(f"op: {op.kind}", wait=op.wait_s)
        if op.kind == "jump":
            self.clock.advance(op.wait_s)
            await asyncio.sleep(1.0)
            return
        job = self._job(op.kind, rng)
        if job is not None:
            task = asyncio.ensure_future(job)
            self.tasks.append(task)
        await asyncio.sleep(op.wait_s)

    def _job(self, kind: str, rng: Random) -> Any:
        rows = self._rows()
        live = [row for row in rows if row.head.status != "ended"]
        row = rng.choice(live) if live and rng.random() < 0.9 else rng.choice(rows) if rows else None
        if kind.startswith("start"):
            return self._start(kind, rng)
        if kind == "wait":
            return None
        if kind == "crash":
            rng.choice(self.lives).die()
            return None
        if kind == "second":
            return self.engine() if len(self.lives) < 2 else None
        if kind == "unknown":
            return self._send("Nobody/none", "cancel", {"reason": "x"}, "", None)
        if row is None:
            return None
        if kind == "resolve":
            doubtful = [one for one in rows if one.head.status == "in_doubt"]
            return self._resolve(rng.choice(doubtful) if doubtful else row, "operator")
        if kind == "retry" and rng.random() < 0.4:
            return self._drop(rows, rng)
        if kind == "retry":
            stalled = [one for one in rows if one.head.status == "stalled"]
            return self._retry(rng.choice(stalled) if stalled else row, "operator")
        if kind == "late answer":
            return self._late(row, rng)
        if kind == "acknowledge":
            alarmed = [one for one in rows if "alarm" in one.head.needs]
            return self._acknowledge(rng.choice(alarmed) if alarmed else row)
        if kind == "terminate":
            return self._ask("terminate", {"run": row.run}, lambda c: c.terminate(row.run, actor="root"))
        return self._event(kind, rng, row)

    # --- what clients do -------------------------------------------------------------------------

    def _client(self) -> Any:
        life = self.lives[(len(self.history) * 7) % len(self.lives)]
        assert life.engine is not None
        return life.engine.client

    async def _ask(self, kind: str, about: dict[str, Any], verb: Any) -> None:
        entry: dict[str, Any] = {
            "op": kind,
            "n": len(self.history),
            **about,
            "at": self.clock.now_us,
            "end": "lost",
        }
        client = self._client()
        self.history.append(entry)
        try:
            answer = await verb(client)
        except EngineError as error:
            entry["end"] = "refused"
            entry["code"] = type(error).__name__
        except Killed:
            await asyncio.sleep(0)
        else:
            entry["end"] = "acked"
            entry["answer"] = list(answer) if isinstance(answer, tuple) else answer
            entry["acked_at"] = self.clock.now_us
        self.tell(
            f"end: {kind} {entry['end']}", n=entry["n"], code=entry.get("code"), answer=entry.get("answer")
        )

    def _start(self, kind: str, rng: Random) -> Any:
        program = self.subject.program
        if kind == "start" or not self.inputs:
            values = Chosen(self.subject, self.clock, rng)
            values._numbers = iter(range(len(self.inputs) * 100 + 1, 10**6))
            members = {one.name: values.value(one.type, one.name) for one in self.subject.contract.params}
            self.inputs.append(members)
        else:
            members = rng.choice(self.inputs)
        if kind == "start other":
            members = json.loads(json.dumps(members))
            _alter(members)
        about = {"input": json.dumps(members, sort_keys=True), "keyed": program.key is not None}
        scheduling = self._scheduling.choice(STARTED_WITH) if self.plan.labelled else USUAL
        return self._ask(
            kind, about, lambda client: client.start(program, program.input.accept(members), scheduling)
        )

    def _event(self, kind: str, rng: Random, row: RunRow) -> Any:
        declared = self.subject.program.events
        if kind in ("event again", "event other"):
            sent = [one for one in self.history if one["op"].startswith("event")]
            if sent:
                earlier = rng.choice(sent)
                args = json.loads(earlier["args"])
                if kind == "event other":
                    _alter(args)
                return self._send(earlier["run"], earlier["event"], args, "ann", earlier["role"], kind)
        if not declared:
            return None
        name = "cancel" if kind == "cancel" and "cancel" in declared else rng.choice(sorted(declared))
        event = declared[name].declaration
        values = Chosen(self.subject, self.clock, rng)
        values._numbers = iter(range(rng.randrange(5) + 1, 10**6))
        args = {one.name: values.value(one.type, one.name) for one in event.params}
        if kind == "event misfit":
            args = {**args, "no such": 1} if not args else {key: {"no": ["such"]} for key in args}
        role = rng.choice(event.roles) if event.roles else None
        if kind == "wrong role":
            role = "nobody"
        actor = "ann"
        if event.excepts and rng.random() < 0.3:
            actor, kind = self._excluded(event, row, rng), "wrong role"
        return self._send(
            row.run, name, args, actor, role, kind if kind in ("wrong role", "event misfit") else "event"
        )

    def _excluded(self, event: Event, row: RunRow, rng: Random) -> str:
        """Return the name of somebody whom the input excludes, or no name."""
        found = json.loads(row.input)
        for name in rng.choice(event.excepts).text.split("."):
            found = found.get(name, "") if isinstance(found, dict) else ""
        return found if isinstance(found, str) else rng.choice([*found, ""])

    def _send(
        self, run: str, name: str, args: Any, actor: str, role: str | None, kind: str = "unknown"
    ) -> Any:
        about = {"run": run, "event": name, "args": json.dumps(args, sort_keys=True), "role": role}
        return self._ask(kind, about, lambda client: client.send(run, name, args, actor=actor, role=role))

    async def _resolve(self, row: RunRow, actor: str) -> None:
        intent = ((json.loads(row.head.body).get("pending") or {}).get("intent")) or {}
        action, key = intent.get("call", ""), intent.get("key", "")
        if action and (self.provider.may_still_land(action, key) or not intent.get("asking")):
            return
        entry = self.provider.happened(action, key)
        result = self.provider.result_of(entry) if entry is not None else None
        about = {"run": row.run, "happened": entry is not None}
        await self._ask(
            "resolve",
            about,
            lambda c: c.resolve(
                row.run,
                happened=entry is not None,
                result=result,
                seen=row.seq,
                actor=actor,
                reason="looked",
            ),
        )

    async def _retry(self, row: RunRow, actor: str) -> None:
        await self._ask("retry", {"run": row.run}, lambda c: c.resume(row.run, actor=actor))

    async def _drop(self, rows: list[RunRow], rng: Random) -> None:
        """Drop an event that waits, or one that a step answers, which may not have stalled."""
        waiting = [
            (row.run, one.id) for row in rows for one in self.store.inbox(row.run) if one.kind == "event"
        ]
        answered = []
        for row in rows:
            cause = (json.loads(row.head.body).get("pending") or {}).get("cause") or {}
            if cause.get("id"):
                answered.append((row.run, cause["id"]))
        if not (waiting or answered):
            return
        run, event = (
            rng.choice(answered or waiting) if rng.random() < 0.7 else rng.choice(waiting or answered)
        )
        about = {"run": run, "id": event}
        await self._ask("drop", about, lambda c: c.drop_event(run, event, actor="operator", reason="poison"))

    async def _acknowledge(self, row: RunRow) -> None:
        about = {"run": row.run}
        await self._ask(
            "acknowledge",
            about,
            lambda c: c.acknowledge(row.run, seen=row.seq, actor="operator", reason="looked"),
        )

    async def _late(self, row: RunRow, rng: Random) -> None:
        """Answer an attempt of a decided commit: truly, otherwise than before, or with a no."""
        made = self._made(row)
        if not made:
            return
        intent = rng.choice(sorted(made))
        call, key, attempts = made[intent]
        program = self.subject.program.calls[call]
        entry = self.provider.happened(call, key)
        kind, value = "ok", None
        failures = getattr(program.declaration, "fails", ())
        if failures and rng.random() < 0.3:
            kind = "failed"
            failure = self.provider._failure(program, rng.choice(("transient", "final")))
            if failure is None:
                return
            value = dump_failure(program, failure)
        elif program.result is not None:
            known = entry is not None and rng.random() < 0.5
            result = self.provider.result_of(entry) if known and entry else self.provider._invented(program)
            value = program.result.dump(result)
        evidence = Evidence(intent, call, rng.randint(1, attempts), kind, value, "w0")  # type: ignore[arg-type]
        with contextlib.suppress(EngineError, Killed):
            await self._client().late(row.run, evidence)

    def _made(self, row: RunRow) -> dict[int, tuple[str, str, int]]:
        """Return the decided commits of a run by their intents: call, key, number of attempts."""
        now = self.store.load(row.run)
        if now is None:
            return {}
        pending = ((json.loads(now.head.body).get("pending") or {}).get("intent")) or {}
        made: dict[int, tuple[str, str, int]] = {}
        intent = 0
        for record in self.store.journal(row.run, limit=100_000):
            body = json.loads(record.body)
            if record.kind == "intent":
                intent = record.seq
                made[intent] = (body["call"], body["key"], 1)
            elif record.kind == "attempt" and "key" in body and "outcome" not in body:
                made[intent] = (body["call"], body["key"], body["attempt"])
        made.pop(pending.get("seq", 0), None)
        return made

    # --- reading ---------------------------------------------------------------------------------

    def _rows(self) -> list[RunRow]:
        return self.store.runs(RunFilter(), limit=1000)[::-1]

    def judge(self, *, at_rest: bool = False) -> None:
        """Judge everything as it is now, and stop at the first problem."""
        if not self.judging:
            return
        rows = self._plain()
        if at_rest:
            # Nobody is in a transaction now. So rows that were committed unseen are found too.
            self.rows_written = self.provider.table.read(self.store)
        problems = [
            *judge(
                self.subject.facts, rows, self.effects(), self.history,
                now=self.clock.now_us, at_rest=at_rest, known=self._known,
            ),
            *judge_growth(self._judged, rows),
            *judge_words(rows, self.entered),
            *self.broken,
            *self.verified(row["run"] for row in rows),
            *(judge_answers(rows, self._answered()) if at_rest else ()),
        ]  # fmt: skip
        self._judged = rows
        self.judgements += 1
        if problems:
            raise Broken(problems)

    def _answered(self) -> list[tuple[str, str, str, int]]:
        """Return the attempts with final answers to engines that have not died since."""
        return [
            (call.run_id, action, call.key, call.attempt)
            for life, action, call in self.answers
            if not life.dead
        ]

    def told(self, problems: list[str]) -> Told:
        """Return everything that the verifier looks at."""
        rows = self._plain()
        self.lines += [body for row in rows for _, _, body, _ in row["records"]]
        counts = self.counts + Counter({f"provider: {kind}": n for kind, n in self.provider.behaved.items()})
        counts["judgements"] = self.judgements
        return Told(problems, "\n".join(self.lines), rows, self.effects(), self.history, counts)

    def looking(self) -> contextlib.AbstractContextManager[None]:
        """Inspect the store from outside; a machine that makes it fail spares who looks."""
        return contextlib.nullcontext()

    def _plain(self) -> list[dict[str, Any]]:
        rows = []
        for row in self._rows():
            plain: dict[str, Any] = row.members()
            plain["head"] = row.head.members()
            records = self.store.journal(row.run, limit=100_000)
            plain["records"] = [(one.seq, one.kind, one.body, one.hash) for one in records]
            plain["inbox"] = [(one.id, one.kind, one.body) for one in self.store.inbox(row.run)]
            rows.append(plain)
        return rows


def _alter(members: Any) -> None:
    """Change a text or number in an object, but not one that may be its key."""
    for name in sorted(members, reverse=True):
        value = members[name]
        if isinstance(value, dict):
            return _alter(value)
        if isinstance(value, bool):
            members[name] = not value
            return None
        if isinstance(value, int):
            members[name] = value + 1
            return None
    for name in sorted(members, reverse=True):
        if isinstance(members[name], str) and name not in ("id", "name"):
            members[name] += "x"
            return None
    return None


def simulate(plan: Plan, *, judging: bool = True) -> Told:
    """Carry out a plan and return the result.

    Without `judging`, only the trace is made, to see whether it is the same again.
    """
    logging.getLogger("opord").setLevel(logging.CRITICAL + 1)
    machine = Machine(plan, judging=judging)
    problems: list[str] = []
    try:
        run_virtually(machine.story(), machine.clock)
    except Broken as broken:
        problems = broken.problems
    except Exception as error:  # so that the seed is printed, and its plan shortened
        problems = [f"0: the simulation could not go on: {type(error).__name__}: {error}"]
    told = machine.told(problems)
    machine.store.close()
    return told
