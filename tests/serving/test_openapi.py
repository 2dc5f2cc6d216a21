"""docs/openapi.json is what the app says of itself, and it is complete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from features.vocabulary import EventType
from serving.events.schemas import CloudEvent
from serving.openapi import PATH, document_text
from tests.serving.house import House

ROOT = Path(__file__).parents[2]
CALLS = {
    "/healthz", "/readyz", "/v1/events", "/v1/score/delay", "/v1/score/eta", "/v1/score/invoices",
    "/v1/score/shortage",
    "/v1/recommend/carriers", "/v1/recommend/nodes", "/v1/recommend/assignment", "/v1/triage",
    "/v1/triage/invoices", "/v1/triage/shortages", "/v1/decisions",
    "/v1/decisions/{decision_id}", "/v1/decisions/{decision_id}/counterfactuals",
    "/v1/reviews", "/v1/reviews/{item_id}",
    "/v1/reviews/bulk", "/v1/outcomes", "/v1/calls", "/v1/calls/{call_id}", "/v1/calls/{call_id}/undo",
    *(f"/v1/reviews/{{item_id}}/{verb}" for verb in ("settle", "undo")),
    "/v1/directives", "/v1/directives/{directive_id}", "/v1/directives/{directive_id}/end",
    "/v1/directives/{directive_id}/step-ups", "/v1/step-ups", "/v1/step-ups/{step_up_id}",
    "/v1/causes", "/v1/causes/{cause_id}", "/v1/causes/{cause_id}/children",
    *(f"/v1/causes/{{cause_id}}/{verb}" for verb in ("confirm", "close", "decline")),
    "/v1/policies", "/v1/policies/{digest}",
    *(f"/v1/policies/{verb}" for verb in ("budgets", "budgets/shadow-prices", "history", "overdue", "rollback")),
    *(
        f"/v1/policies/{{digest}}/{verb}"
        for verb in ("approve", "reject", "shadow", "end-shadow", "publish", "break-glass")
    ),
    "/v1/step-ups/{step_up_id}/approve", "/v1/step-ups/{step_up_id}/reject",
    *(f"/v1/reviews/{{item_id}}/{verb}" for verb in ("claim", "release", "accept", "override", "dismiss")),
}  # fmt: skip


@pytest.fixture
def document(house: House) -> Any:
    return house.api.get("/openapi.json").json()


def operations(document: Any) -> list[Any]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_the_stored_document_is_up_to_date() -> None:
    stored = (ROOT / PATH).read_text(encoding="utf-8")
    assert stored == document_text(), "The API has changed. Run `make docs` and look at the difference."


def test_it_lists_the_calls_of_the_api_and_no_others(document: Any) -> None:
    assert set(document["paths"]) == CALLS


def test_every_call_says_what_it_does_and_answers_with_problems(document: Any) -> None:
    for operation in operations(document):
        assert operation["description"]
        assert "application/problem+json" in operation["responses"]["default"]["content"]
        assert "422" not in operation["responses"]


def test_every_reference_leads_somewhere(document: Any) -> None:
    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [found for value in part.values() for found in references(value)]
        return [found for value in part for found in references(value)] if isinstance(part, list) else []

    found = references(document)
    assert found
    for reference in found:
        target = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_the_call_to_the_orchestrator_is_described(document: Any) -> None:
    webhook = document["webhooks"]["branchCall"]["post"]
    assert {header["name"] for header in webhook["parameters"]} == {
        "webhook-id", "webhook-timestamp", "webhook-signature",
    }  # fmt: skip


def test_the_examples_of_events_are_taken_as_they_stand(document: Any, house: House) -> None:
    content = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    house.advance(days=10)
    for media_type, described in content.items():
        for name, example in described.get("examples", {}).items():
            answer = house.api.post("/v1/events", json=example["value"], headers={"content-type": media_type})
            assert answer.status_code == 200, (name, answer.text)


@pytest.mark.parametrize("path", ["/v1/score/delay", "/v1/score/eta"])
def test_the_examples_of_questions_are_answered(document: Any, house: House, path: str) -> None:
    house.advance(days=10)
    events = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/cloudevents-batch+json"]
    house.send(*events["examples"]["two events"]["value"])
    examples = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["examples"]
    for example in examples.values():
        assert house.api.post(path, json=example["value"]).status_code == 200


def test_the_examples_of_questions_about_invoices_are_answered(document: Any, house: House) -> None:
    house.advance(days=10)
    events = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/cloudevents+json"]
    for example in events["examples"].values():
        house.send(example["value"])
    examples = document["paths"]["/v1/score/invoices"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    answers = [house.api.post("/v1/score/invoices", json=example["value"]) for example in examples.values()]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert "no_pod" in {finding["label"] for finding in answers[0].json()["findings"]}


def test_the_events_described_are_those_that_are_read(document: Any) -> None:
    described = document["components"]["schemas"]["CloudEvent"]["properties"]["data"]["oneOf"]
    assert len(described) == len(EventType)
    assert set(CloudEvent.model_fields) <= set(document["components"]["schemas"]["CloudEvent"]["properties"])
