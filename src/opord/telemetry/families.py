"""The metrics, each with its name, kind, labels and meaning.

No label has a value that a client chooses, such as the key of a run or the name of an actor: a
monitoring system keeps a series for each value. The names follow the conventions of Prometheus:
the unit stands last, and what only grows ends in `_total`.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]

QUICK: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds for what takes milliseconds, in seconds."""

CALLS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Bounds for calls of handlers, in seconds."""

LONG: Final = (0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 21600.0, 86400.0, 604800.0, 2592000.0)
"""Bounds for what may take days, in seconds: up to 30 days."""


class Family(NamedTuple):
    """A metric: its whole name, its labels, what it says, and the bounds of a histogram."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    bounds: tuple[float, ...] = ()

    @property
    def series(self) -> frozenset[str]:
        """The names that its samples have."""
        if self.kind == "histogram":
            return frozenset(f"{self.name}{end}" for end in ("_bucket", "_sum", "_count"))
        return frozenset({self.name})


RUNS: Final = Family("opord_runs", "gauge", ("contract", "status"), "Runs in the store.")
NEEDS: Final = Family(
    "opord_runs_in_need", "gauge", ("contract", "reason"), "Runs in the store that need a person or a worker."
)
QUEUE_AGE: Final = Family(
    "opord_queue_age_seconds", "gauge", ("contract",), "How long the oldest due run has waited for a worker."
)
WORKERS: Final = Family("opord_workers", "gauge", (), "Workers of the store that are alive.")
PERMITS: Final = Family("opord_limit_permits_held", "gauge", ("limit",), "Permits of a limit that are held.")
LIMITED: Final = Family("opord_limit_runs_waiting", "gauge", ("limit",), "Runs that wait for a limit.")
UNSENT: Final = Family(
    "opord_outbox_messages",
    "gauge",
    ("endpoint", "state"),
    "Messages to an endpoint that wait, or were given_up.",
)
OUTBOX_AGE: Final = Family(
    "opord_outbox_age_seconds",
    "gauge",
    ("endpoint",),
    "How long the oldest message to an endpoint has waited.",
)
OUTBOX_STOPPED: Final = Family(
    "opord_outbox_stopped",
    "gauge",
    ("endpoint",),
    "1 if nothing is sent to an endpoint until a person says so, else 0.",
)
STORE_UP: Final = Family("opord_store_up", "gauge", (), "1 if the store answered the last look, else 0.")
LOOKED: Final = Family(
    "opord_store_last_look_timestamp_seconds", "gauge", (), "When the store was last counted, since 1970 UTC."
)
CARRIED: Final = Family("opord_worker_runs", "gauge", (), "Runs that this process carries now.")
CLAIMS: Final = Family(
    "opord_worker_claims", "gauge", (), "1 if the worker of this process claims runs, else 0."
)

STARTED: Final = Family(
    "opord_runs_started_total", "counter", ("contract",), "Runs that this process started."
)
ENDED: Final = Family(
    "opord_runs_ended_total", "counter", ("contract", "outcome"), "Runs that this process brought to an end."
)
TRANSITIONS: Final = Family(
    "opord_transitions_total",
    "counter",
    ("contract", "from_state", "to_state"),
    "Transitions that this process wrote.",
)
STATE_S: Final = Family(
    "opord_state_duration_seconds", "histogram", ("contract", "state"),
    "How long runs were in a state that they left.", LONG,
)  # fmt: skip
CALLS_MADE: Final = Family(
    "opord_call_attempts_total", "counter", ("contract", "call", "outcome"),
    "Attempts of effects and actions: ok, failed, timed_out, error or cancelled.",
)  # fmt: skip
CALL_S: Final = Family(
    "opord_call_duration_seconds", "histogram", ("contract", "call"), "How long attempts took.", CALLS
)
TIMER_LAG: Final = Family(
    "opord_timer_lag_seconds", "histogram", ("contract",), "How late timers fired.", CALLS
)
LOOP_LAG: Final = Family(
    "opord_event_loop_lag_seconds",
    "histogram",
    (),
    "How late the event loop was, looked at twice a second.",
    QUICK,
)
COMMIT_S: Final = Family(
    "opord_store_commit_duration_seconds", "histogram", (), "How long the store took to write a batch.", QUICK
)
CHANGES: Final = Family(
    "opord_store_changes_total",
    "counter",
    ("result",),
    "Changes of runs: applied, repeated (done before), or refused (the run had moved).",
)
REQUESTS: Final = Family(
    "opord_http_requests_total", "counter", ("method", "route", "status"), "Requests that were answered."
)
REQUEST_S: Final = Family(
    "opord_http_request_duration_seconds", "histogram", ("method", "route"),
    "How long answers took, of a stream until it began.", QUICK,
)  # fmt: skip

FAMILIES: Final = (
    RUNS, NEEDS, QUEUE_AGE, WORKERS, PERMITS, LIMITED, UNSENT, OUTBOX_AGE, OUTBOX_STOPPED, STORE_UP, LOOKED, CARRIED, CLAIMS, STARTED, ENDED, TRANSITIONS,
    STATE_S, CALLS_MADE, CALL_S, TIMER_LAG, LOOP_LAG, COMMIT_S, CHANGES, REQUESTS, REQUEST_S,
)  # fmt: skip
"""All metrics, in the order in which they are shown."""
