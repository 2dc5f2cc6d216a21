from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from routing.dispatch.errors import (
    MessageIdError,
    SecretError,
    SignatureError,
    SignatureMismatchError,
    SignatureMissingError,
    TimestampToleranceError,
)
from routing.dispatch.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER, Secret, new_secret, sign, verify
from serving.clock import SystemClock
from tests.routing.dispatch.fakes import NOON, OTHER_SECRET, SECRET

BODY = b'{"type":"freight.branch.notify","data":{"note":"\xc3\xa9"}}'
bodies = st.text(max_size=200).map(str.encode)
keys = st.binary(min_size=24, max_size=64)
message_ids = st.text(alphabet="abcXYZ0189_-:/+", min_size=1, max_size=60)


def signed(*secrets: Secret, body: bytes = BODY, sent_at: datetime = NOON) -> dict[str, str]:
    return sign(secrets or (SECRET,), message_id="call_1", sent_at=sent_at, body=body)


class TestSecret:
    @given(keys)
    def test_its_text_form_is_read_back(self, key: bytes) -> None:
        assert Secret.parse(Secret(key).text()) == Secret(key)

    def test_the_text_form_is_whsec_and_base64(self) -> None:
        assert Secret(b"k" * 24).text() == "whsec_" + base64.b64encode(b"k" * 24).decode()

    def test_it_is_in_no_repr(self) -> None:
        assert "kkk" not in repr(SECRET)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("a2tra2tra2tra2tra2tra2tra2tra2tr", "does not begin with whsec_"),
            ("whsec_not base64!", "is not base64"),
            ("whsec_" + base64.b64encode(b"k" * 23).decode(), "has 23 bytes"),
            ("whsec_" + base64.b64encode(b"k" * 65).decode(), "has 65 bytes"),
            ("whsec_", "has 0 bytes"),
        ],
    )
    def test_a_weak_or_broken_one_is_refused_without_being_shown(self, text: str, reason: str) -> None:
        with pytest.raises(SecretError, match=reason) as caught:
            Secret.parse(text)
        assert text.removeprefix("whsec_") == "" or text.removeprefix("whsec_") not in str(caught.value)


class TestNewSecret:
    def test_two_are_different_and_long_enough(self) -> None:
        first, second = new_secret(), new_secret()
        assert first != second
        assert len(first.key) == 32


class TestSign:
    @given(keys, message_ids, bodies)
    def test_the_reference_library_computes_the_same(self, key: bytes, message_id: str, body: bytes) -> None:
        headers = sign([Secret(key)], message_id=message_id, sent_at=NOON, body=body)
        assert headers[SIGNATURE_HEADER] == Webhook(Secret(key).text()).sign(message_id, NOON, body.decode())
        assert headers[TIMESTAMP_HEADER] == str(int(NOON.timestamp()))

    def test_the_reference_library_believes_it(self) -> None:
        headers = signed(OTHER_SECRET, SECRET, sent_at=SystemClock().now())
        assert Webhook(SECRET.text()).verify(BODY, headers)["type"] == "freight.branch.notify"

    def test_the_reference_library_refuses_another_body(self) -> None:
        headers = signed(sent_at=SystemClock().now())
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET.text()).verify(BODY + b" ", headers)

    def test_several_secrets_give_several_signatures_apart_by_a_space(self) -> None:
        both = signed(SECRET, OTHER_SECRET)[SIGNATURE_HEADER]
        assert both == f"{signed(SECRET)[SIGNATURE_HEADER]} {signed(OTHER_SECRET)[SIGNATURE_HEADER]}"

    @pytest.mark.parametrize("message_id", ["", "a.b", "a b", "a\nb", "é", "x" * 257])
    def test_an_id_that_could_be_mistaken_for_another_part_is_refused(self, message_id: str) -> None:
        with pytest.raises(MessageIdError):
            sign([SECRET], message_id=message_id, sent_at=NOON, body=BODY)

    def test_nothing_is_signed_without_a_secret(self) -> None:
        with pytest.raises(SecretError):
            sign([], message_id="call_1", sent_at=NOON, body=BODY)


class TestVerify:
    @given(keys, message_ids, bodies)
    def test_what_the_reference_library_signs_is_believed(self, key: bytes, message_id: str, body: bytes) -> None:
        headers = {
            "Webhook-Id": message_id,
            "Webhook-Timestamp": str(int(NOON.timestamp())),
            "Webhook-Signature": Webhook(Secret(key).text()).sign(message_id, NOON, body.decode()),
        }
        assert verify([Secret(key)], headers=headers, body=body, now=NOON) == message_id

    @pytest.mark.parametrize("seconds", [-300, 0, 300])
    def test_the_tolerance_includes_its_ends(self, seconds: int) -> None:
        assert verify([SECRET], headers=signed(), body=BODY, now=NOON + timedelta(seconds=seconds)) == "call_1"

    @pytest.mark.parametrize("seconds", [-301, 301])
    def test_outside_the_tolerance_nothing_is_believed(self, seconds: int) -> None:
        with pytest.raises(TimestampToleranceError):
            verify([SECRET], headers=signed(), body=BODY, now=NOON + timedelta(seconds=seconds))

    @pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    def test_every_header_is_needed(self, missing: str) -> None:
        headers = {name: value for name, value in signed().items() if name != missing}
        with pytest.raises(SignatureMissingError, match=f"{missing} is absent"):
            verify([SECRET], headers=headers, body=BODY, now=NOON)

    @pytest.mark.parametrize("timestamp", ["soon", "-5", "1e9", "٣", "9999999999999", " 12"])
    def test_a_timestamp_is_whole_seconds(self, timestamp: str) -> None:
        with pytest.raises(SignatureMissingError, match="cannot be read"):
            verify([SECRET], headers={**signed(), TIMESTAMP_HEADER: timestamp}, body=BODY, now=NOON)

    def test_a_timestamp_beyond_the_calendar_is_only_too_far_ahead(self) -> None:
        with pytest.raises(TimestampToleranceError):
            verify([SECRET], headers={**signed(), TIMESTAMP_HEADER: "999999999999"}, body=BODY, now=NOON)

    @pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "body"])
    def test_each_signed_part_is_covered(self, name: str) -> None:
        headers, body = signed(), BODY
        if name == "body":
            body = BODY.replace(b"notify", b"rebook")
        elif name == "webhook-id":
            headers[name] = "call_2"
        else:
            headers[name] = str(int(NOON.timestamp()) + 1)
        with pytest.raises(SignatureMismatchError):
            verify([SECRET], headers=headers, body=body, now=NOON)

    @pytest.mark.parametrize("signature", ["v1", "v1,", "v1,%%%", "v2,abc", "abc", ",", "v1,é", "v1a,AAAA"])
    def test_broken_and_foreign_signatures_are_passed_over(self, signature: str) -> None:
        with pytest.raises(SignatureMismatchError):
            verify([SECRET], headers={**signed(), SIGNATURE_HEADER: signature}, body=BODY, now=NOON)
        mixed = f"{signature} {signed()[SIGNATURE_HEADER]}"
        assert verify([SECRET], headers={**signed(), SIGNATURE_HEADER: mixed}, body=BODY, now=NOON) == "call_1"

    @given(st.dictionaries(st.sampled_from(sorted(signed())), st.text(max_size=40)), st.binary(max_size=40))
    def test_whatever_comes_is_refused_and_nothing_else_happens(self, headers: dict[str, str], body: bytes) -> None:
        with pytest.raises(SignatureError):
            verify([SECRET], headers={**signed(), **headers}, body=body, now=NOON)

    def test_a_secret_is_replaced_without_one_refusal(self) -> None:
        """The receiver learns the new one, the sender signs with both, the receiver forgets, the sender forgets."""
        old, new = SECRET, OTHER_SECRET
        steps = [
            ((old,), (old,)),
            ((old,), (old, new)),
            ((new, old), (old, new)),
            ((new, old), (new,)),
            ((new,), (new,)),
        ]
        for sender, receiver in steps:
            assert verify(receiver, headers=signed(*sender), body=BODY, now=NOON.astimezone(UTC)) == "call_1"
        with pytest.raises(SignatureMismatchError):
            verify([new], headers=signed(old), body=BODY, now=NOON)
