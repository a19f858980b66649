"""Planted bugs of webhooks that are sent: what is written, its order, and where it goes."""

from __future__ import annotations

from tests.mutants.model import Mutant

DESK, SENDER = "stores/outbox.py", "server/outgoing/sender.py"
SUITE = "tests/stores/test_sqlite.py::TestSqliteStore"
SENDING, POSTING = "tests/server/outgoing/test_sender.py", "tests/server/outgoing/test_posting.py"

MUTANTS = (
    Mutant(
        "needs told at each write", "stores/sqlite/outbox.sql",
        "      AND instr(' ' || old.needs || ' ', ' ' || n.reason || ' ') = 0;", "      ;",
        "a need is told again when another one begins or ends", "webhooks out",
        tests=(f"{SUITE}::test_a_need_is_told_when_it_begins",),
    ),
    Mutant(
        "a lost lease keeps what it sent", DESK,
        "            if not _holds(executes, lease):\n                return False\n", "",
        "a process that was frozen gives up what another one sends", "webhooks out",
        tests=(f"{SUITE}::test_one_process_sends_to_an_endpoint",),
    ),
    Mutant(
        "a message counted out twice", DESK,
        '        if executes("message_done", (message.id,)):\n            _one_less(executes, message.endpoint, message.run)',
        '        executes("message_done", (message.id,))\n        _one_less(executes, message.endpoint, message.run)',
        "the messages behind one that was kept twice are never sent", "webhooks out",
        tests=(f"{SUITE}::test_to_say_twice_that_a_message_was_received_does_no_harm",),
    ),
    Mutant(
        "runs pruned before they are told", "stores/sqlite/pruning.sql",
        "  AND h.arrivals = n.value ->> 3 AND h.hash = n.value ->> 4\n  AND NOT EXISTS (SELECT 1 FROM opord_outbox AS m WHERE m.run = r.run)",
        "  AND h.arrivals = n.value ->> 3 AND h.hash = n.value ->> 4",
        "what a message tells of is gone when it is sent", "webhooks out",
        tests=(f"{SUITE}::test_a_run_is_kept_until_its_messages_are_sent",),
    ),
    Mutant(
        "two messages of a run under way", SENDER,
        "            if message.run not in self._under_way and room > 0 and self._monotonic() < self.valid_until:",
        "            if room > 0 and self._monotonic() < self.valid_until:",
        "messages of a run are sent twice or overtake each other", "webhooks out",
        tests=(SENDING,),
    ),
    Mutant(
        "the name connected to, not the address that was checked", "server/outgoing/posting.py",
        "                return await self._inner.connect_tcp(\n                    address, port,",
        "                return await self._inner.connect_tcp(\n                    host, port,",
        "a name that leads elsewhere a moment later reaches the own network", "webhooks out",
        tests=(f"{POSTING}::test_the_address_that_was_checked_is_the_one_that_is_connected_to",),
    ),
    Mutant(
        "addresses of IPv4 within IPv6 not looked into", "server/outgoing/reach.py",
        "    if any(address in network for network in _MAPPED_4):\n        return _of_4(IPv4Address(int(address) & 0xFFFFFFFF))\n",
        '    if any(address in network for network in _MAPPED_4):\n        return "public"\n',
        "::ffff:169.254.169.254 is reached", "webhooks out",
        tests=("tests/server/outgoing/test_reach.py",),
    ),
)  # fmt: skip
