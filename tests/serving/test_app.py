"""What holds for every call: problem documents, paths and methods, the token, and bodies that are no JSON."""

from __future__ import annotations

from typing import Any

import pytest

from serving.db.tables import DecisionRow
from tests.serving.house import JSON, House, at, problem_in, shipment

TOKEN = "0123456789abcdef"
CALLS = [
    ("POST", "/v1/events"),
    ("POST", "/v1/score/delay"),
    ("POST", "/v1/triage"),
    ("GET", "/v1/decisions?shipment_id=SH-1"),
    ("GET", "/v1/decisions/dec_0"),
    ("GET", "/v1/reviews"),
    ("GET", "/v1/reviews/rev_0"),
    *(("POST", f"/v1/reviews/rev_0/{verb}") for verb in ("claim", "release", "accept", "override", "dismiss")),
]


class TestPathsAndMethods:
    @pytest.mark.parametrize("path", ["/v1", "/v2/triage", "/v1/reviews/rev_0/forget", "/docs"])
    def test_an_unknown_path_leads_to_the_document(self, house: House, path: str) -> None:
        problem = problem_in(house.api.get(path), 404, "not-found")
        assert problem["detail"] == f"There is nothing at {path}. The calls are listed at /openapi.json."

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("GET", "/v1/triage", "POST"),
            ("PUT", "/v1/triage", "POST"),
            ("DELETE", "/v1/events", "POST"),
            ("POST", "/v1/reviews", "GET"),
            ("PATCH", "/healthz", "GET"),
        ],
    )
    def test_a_wrong_method_names_the_right_one(self, house: House, method: str, path: str, allowed: str) -> None:
        answer = house.api.request(method, path)
        problem = problem_in(answer, 405, "method-not-allowed")
        assert problem["detail"] == f"{path} does not take {method}. Use {allowed}."
        assert answer.headers["Allow"] == allowed


class TestToken:
    @pytest.fixture
    def guarded(self, house: House) -> Any:
        with house.another(api_token=TOKEN) as made:
            yield made

    @pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
    @pytest.mark.parametrize(("method", "path"), CALLS)
    def test_every_call_is_refused_without_it(
        self, guarded: House, method: str, path: str, header: str | None
    ) -> None:  # fmt: skip
        headers = {} if header is None else {"Authorization": header}
        answer = guarded.api.request(method, path, headers=headers)

        problem = problem_in(answer, 401, "unauthorized")
        assert "Send `Authorization: Bearer <token>`" in problem["detail"]
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert guarded.count(DecisionRow) == 0

    def test_with_it_calls_are_answered(self, guarded: House) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert guarded.api.get("/v1/reviews", headers=headers).status_code == 200

    def test_a_service_without_one_asks_for_none(self, house: House) -> None:
        assert house.api.get("/v1/reviews").status_code == 200


class TestJsonBodies:
    @pytest.mark.parametrize("path", ["/v1/score/delay", "/v1/triage", "/v1/reviews/rev_0/accept"])
    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b'{"shipment_id": ', "Expecting value, at character 16"),
            (b"{} {}", "Extra data, at character 3"),
            (b'{"shipment_id": "\xff"}', "byte 17 is not UTF-8"),
            (b"[" * 100_000, "it is nested too deeply"),
            (b'{"shipment_id": ' + b"9" * 5000 + b"}", "a number in it is too long"),
        ],
    )
    def test_what_does_not_parse_is_told_where(self, house: House, path: str, body: bytes, reason: str) -> None:
        headers = {**JSON, "Idempotency-Key": "k", "X-Actor": "dana"}
        problem = problem_in(house.api.post(path, content=body, headers=headers), 400, "malformed-body")
        assert problem["detail"].startswith(f"The body is not valid JSON: {reason}. Send UTF-8 JSON")

    @pytest.mark.parametrize("path", ["/v1/score/delay", "/v1/triage", "/v1/reviews/rev_0/accept"])
    @pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
    def test_another_content_type_is_refused(self, house: House, path: str, content_type: str | None) -> None:
        headers = {"Idempotency-Key": "k", "X-Actor": "dana"}
        if content_type is not None:
            headers["content-type"] = content_type
        problem = problem_in(house.api.post(path, content=b"{}", headers=headers), 415, "media-type")
        assert "Send one of: application/json." in problem["detail"]

    def test_a_charset_after_the_type_is_fine(self, house: House) -> None:
        house.announce("SH-1")
        headers = {"content-type": "application/json; charset=utf-8"}
        content = b'{"shipment_id": "SH-1"}'
        assert house.api.post("/v1/score/delay", content=content, headers=headers).status_code == 200

    @pytest.mark.parametrize("body", ["3", '"x"', "[]", "null", '{"\\ud800": 1}', '{"shipment_id": "\\ud800"}'])
    def test_json_of_another_shape_is_told_by_path(self, any_house: House, body: str) -> None:
        headers = {**JSON, "Idempotency-Key": "k"}
        problem = problem_in(any_house.api.post("/v1/triage", content=body, headers=headers), 422, "invalid-request")
        assert problem["errors"][0]["path"].startswith("body")

    def test_infinities_of_an_inline_shipment_are_refused(self, house: House) -> None:
        for number in ("NaN", "Infinity", "1e999"):
            plan = (
                str({**shipment(), "weight_kg": 0})
                .replace("'", '"')
                .replace('"weight_kg": 0', f'"weight_kg": {number}')
            )
            content = f'{{"shipment": {plan}}}'
            problem = problem_in(
                house.api.post("/v1/score/delay", content=content, headers=JSON), 422, "invalid-record"
            )
            assert problem["errors"][0]["path"] == "body.shipment.weight_kg"


class TestTextsNoDatabaseHolds:
    @pytest.mark.parametrize(
        ("method", "path"), [(method, path.replace("_0", "_%00").replace("SH-1", "%00")) for method, path in CALLS[3:]]
    )
    def test_are_refused_before_they_are_looked_for(self, any_house: House, method: str, path: str) -> None:
        body = {"claim_token": "\x00", "branch": "notify", "reason_code": "not_late"} if method == "POST" else None
        answer = any_house.api.request(method, path, json=body, headers={"X-Actor": "dana"})
        assert answer.status_code == (200 if path.endswith("reviews") else 422), answer.text

    @pytest.mark.parametrize("before", [0, -1, 2**63, 10**30, "x"])
    def test_a_position_that_cannot_be_is_refused(self, any_house: House, before: object) -> None:
        answer = any_house.api.get("/v1/decisions", params={"shipment_id": "SH-1", "before": str(before)})
        assert [fault["path"] for fault in problem_in(answer, 422, "invalid-request")["errors"]] == ["query.before"]

    def test_the_largest_position_is_taken(self, any_house: House) -> None:
        params = {"shipment_id": "SH-1", "before": str(2**63 - 1)}
        assert any_house.api.get("/v1/decisions", params=params).status_code == 200


class TestActor:
    def test_a_name_that_is_too_long_is_refused(self, house: House) -> None:
        house.announce("SH-1")
        problem = problem_in(house.triage("SH-1", actor="x" * 101), 422, "invalid-request")
        assert [fault["path"] for fault in problem["errors"]] == ["header.x-actor"]


class TestProblemPages:
    @pytest.mark.parametrize(
        ("slug", "status", "meaning"),
        [
            ("unknown-shipment", 404, "A question about a shipment that no record has announced."),
            ("claim-lost", 409, "The claim ran out, was given back or is another's: a late submit changes nothing."),
            ("content-too-large", 413, "The body is too large; send a batch of events in smaller parts."),
            ("not-found", 404, "Nothing matches the given URI."),
        ],
    )
    def test_the_type_of_a_problem_leads_to_its_meaning(
        self, house: House, slug: str, status: int, meaning: str
    ) -> None:  # fmt: skip
        page = house.api.get(f"/problems/{slug}").json()
        assert (page["type"], page["status"], page["meaning"]) == (f"/problems/{slug}", status, meaning)

    def test_every_answered_type_has_a_page(self, house: House) -> None:
        answers = [house.triage("SH-404"), house.api.get("/nope"), house.api.get("/v1/triage"), house.triage("\x00")]
        answers.append(house.triage(shipment=shipment(occurred_at=at(hours=1))))
        for answer in answers:
            page = house.api.get(answer.json()["type"])
            assert page.json()["title"] == answer.json()["title"]

    def test_an_unknown_kind_is_404(self, house: House) -> None:
        problem_in(house.api.get("/problems/boredom"), 404, "not-found")
