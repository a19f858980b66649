"""The API as a program uses it: starts, events, answers, listings, histories, a person's word."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.server.kit import REFUND, at, load_refund, run, served, somebody


def test_a_run_is_started_approved_and_told(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            started = await api.start("o1")
            assert (started.status_code, started.json()) == (201, {"run": "Refund/o1", "created": True})
            assert started.headers["location"] == "/api/v1/runs/Refund/o1"
            again = await api.start("o1")
            assert (again.status_code, again.json()) == (200, {"run": "Refund/o1", "created": False})

            view = await api.until("o1", "waiting")
            assert (view["run"], view["state"]) == ("Refund/o1", "Asked")
            assert {"event": "approve", "roles": ["clerk", "boss"]} in view["waiting_for"]

            sent = await api.send("o1", "approve", note="ok")
            assert sent.json() == {
                "run": "Refund/o1",
                "event": "approve",
                "reception": "taken",
                "state": "Paying",
            }
            ended = await api.until("o1", "ended")
            assert (ended["state"], ended["data"], ended["outcome"]) == (
                "Paid",
                {"number": "t-o1"},
                "success",
            )

            told = (await api.web.get(f"{at('o1')}/history")).json()
            assert [one["kind"] for one in told["records"]][:2] == ["started", "event"]
            assert told["records"][1]["actor"] == "local"
            assert told["after"] is None

    run(test)


def test_views_are_those_of_the_command_line(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            await api.start("o1")
            await api.until("o1", "waiting")
            assert (await api.web.get(at("o1"))).json() == await api.engine.run_status("Refund/o1")
            history = (await api.web.get(f"{at('o1')}/history")).json()["records"]
            assert history == await api.engine.run_history("Refund/o1")
            listed = (await api.web.get("/runs")).json()["runs"]
            assert listed == (await api.engine.runs()).runs

    run(test)


NAMES = [
    "a/b", "a%2Fb", "%2F", "a b", "ü", "日本", "🦆", ".", "..", "...", "a..b", "a?b", "a#b", "a+b", "a&b=c", "~", "a;b", "a:b",
    "a\\b", '"', "'", "<b>", "100%", "%", "%41", "a//b", "/a", "a/", "x" * 500, "changes", "history", "e\u0301", "\u202e",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_key_of_any_signs_is_one_segment(refund: Any, name: str) -> None:
    async def test() -> None:
        async with served(refund) as api:
            started = await api.start(name)
            assert started.json() == {"run": f"Refund/{name}", "created": True}
            for address in (at(name), started.headers["location"].removeprefix("/api/v1")):
                shown = await api.web.get(address)
                assert shown.status_code == 200, shown.text
                assert shown.json()["run"] == f"Refund/{name}"
            sent = await api.send(name, "approve", note="ok")
            assert sent.status_code == 200, sent.text
            assert (await api.web.get(f"{at(name)}/history")).status_code == 200

    run(test)


def test_pages_of_a_listing_follow_each_other(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            for number in range(7):
                await api.start(f"o{number}", 100 + number % 2)
            seen, after = [], ""
            while True:
                page = (await api.web.get(f"/runs?limit=3{after}")).json()
                seen.append([one["run"] for one in page["runs"]])
                if page["after"] is None:
                    break
                after = f"&after={page['after']}"
            assert seen == [
                ["Refund/o6", "Refund/o5", "Refund/o4"],
                ["Refund/o3", "Refund/o2", "Refund/o1"],
                ["Refund/o0"],
            ]
            odd = (await api.web.get("/runs?data.cents=101&limit=2")).json()
            assert [one["run"] for one in odd["runs"]] == ["Refund/o5", "Refund/o3"]
            rest = (await api.web.get(f"/runs?data.cents=101&limit=2&after={odd['after']}")).json()
            assert ([one["run"] for one in rest["runs"]], rest["after"]) == (["Refund/o1"], None)

    run(test)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=Asked", ["a"]),
        ("status=ended", ["b"]),
        ("outcome=success", ["b"]),
        ("needs=doubt", ["lost"]),
        ("needs=any", ["lost"]),
        ("contract=Refund&version=1&status=waiting", ["a"]),
        ("started=1h&since_before=1h", []),
        ("started_before=1h", []),
        ("since=2026-01-01T00:00:00Z&status=ended", ["b"]),
        ("data.number=t-b", ["b"]),
        ("status=ended&status=waiting", ["b", "a"]),
        ("state=Asked&state=Nowhere&contract=Refund", ["a"]),
        ("needs=doubt&needs=alarm", ["lost"]),
        ("version=1&version=2&outcome=success&outcome=failure", ["b"]),
        ("data.order=a&data.order=b", ["b", "a"]),
        ("data.order=a&data.number=t-b", []),
        ("role=clerk", ["a"]),
        ("role=clerk&role=boss", ["a"]),
        ("role=clerk&status=ended", []),
        ("reason=answer was lost", ["lost"]),
        ("reason=Answer was lost", []),
        ("reason=nothing&reason=lost&status=in_doubt", ["lost"]),
        ("started=1h..", ["lost", "b", "a"]),
        ("started=..1h", []),
        ("since=7d..1h", []),
        ("sort=since&status=waiting&status=ended", ["a", "b"]),
        ("sort=-since&status=waiting&status=ended", ["b", "a"]),
        ("sort=-started&limit=2", ["lost", "b"]),
        ("sort=due&state=Asked", ["a"]),
        ("sort=since&after=nowhere", []),
    ],
)
def test_filters_have_the_words_of_the_command_line(refund: Any, query: str, found: list[str]) -> None:
    async def test() -> None:
        async with served(refund) as api:
            for order in ("a", "b", "lost"):
                await api.start(order)
            for order in ("b", "lost"):
                await api.send(order, "approve", note="ok")
            await api.until("b", "ended")
            await api.until("lost", "in_doubt")
            page = await api.web.get(f"/runs?{query}")
            assert page.status_code == 200, page.text
            assert [one["run"].removeprefix("Refund/") for one in page.json()["runs"]] == found

    run(test)


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("state=Askd", "name_unknown", "did you mean 'Asked'?"),
        ("contract=Refnd", "name_unknown", "did you mean 'Refund'?"),
        ("contract=Refund&version=9", "name_unknown", "there is no version 9"),
        ("status=endet", "query_invalid", "did you mean 'ended'?"),
        ("started=1h&started=2h", "query_invalid", "write one range"),
        ("role=clrk", "name_unknown", "did you mean 'clerk'?"),
        ("started=..", "query_invalid", "a range with an end"),
        ("started=2d..7d", "query_invalid", "ends before it begins"),
        ("started=1h..never", "query_invalid", "expected 90d"),
        ("started_before=1h..2h", "query_invalid", "one end of a range"),
        ("due=-2h", "query_invalid", "due: expected 90d"),
        ("version=0", "query_invalid", "whole number from 1"),
        ("version=1.0", "query_invalid", "whole number from 1"),
        ("&".join("state=Asked" for _ in range(51)), "query_invalid", "up to 50 values"),
        ("needs=coffee", "query_invalid", "there is no"),
        ("sort=name", "query_invalid", "one of -started, -since, since, due"),
        ("sort=since&sort=due", "query_invalid", "more than once"),
        ("order=since", "query_invalid", "'order'"),
        ("limit=0", "query_invalid", "from 1 to 500"),
        ("limit=501", "query_invalid", "from 1 to 500"),
        ("limit=1e3", "query_invalid", "from 1 to 500"),
        ("limit=٣", "query_invalid", "from 1 to 500"),
        ("version=99999999999999999999", "query_invalid", "whole number"),
        ("started=yesterday", "query_invalid", "started: expected 90d"),
        ("since=9999999999999999999d", "query_invalid", "since: expected 90d"),
        ("data.=1", "query_invalid", "names joined by points"),
        ("data.a..b=1", "query_invalid", "names joined by points"),
        ("state=%00", "query_invalid", "NUL"),
        ("state=%FF", "query_invalid", "not UTF-8"),
        ("&".join(f"data.a{n}=1" for n in range(200)), "query_invalid", "more than 100"),
    ],
)
def test_a_query_that_cannot_be_read_is_told(refund: Any, query: str, code: str, words: str) -> None:
    async def test() -> None:
        async with served(refund) as api:
            await api.start("o1")
            answer = await api.web.get(f"/runs?{query}")
            assert (answer.status_code, answer.json()["code"]) == (400, code)
            assert words in answer.json()["detail"]

    run(test)


def test_a_history_comes_in_pages_and_ends_with_what_waits(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            await api.start("o1")
            for number in range(5):
                await api.send("o1", "remark", text=str(number))
            whole = (await api.web.get(f"{at('o1')}/history")).json()["records"]
            pages, after = [], 0
            while after is not None:
                page = (await api.web.get(f"{at('o1')}/history?limit=2&after={after}")).json()
                pages += page["records"]
                after = page["after"]
            assert pages == whole
            assert len(whole) == 6
            assert (await api.web.get(f"{at('o1')}/history?after=99")).json() == {
                "records": [],
                "after": None,
            }

    run(test)


def test_a_person_says_what_became_of_a_doubt(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            await api.start("lost")
            await api.send("lost", "approve", note="ok")
            view = await api.until("lost", "in_doubt")
            seen = view["waiting_for"][0]["seen"]
            old = await api.web.post(
                f"{at('lost')}/resolve", json={"happened": True, "result": "t", "seen": 1}
            )
            assert (old.status_code, old.json()["code"]) == (409, "not_in_doubt")
            wrong = await api.web.post(f"{at('lost')}/resolve", json={"happened": True, "result": 7})
            assert (wrong.status_code, wrong.json()["code"]) == (422, "input_invalid")
            done = await api.web.post(
                f"{at('lost')}/resolve",
                json={"happened": True, "result": "t-9", "seen": seen, "reason": "seen in the ledger"},
            )
            assert (done.status_code, done.json()) == (200, {"run": "Refund/lost", "done": "resolve"})
            assert (await api.until("lost", "ended"))["data"] == {"number": "t-9"}
            records = (await api.web.get(f"{at('lost')}/history")).json()["records"]
            said = next(one for one in records if one["kind"] == "resolved")
            assert (said["actor"], said["reason"]) == ("local", "seen in the ledger")

    run(test)


@pytest.mark.parametrize(
    "body",
    [{}, {"happened": None}, {"happened": "yes"}, {"happened": True, "another": True}, {"another": 1},
     {"happened": False, "result": 1}, {"happened": True, "seen": 0}, {"happened": True, "seen": True},
     {"happened": True, "seen": 2**64 - 1}, {"happened": True, "reason": 7}],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused(refund: Any, body: dict[str, Any]) -> None:
    async def test() -> None:
        async with served(refund) as api:
            await api.start("lost")
            await api.send("lost", "approve", note="ok")
            await api.until("lost", "in_doubt")
            answer = await api.web.post(f"{at('lost')}/resolve", json=body)
            assert answer.status_code in (400, 422)
            assert (await api.web.get(at("lost"))).json()["status"] == "in_doubt"

    run(test)


@pytest.mark.parametrize(
    ("verb", "body", "code"),
    [
        ("resume", {}, "not_stalled"),
        ("acknowledge", {"reason": "seen"}, "no_alarm"),
        ("resolve", {"happened": False}, "not_in_doubt"),
        ("drop-event", {"event_id": "e1"}, "event_id_unknown"),
        ("drop-event", {}, "input_invalid"),
    ],
)
def test_a_verb_that_the_run_does_not_need_is_refused(
    refund: Any, verb: str, body: dict[str, Any], code: str
) -> None:
    async def test() -> None:
        async with served(refund) as api:
            await api.start("o1")
            answer = await api.web.post(f"{at('o1')}/{verb}", json=body)
            assert answer.json()["code"] == code, answer.text

    run(test)


def test_cancel_and_terminate_end_a_run(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            await api.start("o1")
            await api.start("o2")
            cancelled = await api.web.post(f"{at('o1')}/cancel", json={"reason": "changed my mind"})
            assert cancelled.json() == {
                "run": "Refund/o1", "done": "cancel", "reception": "taken", "state": "Declined",
            }  # fmt: skip
            assert (await api.web.get(at("o1"))).json()["data"] == {"reason": "changed my mind"}
            ended = await api.web.post(f"{at('o2')}/terminate")
            assert ended.json() == {"run": "Refund/o2", "done": "terminate"}
            again = await api.web.post(f"{at('o2')}/terminate")
            assert (again.status_code, again.json()["code"]) == (409, "run_ended")

    run(test)


def test_a_refused_event_says_what_the_state_takes_and_from_whom(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False, who=somebody) as api:
            api.web.headers["x-who"] = "eve: guest"
            await api.start("o1")
            refused = await api.send("o1", "approve", note="ok")
            problem = refused.json()
            assert (refused.status_code, problem["code"]) == (403, "role_required")
            assert problem["accepts"] == [{"event": "approve", "roles": problem["roles"]}]
            assert sorted(problem["roles"]) == ["boss", "clerk"]
            api.web.headers["x-who"] = "ann: clerk"
            assert (await api.send("o1", "approve", note="ok")).status_code == 200
            late = (await api.send("o1", "remark", text="x")).json()
            assert (late["code"], late["handled"], late["accepts"]) == ("event_refused", [], [])

    run(test)


def test_an_excluded_sender_is_told_why_whatever_its_roles(tmp_path: Path) -> None:
    text = REFUND.replace("by clerk | boss", "by clerk | boss except order")
    excluding = load_refund(tmp_path, text)

    async def test() -> None:
        async with served(excluding, handlers=False, who=somebody) as api:
            api.web.headers["x-who"] = "ann: opord:admin clerk boss"
            await api.start("ann")
            shown = (await api.web.get(at("ann"))).json()
            wait = {
                "event": "approve",
                "roles": ["clerk", "boss"],
                "except": [{"path": "order", "actors": ["ann"]}],
            }
            assert wait in shown["waiting_for"]
            refused = await api.send("ann", "approve", note="ok")
            problem = refused.json()
            assert (refused.status_code, problem["code"]) == (403, "sender_excluded")
            assert (problem["path"], problem["actor"], problem["event"]) == ("order", "ann", "approve")
            assert "by clerk | boss except order" in problem["detail"]
            assert problem["accepts"] == [wait]
            assert (await api.web.get(at("ann"))).json() == shown
            api.web.headers["x-who"] = "eve: guest"
            lacking = (await api.send("ann", "approve", note="ok")).json()
            assert (lacking["code"], lacking["accepts"]) == ("role_required", [wait])
            document = (await api.web.get("/contracts/Refund/openapi.json")).json()
            event = document["paths"]["/runs/Refund/{key}/events/approve"]["post"]
            assert "May not be sent by whom the run names in `order`" in event["description"]
            api.web.headers["x-who"] = "eve: boss"
            assert (await api.send("ann", "approve", note="ok")).status_code == 200

    run(test)


@pytest.mark.parametrize(
    ("roles", "role"), [("clerk", "clerk"), ("guest boss", "boss"), ("opord:admin clerk", "clerk")]
)
def test_an_event_is_sent_in_the_role_that_it_wants(refund: Any, roles: str, role: str) -> None:
    async def test() -> None:
        async with served(refund, handlers=False, who=somebody) as api:
            api.web.headers["x-who"] = f"ann: {roles}"
            await api.start("o1")
            assert (await api.send("o1", "approve", note="ok")).status_code == 200
            record = (await api.web.get(f"{at('o1')}/history")).json()["records"][1]
            assert (record["actor"], record["role"]) == ("ann", role)

    run(test)


def test_two_starts_at_once_are_one_run(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            answers = await asyncio.gather(*(api.start("o1") for _ in range(50)))
            assert sorted(one.status_code for one in answers) == [200] * 49 + [201]
            others = await asyncio.gather(*(api.start("o2", cents) for cents in (1, 2)))
            assert sorted(one.status_code for one in others) == [201, 409]

    run(test)


def test_contracts_are_listed_explained_and_drawn(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            listed = (await api.web.get("/contracts")).json()
            assert listed == {"contracts": [{"contract": "Refund", "versions": [1], "starts": 1}]}
            sheet = (await api.web.get("/contracts/Refund")).json()
            assert (sheet["contract"], sheet["requires"] != []) == ("Refund", True)
            page = await api.web.get("/contracts/Refund?format=markdown")
            assert page.headers["content-type"].startswith("text/markdown")
            drawn = await api.web.get("/contracts/Refund/diagram")
            assert (drawn.headers["content-type"], drawn.text[:4]) == ("image/svg+xml", "<svg")
            assert "Asked" in (await api.web.get("/contracts/Refund/diagram?format=mermaid")).text
            versions = (await api.web.get("/contracts/Refund/versions")).json()["versions"]
            assert [(one["version"], one["starts"]) for one in versions] == [(1, True)]
            text = (await api.web.get("/contracts/Refund/text?version=1")).json()
            assert "contract Refund" in text["sources"][0]["text"]
            for address in (
                "Refnd",
                "Refund?version=2",
                "Refnd/versions",
                "Refnd/text",
                "Refund/diagram?version=7",
            ):
                unknown = await api.web.get(f"/contracts/{address}")
                assert (unknown.status_code, unknown.json()["code"]) == (404, "contract_unknown"), address

    run(test)


def test_a_run_is_known_by_its_tag(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            await api.start("o1")
            first = await api.web.get(at("o1"))
            known = await api.web.get(at("o1"), headers={"if-none-match": first.headers["etag"]})
            assert (known.status_code, known.content) == (304, b"")
            await api.send("o1", "approve", note="ok")
            moved = await api.web.get(at("o1"), headers={"if-none-match": first.headers["etag"]})
            assert moved.status_code == 200
            assert moved.headers["etag"] != first.headers["etag"]

    run(test)


def test_head_and_unknown_methods(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            head = await api.web.head("/runs")
            assert (head.status_code, head.content) == (200, b"")
            assert int(head.headers["content-length"]) == len((await api.web.get("/runs")).content)
            put = await api.web.put("/runs", json={})
            assert (put.status_code, put.headers["allow"]) == (405, "GET")
            assert (await api.web.get("/runs/")).status_code == 404
            assert (
                (await api.web.get("/runs/Refund/a/b"))
                .json()["detail"]
                .endswith("a slash in a key is written %2F")
            )

    run(test)


def test_a_start_takes_a_priority_and_a_label(refund: Any) -> None:
    async def test() -> None:
        async with served(refund) as api:
            body = {"order": "a", "cents": 5}
            started = await api.web.post("/contracts/Refund/runs?priority=-10&label=gpu", json=body)
            assert started.status_code == 201
            shown = (await api.web.get("/runs/Refund/a")).json()
            assert (shown["priority"], shown["label"]) == (-10, "gpu")
            listed = (await api.web.get("/runs?label=gpu")).json()["runs"]
            assert [one["run"] for one in listed] == ["Refund/a"]
            for query, code in (
                ("priority=101", "query_invalid"),
                ("priority=1.5", "query_invalid"),
                ("label=g%20u", "scheduling_invalid"),
            ):
                refused = await api.web.post(f"/contracts/Refund/runs?{query}", json=body)
                assert refused.json()["code"] == code, query

    run(test)


VERBS = [
    ("events/remark", {"text": "x"}),
    ("cancel", {}),
    ("terminate", {}),
    ("resume", {}),
    ("resolve", {"happened": False}),
    ("acknowledge", {}),
    ("drop-event", {"event_id": "e"}),
]


@pytest.mark.parametrize(("verb", "body"), VERBS)
def test_a_verb_acts_only_on_the_run_that_was_seen(refund: Any, verb: str, body: dict[str, Any]) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            await api.start("o1")
            old = (await api.web.get(at("o1"))).headers["etag"]
            await api.send("o1", "remark", text="something has happened")
            late = await api.web.post(f"{at('o1')}/{verb}", json=body, headers={"if-match": old})
            assert (late.status_code, late.json()["code"]) == (412, "run_moved"), late.text
            assert (late.json()["seen"], late.json()["seq"]) == (1, 2)
            now = (await api.web.get(at("o1"))).headers["etag"]
            for tag in (now, "*"):
                answer = await api.web.post(f"{at('o1')}/{verb}", json=body, headers={"if-match": tag})
                assert answer.status_code != 412
                if answer.status_code == 200:
                    break

    run(test)


def test_of_those_who_saw_the_same_one_acts(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            await api.start("o1")
            tag = (await api.web.get(at("o1"))).headers["etag"]
            answers = await asyncio.gather(
                *(
                    api.web.post(
                        f"{at('o1')}/events/remark", json={"text": str(n)}, headers={"if-match": tag}
                    )
                    for n in range(20)
                )
            )
            assert sorted(one.status_code for one in answers) == [200] + [412] * 19

    run(test)


@pytest.mark.parametrize("tag", ["1.0", '"1"', '"x.y"', 'W/"1.0"', '"1.0", "2.0"', '"9999999999999999999.0"'])
def test_a_tag_that_is_none_is_told(refund: Any, tag: str) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            await api.start("o1")
            answer = await api.web.post(f"{at('o1')}/terminate", headers={"if-match": tag})
            assert (answer.status_code, answer.json()["code"]) == (400, "header_invalid")

    run(test)
