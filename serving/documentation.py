"""The OpenAPI document: what FastAPI sees in the endpoints, and the shapes it cannot see."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from features.vocabulary import Branch
from routing.dispatch.envelope import COMPENSATION_PREFIX, TYPE_PREFIX_OF
from routing.subjects import BRANCHES_OF
from serving.error_handlers import PROBLEM_JSON
from serving.events.records import RECORD_OF
from serving.events.schemas import CloudEvent

DESCRIPTION = (
    "Predicts which shipments will go wrong, decides under written policy what to do about each, asks the "
    "orchestrator to do it, and puts before a person what it cannot or must not decide. Every error is a problem "
    "document (RFC 9457)."
)
TAGS = [
    {"name": "events", "description": "What happened, as CloudEvents 1.0; kept once, in a log."},
    {
        "name": "scores",
        "description": "How likely a shipment is to be late, and why; when it arrives; what to do about an invoice; "
        "which order lines will be picked short.",
    },
    {"name": "recommendations", "description": "Which carrier, from which place: what each is expected to cost."},
    {"name": "decisions", "description": "Score, decide, record, and set in motion: once."},
    {"name": "effects", "description": "What became of what was set in motion: reported, undone, or before a person."},
    {"name": "directives", "description": "What people order for a while: to hold back, to silence, to stop."},
    {"name": "causes", "description": "One cause of many exceptions: one item, what it holds, how it ends."},
    {"name": "policies", "description": "The bundles by which is decided: handed in, approved, tried, put in force."},
    {"name": "reviews", "description": "What waits for a person, worth most a minute first."},
    {"name": "health", "description": "For whoever runs the service."},
]
_REF = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "A problem document, RFC 9457. `type` names the kind.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": ["/problems/unknown-shipment"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what was found, what was expected, what to do"},
        "instance": {"type": "string", "description": "names the entry in the service's log, if there is one"},
        "errors": {
            "type": "array",
            "description": "every fault, each with the path to it",
            "items": {
                "type": "object",
                "required": ["path", "detail"],
                "properties": {"path": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_ANY_PROBLEM = {
    "description": "A problem",
    "content": {PROBLEM_JSON: {"schema": {"$ref": _REF.format(model="Problem")}}},
}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add the records, the problem document and the webhooks to a document of FastAPI's."""
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas.update(_records())
    schemas["Problem"] = _PROBLEM
    schemas["BranchCall"] = _branch_call()
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = _ANY_PROBLEM
    document["webhooks"] = {"branchCall": {"post": _branch_webhook()}}
    return document


def _records() -> dict[str, Any]:
    records = tuple(RECORD_OF.values())
    kinds = (*records, CloudEvent)
    _, found = models_json_schema([(kind, "validation") for kind in kinds], ref_template=_REF)
    schemas: dict[str, Any] = found["$defs"]
    for kind in records:
        schema = schemas[kind.__name__]
        schema["required"].remove("known_at")
        schema["properties"]["known_at"]["description"] = (
            "set by the service; to be given only when history is replayed"
        )
    schemas["CloudEvent"]["properties"]["data"] = {
        "title": "Data",
        "description": "the record that `type` names",
        "oneOf": [{"$ref": _REF.format(model=kind.__name__)} for kind in records],
    }
    return schemas


def _branch_call() -> dict[str, Any]:
    return {
        "type": "object",
        "title": "BranchCall",
        "description": "A CloudEvents 1.0 event; `data` holds what the branch needs.",
        "required": ["specversion", "id", "source", "type", "subject", "time", "correlationid", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "description": "the idempotency key: the same for every attempt"},
            "source": {"type": "string"},
            "type": {"enum": _call_types()},
            "subject": {"type": "string", "description": "the shipment, invoice or order line, or the common cause"},
            "time": {"type": "string", "format": "date-time", "description": "when it was decided"},
            "correlationid": {"type": "string", "description": "the decision"},
            "expirytime": {"type": "string", "format": "date-time", "description": "from then on it is of no use"},
            "causationid": {"type": "string", "description": "of a compensation: the call it undoes"},
            "data": {
                "type": "object",
                "description": "what the branch needs; of a compensation: `action`, `undoes` (the call), its "
                "`reference`, and what was `asked`",
            },
        },
    }


def _call_types() -> list[str]:
    called = {
        subject: [branch.value for branch in branches if branch is not Branch.NONE]
        for subject, branches in BRANCHES_OF.items()
    }
    own = [TYPE_PREFIX_OF[subject] + branch for subject, branches in called.items() for branch in branches]
    undoing = [COMPENSATION_PREFIX + branch for branches in called.values() for branch in branches]
    return [*own, *dict.fromkeys(undoing)]


def _branch_webhook() -> dict[str, Any]:
    headers = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return {
        "summary": "A branch to carry out",
        "description": "Sent to the orchestrator, signed after Standard Webhooks 1.0.0, at least once: "
        "carry out each `id` once, answer 2xx, and report what became of it: `POST /v1/outcomes`.",
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in headers
        ],
        "requestBody": {
            "required": True,
            "content": {"application/cloudevents+json": {"schema": {"$ref": _REF.format(model="BranchCall")}}},
        },
        "responses": {"2XX": {"description": "Taken; it is not sent again."}},
    }
