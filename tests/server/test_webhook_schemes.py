"""Signatures of webhooks: the published vectors of the schemes, and what they do not vouch for."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from opord.server.webhooks.schemes import SchemeName, Untrusted, key_of, verify
from tests.server import signing

AT = 1614265330.0
BODY = b'{"test": 2432232314}'

STANDARD_VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
"""The vector of the libraries of Standard Webhooks; their secret is `signing.STANDARD`."""

GITHUB_VECTOR = {
    "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
}
"""The vector of GitHub's documentation, for the body `Hello, World!`."""


def check(
    scheme: SchemeName,
    secrets: str | list[str],
    headers: dict[str, Any],
    body: bytes = BODY,
    *,
    now_s: float = AT,
    tolerance_s: float = 300,
) -> str:
    """Verify a delivery; a header with a list comes several times."""
    keys = [key_of(scheme, one) for one in ([secrets] if isinstance(secrets, str) else secrets)]
    given = {
        name.encode(): [one.encode("latin-1") for one in (value if isinstance(value, list) else [value])]
        for name, value in headers.items()
    }
    return verify(scheme, keys, given, body, now_s=now_s, tolerance_s=tolerance_s)


def refused(*args: Any, **how: Any) -> str:
    with pytest.raises(Untrusted) as why:
        check(*args, **how)
    return str(why.value)


class TestPublishedVectors:
    def test_standard(self) -> None:
        assert check("standard", signing.STANDARD, STANDARD_VECTOR) == "msg_p5jXN8AQM9LWM0D4loKWxJek"

    def test_github(self) -> None:
        assert check("github", signing.GITHUB, GITHUB_VECTOR, b"Hello, World!").startswith("72d3162e")

    def test_stripe_as_openssl_computes_it(self) -> None:
        said = subprocess.run(
            ["openssl", "dgst", "-sha256", "-hmac", signing.STRIPE],
            input=b"1614265330." + BODY, capture_output=True, check=True,
        )  # fmt: skip
        signature = said.stdout.decode().split()[-1]
        assert check("stripe", signing.STRIPE, {"stripe-signature": f"t=1614265330,v1={signature}"}) == ""


class TestRotation:
    OTHER = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

    def test_any_of_several_secrets_fits(self) -> None:
        for secrets in ([signing.STANDARD, self.OTHER], [self.OTHER, signing.STANDARD]):
            check("standard", secrets, STANDARD_VECTOR)

    def test_any_of_several_signatures_fits(self) -> None:
        old = STANDARD_VECTOR["webhook-signature"]
        new = signing.standard(BODY, "x", secret=self.OTHER, at=AT)["webhook-signature"]
        for both in (f"{new} {old}", f"{old} {new}", f"v1a,AAAA {old}"):
            check("standard", signing.STANDARD, STANDARD_VECTOR | {"webhook-signature": both})
        mine = signing.stripe(BODY, at=AT)["stripe-signature"]
        check("stripe", signing.STRIPE, {"stripe-signature": mine.replace(",", ",v1=00ff,v0=aa,")})

    def test_a_secret_that_was_taken_out_fits_no_more(self) -> None:
        assert "no secret" in refused("standard", self.OTHER, STANDARD_VECTOR)


class TestWhatIsRefused:
    @pytest.mark.parametrize("changed", [b'{"test":2432232314}', b'{"test": 2432232315}', BODY + b"\n", b""])
    def test_another_body_even_if_it_means_the_same(self, changed: bytes) -> None:
        assert "no secret" in refused("standard", signing.STANDARD, STANDARD_VECTOR, changed)
        assert "no secret" in refused("stripe", signing.STRIPE, signing.stripe(BODY, at=AT), changed)
        assert "no secret" in refused("github", signing.GITHUB, signing.github(BODY, "d"), changed)

    @pytest.mark.parametrize(
        ("off", "fits"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)]
    )
    def test_a_time_out_of_tolerance_in_either_direction(self, off: int, fits: bool) -> None:
        for scheme, secret, headers in (
            ("standard", signing.STANDARD, signing.standard(BODY, "m", at=AT)),
            ("stripe", signing.STRIPE, signing.stripe(BODY, at=AT)),
        ):
            if fits:
                check(scheme, secret, headers, now_s=AT + off)  # type: ignore[arg-type]
            else:
                assert "300 s are allowed" in refused(scheme, secret, headers, now_s=AT + off)

    def test_the_tolerance_is_that_of_the_route(self) -> None:
        check("stripe", signing.STRIPE, signing.stripe(BODY, at=AT), now_s=AT + 3000, tolerance_s=3600)

    @pytest.mark.parametrize(
        "time", ["", "-1", "1614265330.0", "1e9", " 1614265330", "١٦١٤٢٦٥٣٣٠", "9" * 400]
    )
    def test_a_time_that_is_no_number_of_seconds(self, time: str) -> None:
        headers = {**signing.standard(BODY, "m", at=AT), "webhook-timestamp": time.encode().decode("latin-1")}
        assert "time" in refused("standard", signing.STANDARD, headers)
        assert "time" in refused(
            "stripe", signing.STRIPE, {"stripe-signature": f"t={headers['webhook-timestamp']},v1=aa"}
        )

    def test_an_id_with_a_point_which_could_stand_for_another_id_and_body(self) -> None:
        whole = signing.standard(b"7.{}", "m", at=AT)
        moved = whole | {"webhook-id": f"m.{int(AT)}", "webhook-timestamp": "7"}
        assert "point" in refused("standard", signing.STANDARD, moved, b"{}", now_s=7)

    def test_a_header_that_is_missing_or_comes_twice(self) -> None:
        for name in STANDARD_VECTOR:
            fewer = {key: value for key, value in STANDARD_VECTOR.items() if key != name}
            assert f"{name} is missing" in refused("standard", signing.STANDARD, fewer)
            twice: dict[str, Any] = {**STANDARD_VECTOR, name: [STANDARD_VECTOR[name]] * 2}
            assert "more than once" in refused("standard", signing.STANDARD, twice)
        assert "is missing" in refused(
            "github",
            signing.GITHUB,
            {"x-hub-signature-256": GITHUB_VECTOR["x-hub-signature-256"]},
            b"Hello, World!",
        )

    @pytest.mark.parametrize(
        "signature",
        ["", "v1,", "v1", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1,\xff", "v1,aa " * 30],
    )
    def test_a_signature_of_another_form(self, signature: str) -> None:
        refused("standard", signing.STANDARD, STANDARD_VECTOR | {"webhook-signature": signature})

    @pytest.mark.parametrize("signature", ["", "sha1=aa", "sha256=", "757107ea", "sha256=\xe9"])
    def test_a_signature_of_github_of_another_form(self, signature: str) -> None:
        refused(
            "github", signing.GITHUB, GITHUB_VECTOR | {"x-hub-signature-256": signature}, b"Hello, World!"
        )

    def test_two_times_in_the_header_of_stripe(self) -> None:
        assert "several" in refused(
            "stripe",
            signing.STRIPE,
            {"stripe-signature": signing.stripe(BODY, at=AT)["stripe-signature"] + ",t=1"},
        )


class TestSecrets:
    @pytest.mark.parametrize("secret", ["hunter2", "whsec_", "whsec_not base64!"])
    def test_a_secret_of_another_form_is_refused_without_being_shown(self, secret: str) -> None:
        with pytest.raises(ValueError, match=r"whsec_|empty") as wrong:
            key_of("standard", secret)
        assert "hunter2" not in str(wrong.value)
        assert "not base64!" not in str(wrong.value)

    def test_stripe_and_github_take_it_as_it_is(self) -> None:
        assert key_of("stripe", "whsec_abc") == b"whsec_abc"
        with pytest.raises(ValueError, match="empty"):
            key_of("github", "")
