"""Gather the metrics of a process, and write them in the format of Prometheus."""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, assert_never

import msgspec

from opord.drive.observing import CallEnd
from opord.kernel.answers import Applied, Exists, KeyTaken, NotStored, Result, Stale, WasPruned
from opord.kernel.rows import RecordRow, Start, Write, has_ended
from opord.telemetry import families
from opord.telemetry.families import FAMILIES, Family
from opord.values.types import Duration, Instant

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

Labels: TypeAlias = tuple[str, ...]

LAG_EVERY_S: Final = 0.5
"""How often the event loop is looked at, in seconds."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Moved(msgspec.Struct, frozen=True, gc=False):
    """What is read of a transition's record."""

    from_: str = msgspec.field(name="from")
    to: str


_read_transition = msgspec.json.Decoder(_Moved).decode


class _Histogram:
    """The observations of one series, by the bounds of its family."""

    __slots__ = ("counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.counts: list[int] = [0] * (len(bounds) + 1)
        self.sum: float = 0.0


class Metrics:
    """The metrics of a process.

        metrics = opord.telemetry.Metrics()
        engine = opord.Engine(store, [OrderFulfilment(Handlers())], observer=metrics)

    `registry` is a registry of `prometheus_client` with these metrics and those of the process, to
    be shown by the program's own page of metrics. `opord.telemetry.TelemetryApp` is one.

    All but `registry` is called on the thread of the event loop.

    Raises:
        ModuleNotFoundError: the extra `server` is not installed.
    """

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, ProcessCollector

        self._numbers: dict[Family, dict[Labels, float]] = {
            one: {} for one in FAMILIES if one.kind != "histogram"
        }
        self._histograms: dict[Family, dict[Labels, _Histogram]] = {
            one: {} for one in FAMILIES if one.kind == "histogram"
        }
        self._open = 0
        self._lag: asyncio.TimerHandle | None = None
        self.registry: CollectorRegistry = CollectorRegistry(auto_describe=True)
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    # --- what happens ----------------------------------------------------------------------------

    def begins(self) -> None:
        """Begin to look at the event loop."""
        self._open += 1
        if self._lag is None:
            loop = asyncio.get_running_loop()
            self._lag = loop.call_later(LAG_EVERY_S, self._look, loop, loop.time() + LAG_EVERY_S)

    def ends(self) -> None:
        """Look at the event loop no more, if no other process over a store is open."""
        self._open -= 1
        if self._open <= 0 and self._lag is not None:
            self._lag.cancel()
            self._lag = None

    def written(
        self, changes: Sequence[Start | Write], results: Sequence[Result], took_s: float | None
    ) -> None:
        """Count what became durable; see `Observer.written`."""
        if took_s is not None:
            self.observe(families.COMMIT_S, (), took_s)
        for outcome, count in Counter(map(_outcome_of, results)).items():
            self.add(families.CHANGES, (outcome,), count)
        for change, result in zip(changes, results, strict=True):
            if isinstance(result, Applied):
                if isinstance(change, Write):
                    self._count_write(change)
                else:
                    self._count_start(change)

    def called(self, contract: str, call: str, end: CallEnd, took_s: float) -> None:
        """Count an attempt; see `Observer.called`."""
        self.add(families.CALLS_MADE, (contract, call, end))
        self.observe(families.CALL_S, (contract, call), took_s)

    def timer_fired(self, contract: str, late_us: Duration) -> None:
        """Note how late a timer was."""
        self.observe(families.TIMER_LAG, (contract,), late_us / 1e6)

    def requested(self, method: str, route: str | None, status: int, took_s: float) -> None:
        """Count a request. `route` is the template of its path; None if no route has that path."""
        method = method if method in _METHODS else "other"
        self.add(families.REQUESTS, (method, route or "other", str(status)))
        self.observe(families.REQUEST_S, (method, route or "other"), took_s)

    def _count_start(self, change: Start) -> None:
        row = change.row
        self.add(families.STARTED, (row.name,))
        self._count_records(row.name, change.records, row.started_at, row.head.outcome)

    def _count_write(self, change: Write) -> None:
        if change.records:
            head = change.head
            outcome = head.outcome if head is not None and has_ended(head.status) else None
            self._count_records(change.run.partition("/")[0], change.records, change.since, outcome)

    def _count_records(
        self, contract: str, records: Sequence[RecordRow], since: Instant, outcome: str | None
    ) -> None:
        ends = False
        for record in records:
            if record.kind == "transition":
                moved = _read_transition(record.body)
                self.add(families.TRANSITIONS, (contract, moved.from_, moved.to))
                self.observe(families.STATE_S, (contract, moved.from_), (record.at - since) / 1e6)
                since, ends = record.at, True
            elif record.kind == "terminated":
                ends = True
        if ends and outcome is not None:
            self.add(families.ENDED, (contract, outcome))

    def _look(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = loop.time()
        self.observe(families.LOOP_LAG, (), max(0.0, now - due))
        self._lag = loop.call_later(LAG_EVERY_S, self._look, loop, now + LAG_EVERY_S)

    # --- numbers ---------------------------------------------------------------------------------

    def add(self, family: Family, labels: Labels, number: float = 1) -> None:
        """Add to a counter."""
        numbers = self._numbers[family]
        numbers[labels] = numbers.get(labels, 0) + number

    def put(self, family: Family, numbers: Mapping[Any, float]) -> None:
        """Put the values of a gauge, by their labels, in place of those before."""
        self._numbers[family] = dict(numbers)

    def observe(self, family: Family, labels: Labels, seconds: float) -> None:
        """Add an observation to a histogram."""
        series = self._histograms[family]
        histogram = series.get(labels)
        if histogram is None:
            histogram = series[labels] = _Histogram(family.bounds)
        histogram.counts[bisect_left(family.bounds, seconds)] += 1
        histogram.sum += seconds

    # --- what is shown ---------------------------------------------------------------------------

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, as `prometheus_client` asks of a collector."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        for family in FAMILIES:
            metric: Any
            if family.kind == "histogram":
                metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
                for labels, histogram in [*self._histograms[family].items()]:
                    metric.add_metric(labels, buckets=_buckets(family, histogram), sum_value=histogram.sum)
            else:
                kind = GaugeMetricFamily if family.kind == "gauge" else CounterMetricFamily
                metric = kind(family.name, family.help, labels=family.labels)
                for labels, number in [*self._numbers[family].items()]:
                    metric.add_metric(labels, number)
            yield metric


def _outcome_of(result: Result) -> Literal["applied", "repeated", "refused"]:
    match result:
        case Applied():
            return "applied"
        case Exists() | KeyTaken() | WasPruned():
            return "repeated"
        case Stale() | NotStored():
            return "refused"
        case _:
            assert_never(result)


def _buckets(family: Family, histogram: _Histogram) -> list[tuple[str, float]]:
    """Return the upper bounds with the number of observations up to each."""
    from prometheus_client.utils import floatToGoString

    buckets, total = [], 0
    for bound, count in zip((*family.bounds, math.inf), histogram.counts, strict=True):
        total += count
        buckets.append((floatToGoString(bound), float(total)))  # type: ignore[no-untyped-call]
    return buckets
