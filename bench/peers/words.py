"""What the page says around the tables: what is measured, how to read it, and what limits each engine."""

WHAT_IS_MEASURED = """\
`make bench-peers` runs the same order (`bench/four_calls.opord`: a pure, an effect, two actions, with handlers that do nothing) on Opord,
[DBOS](https://docs.dbos.dev), [Temporal](https://docs.temporal.io) and [Restate](https://docs.restate.dev), one after the other, on one machine, and writes
this part of the page. Each client starts an order, waits for its result, and starts the next one. All programs are in Python and have the same handlers; all
data is on the same disk. Processor time counts client, worker and server, with all their processes. Rates and latencies are the best of several rounds over all
engines, because other work on the machine can only make them worse. If the machine was busy, or the loads of two rows differ, compare the processor time first."""

ABOUT = """\
Memory is that of client, worker and server together; what processes share counts once. An order *in a call* has an effect under way that does not
answer. A run that *waits* waits for an event or for 720 hours. For *orders after a kill*, so many orders are started whose effect does not answer, all of
them under way or queued; the worker is killed with SIGKILL, a new one is started at once, and its seconds are counted from its start until the first and
until all orders had their last call. Where a figure has a number of runs before it, so many were
reached in the time that the measure has. For *step 10, step 10,000*, one run makes one call after the other; the figures are the medians of 50 steps.
Several workers serve the same 100 clients; in one process, each worker has its share of the clients. The figures of this table are of one round."""

LIMITS = """\
What limits each of them here:

- **Opord** in one process is limited by one core of Python: many runs share a transaction, so the disk is not asked often. A lone order waits for a sync after
  each step. After a kill, orders that the dead worker held wait until its lease of ten seconds has ended. A second worker process adds little on two cores
  that the clients share.
- **Opord over HTTP** pays for two requests or more for an order in the server, because the API has no request that waits for a result yet: the client looks at the run
  after 5 ms, then after pauses of twice as long, up to 100 ms.
- **DBOS** writes the start, each step and the end in a transaction of its own. Its limit is Python's time in SQLAlchemy and in the change between the event loop and
  threads; on SQLite also the one writer at a time. Each run that waits is a task in memory. SQLite is set to a write-ahead log here, which DBOS does not
  do itself; it says that SQLite is for development, and PostgreSQL for production. It knows its own runs after a restart, and recovers them without waiting for a lease.
- **Temporal** is measured with its development server, which is one process on SQLite, because nothing else of it comes from a package registry. Its makers say
  that this server is not for production. Each order is four workflow tasks and three activities, and each of these is several calls and transactions, so its limit is the
  processor of the server and of the worker's SDK. Activities have a time-out of ten seconds, as long as a lease of Opord; after a kill, those that the dead worker held
  wait for it. A workflow ends by force at 51,200 events, which are about 8,500 activities in a row; a longer loop has to continue as a new workflow, which
  was not done here. The workflow sandbox is off, and the server looks for tasks of its one shard 200 times a second instead of 20, which both make it faster.
- **Restate** keeps its log and its state in RocksDB; a sync of the log is shared by the runs that come at the same moment. Its limit is the processor of the server, and of the HTTP/2 server (Hypercorn, as its
  documents advise) in the service. A run that waits leaves the memory of the service after one second here, instead of a minute. After a kill, the server
  calls the service again after a pause that grows with each failure."""
