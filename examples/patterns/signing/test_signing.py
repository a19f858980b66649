"""A document is signed by all on its list and sealed once, or it is void."""

from __future__ import annotations

from typing import Any

import pytest

import opord
from examples.patterns.service import Answer, NotSent, Recorded
from examples.patterns.signing.contract_signing import ContractSigning, EnvelopeError
from examples.patterns.signing.handlers import Handlers
from opord.testing import Fakes, Run, World, crash_everywhere

DOCUMENT = {"id": "k1", "title": "Lease", "signers": ["ann", "bob"], "owner": "olga", "sha256": "abc"}


def faked(world: World) -> Fakes:
    fakes = world.fakes(ContractSigning)
    fakes.send_envelope.returns("env-1")
    fakes.void_envelope.returns()
    fakes.remind.returns()
    fakes.seal.returns("seal-1")
    return fakes


def started(world: World) -> Run:
    return world.start(ContractSigning, document=DOCUMENT)


def sign(run: Run, who: str, sha256: str = "abc") -> Run:
    run.send.sign(sha256=sha256, as_=who, role="signer")
    return run


@crash_everywhere
def test_all_sign_and_it_is_sealed_once(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = sign(sign(started(opord_world), "bob"), "ann")
    run.assert_ended().assert_state("Signed", sealed="seal-1")
    assert [one.signer for one in run.fields.signatures] == ["bob", "ann"]
    assert fakes.seal.happened == fakes.send_envelope.happened == 1


@pytest.mark.parametrize(("who", "sha256"), [("eve", "abc"), ("ann", "xyz"), ("bob", "abc")])
def test_only_who_is_asked_signs_once_and_this_very_text(opord_world: World, who: str, sha256: str) -> None:
    faked(opord_world)
    run = sign(started(opord_world), "bob")
    with pytest.raises(opord.Refused, match="its condition for 'sign' is not met"):
        sign(run, who, sha256)
    run.assert_state("Collecting", signed=["bob"])


@crash_everywhere
def test_each_week_the_others_are_reminded_and_after_three_it_is_void(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = sign(started(opord_world), "bob").advance("22d")
    run.assert_state("Void", reason="not signed within three weeks").assert_ended("cancelled")
    assert 1 <= len(fakes.remind.effects) <= 3
    assert fakes.remind.args[-1]["signed"] == ["bob"]
    assert fakes.void_envelope.happened == 1


def test_a_signature_does_not_put_the_reminder_off(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = sign(started(opord_world).advance("6d"), "ann")
    assert fakes.remind.calls == []
    run.advance("1d")
    assert fakes.remind.args == [{"envelope": "env-1", "signed": ["ann"]}]


@pytest.mark.parametrize("verb", ["decline", "cancel"])
def test_a_refusal_or_the_owner_makes_it_void(opord_world: World, verb: str) -> None:
    fakes = faked(opord_world)
    run = started(opord_world)
    if verb == "decline":
        with pytest.raises(opord.Refused):
            run.send.decline(reason="no", as_="eve", role="signer")
        run.send.decline(reason="too dear", as_="ann", role="signer")
        run.assert_state("Void", reason="ann declines: too dear")
    else:
        with pytest.raises(opord.Refused, match="only owner may send cancel"):
            run.send.cancel(reason="no", as_="ann", role="signer")
        run.send.cancel(reason="a new draft", as_="olga", role="owner")
        run.assert_state("Void", reason="a new draft")
    assert (fakes.void_envelope.happened, fakes.seal.calls) == (1, [])


@pytest.mark.parametrize("failure", [EnvelopeError.Invalid(reason="no address"), EnvelopeError.Down])
def test_what_cannot_be_sent_is_told(opord_world: World, failure: Any) -> None:
    fakes = faked(opord_world)
    fakes.send_envelope.fails(failure)
    run = started(opord_world).assert_state("Unsent").assert_ended("failure")
    assert run.fields.reason in ("Invalid", "Down", "Invalid(no address)", 'Invalid(reason: "no address")')
    assert fakes.void_envelope.calls == []


@pytest.mark.parametrize("happened", [True, False])
@pytest.mark.parametrize("action", ["send_envelope", "seal"])
def test_a_lost_answer_does_nothing_twice(opord_world: World, action: str, happened: bool) -> None:
    fakes = faked(opord_world)
    fakes[action].times_out(*(["x"] if happened else []), happened=happened).then.returns("x")
    run = sign(sign(started(opord_world), "bob"), "ann")
    run.assert_state("Signed", sealed="x" if action == "seal" else "seal-1")
    assert fakes[action].happened == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(201, {"envelope": "e9"}), "ok"),
        (Answer(400, {"reason": "no address"}), "EnvelopeError.Invalid"),
        (Answer(503), "EnvelopeError.Down"),
        (NotSent(), "EnvelopeError.Down"),
        (Answer(500), "Strange"),
    ],
)
def test_what_the_service_says_is_what_the_contract_hears(
    opord_world: World, answer: Any, outcome: str
) -> None:
    envelopes = Recorded(
        {"/envelopes": answer, "/envelopes/e9/remind": Answer(200), "/envelopes/e9/void": Answer(200)}
    )
    archive = Recorded({"/sealed": Answer(201, {"sealed": "s9"})})
    fakes = opord_world.fakes(ContractSigning, real=Handlers(envelopes, archive))
    run = started(opord_world)
    assert fakes.send_envelope.calls[0].outcome == outcome
    if outcome != "ok":
        return
    run.advance("8d")
    sign(sign(run, "ann"), "bob").assert_state("Signed", sealed="s9")
    assert [post[0] for post in envelopes.posts] == ["/envelopes", "/envelopes/e9/remind"]
    assert archive.posts[0][2] == "e9"
    other = opord_world.start(ContractSigning, document={**DOCUMENT, "id": "k2"})
    other.send.cancel(reason="no", as_="olga", role="owner")
    assert envelopes.posts[-1] == ("/envelopes/e9/void", {}, "e9")
