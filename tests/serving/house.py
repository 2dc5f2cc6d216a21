"""A whole service to test against: the real app over a real database, with a clock that is set by hand."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from math import log
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, TypeVar

import httpx
import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from features.contracts import Contracts
from features.moments import IN_TURN
from features.records import DeliveryEvent, Shipment
from features.settings import FeatureSettings
from features.state import FeatureRow
from features.tables import RecordTables
from features.vocabulary import Moment, Verdict
from models.audit.score import AuditModel
from models.contracts import DelayScore, Explanation, Reason
from models.eta import EtaModel
from routing.policy import Policy
from serving.app import create_app
from serving.auth.people import NOBODY, People, Person
from serving.bootstrap import Container
from serving.clock import Clock, ManualClock
from serving.config import Settings
from serving.db.engine import create_engine_for
from serving.db.tables import AuditRow, Base, EventRow, RejectedEventRow
from serving.policies import repository
from serving.policies.bundles import Bundles
from serving.policies.life import Step
from serving.policies.starting import bootstrap
from serving.scores.live import LiveState
from serving.scores.ports import DelayPredictor

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
TWO_PEOPLE = "two people"
CLOUD_EVENT = {"content-type": "application/cloudevents+json"}
CLOUD_EVENTS = {"content-type": "application/cloudevents-batch+json"}
JSON = {"content-type": "application/json"}

Json = dict[str, Any]
Row = TypeVar("Row", bound=Base)


class FakeModel:
    """Says the risk it is told to say; abstains where a real one must."""

    name = "fake"
    version = "7"
    fingerprints: Mapping[str, str] = MappingProxyType({"features": "f" * 64})
    moments: tuple[Moment, ...] = IN_TURN

    def __init__(self, risk: float = 0.5) -> None:
        self.risk = risk

    def score(self, row: FeatureRow, moment: Moment) -> DelayScore:
        if row.missing:
            return DelayScore(None, Verdict.CANNOT_DETERMINE, moment, row.missing)
        return DelayScore(self.risk, Verdict.BEHIND if self.risk >= 0.5 else Verdict.ON_TIME, moment, ())

    def hours_late(self, values: NDArray[np.float64], moment: Moment) -> NDArray[np.float64]:
        return np.full(len(values), 10.0 * self.risk)

    def explain(self, row: FeatureRow, moment: Moment) -> Explanation:
        odds = log(self.risk / (1 - self.risk))
        reasons = (Reason("hours_to_promise", 48.0, odds, "Hours to the promise: 48"),)
        return Explanation(0.0, (("hours_to_promise", odds),), odds, reasons)


def with_history(*, with_stock: bool = False) -> LiveState:
    """Return a state that knows, as from history files, two carriers of the lane: NWX, and ACE which is punctual."""
    state = LiveState(FeatureSettings(), with_stock=with_stock)
    for record in _history():
        state.add(record)
    return state


@cache
def _history() -> tuple[Shipment | DeliveryEvent, ...]:
    records: list[Shipment | DeliveryEvent] = []
    for number, carrier in enumerate(["NWX", *["ACE"] * 20]):
        name = f"H-{carrier}-{number}"
        plan = shipment(
            name, carrier_id=carrier, occurred_at=at(hours=-200), planned_at=at(hours=-190), promised_at=at(hours=-150)
        )
        records.append(Shipment.model_validate({**plan, "known_at": at(hours=-200)}))
        arrived = {"event_id": f"{name}-D", "shipment_id": name, "status": "delivered"}
        times = {"occurred_at": at(hours=-160), "known_at": at(hours=-160)}
        records.append(DeliveryEvent.model_validate({**arrived, **times}))
    return tuple(records)


def staff(**roles: list[str]) -> People:
    """Return people by their names, each with the token `<name>-token`."""
    digests = {name: hashlib.sha256(f"{name}-token".encode()).hexdigest() for name in roles}
    return People({digests[name]: Person(name, frozenset(held)) for name, held in roles.items()})


_idle: dict[int, list[FastAPI]] = {}
"""Apps that no container uses just now, by the limit of bodies: to build the routes takes longer than most tests."""


_rested: dict[str, list[Engine]] = {}
"""Engines without a connection that no house uses just now, by database: each knows the statements it has compiled."""
_PLACES = 8
"""So many databases are remembered: few are used again and again, most by one test."""


def _engine_of(database_url: str) -> Engine:
    rested = _rested.get(database_url)
    return rested.pop() if rested else create_engine_for(database_url)


def _rest(database_url: str, engine: Engine) -> None:
    engine.dispose()
    _rested[database_url] = [*_rested.pop(database_url, ()), engine]
    while len(_rested) > _PLACES:
        del _rested[next(iter(_rested))]


def _app_of(container: Container) -> FastAPI:
    idle = _idle.setdefault(container.settings.body_limit_bytes, [])
    if not idle:
        return create_app(container)
    app = idle.pop()
    app.state.container = container
    return app


@contextmanager
def copy_of(template: Path, place: Path) -> Iterator[str]:
    """Put a copy of a SQLite database at a place for a while, and give its URL."""
    shutil.copy(template, place)
    try:
        yield f"sqlite:///{place}"
    finally:
        for left in place.parent.glob(f"{place.name}*"):  # whoever has it open keeps what it had
            if left.is_dir():  # a test had put one in its place
                left.rmdir()
            else:
                left.unlink(missing_ok=True)


class Api:
    """Calls an app without a network, one call after the other."""

    def __init__(self, container: Container) -> None:
        self._runner = asyncio.Runner()
        self._limit = container.settings.body_limit_bytes
        self._app = _app_of(container)
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://triage")

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._runner.run(self._client.request(method, path, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()
        _idle[self._limit].append(self._app)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class House:
    """One process of the service: its parts, its API, and what a test does and looks at again and again.

    Its state knows two carriers already; with `feature_settings`, only what `history` holds. The bundle is put in
    force; with None, the one that is in force stays so.
    """

    def __init__(
        self,
        database_url: str,
        policy: Policy | None,
        *,
        clock: Clock | None = None,
        model: DelayPredictor | None = None,
        feature_settings: FeatureSettings | None = None,
        history: RecordTables | None = None,
        people: People = NOBODY,
        eta_model: EtaModel | None = None,
        contracts: Contracts | None = None,
        audit_model: AuditModel | None = None,
        shortage_model: Any = None,
        **settings: Any,
    ) -> None:
        self.database_url = database_url
        self.settings = settings
        self.model: Any = FakeModel() if model is None else model
        self.clock = ManualClock(NOW) if clock is None else clock
        self.engine = _engine_of(database_url)
        self.feature_settings, self.history = feature_settings, history
        with_stock = shortage_model is not None
        if feature_settings is None:
            self.state = with_history(with_stock=with_stock)
        else:
            self.state = LiveState(feature_settings, with_stock=with_stock)
        if history is not None:
            self.state.add_tables(history)
        made = Settings(database_url=database_url, **settings)
        parts = (made, self.clock, self.engine, self.state, self.model, Bundles(), people, eta_model)
        agreed = self.state.invoices.contracts if contracts is None else contracts
        self.container = Container(*parts, agreed, audit_model, shortage_model)
        if policy is not None:
            with self.container.sessions.begin() as session:
                put_in_force(session, policy, self.clock.now())
        self.container.following.catch_up()
        self.api = Api(self.container)
        self._keys = count(1)

    def another(self, **changes: Any) -> House:
        """Start one more process at the same database; it knows what the record log holds."""
        same = {"clock": self.clock, "model": self.model, "feature_settings": self.feature_settings}
        given = {**same, "history": self.history, "people": self.container.people}
        given["eta_model"] = self.container.eta_model
        given["audit_model"] = self.container.audit_model
        given["shortage_model"] = self.container.shortage_model
        given |= {**self.settings, **changes}
        made = House(self.database_url, None, **given)
        made.api.get("/nowhere")  # FastAPI builds its routes at the first request, and not by several threads at once
        return made

    @property
    def policy(self) -> Policy:
        """The bundle that is live."""
        with self.container.reads() as session:
            return self.container.bundles.live(session)

    def close(self) -> None:
        self.api.close()
        _rest(self.database_url, self.engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def advance(self, **by: float) -> datetime:
        assert isinstance(self.clock, ManualClock)
        return self.clock.advance(timedelta(**by))

    def send(self, *events: Json) -> Json:
        """Send events as a batch."""
        answer = self.api.post("/v1/events", json=list(events), headers=CLOUD_EVENTS)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    def announce(self, *shipment_ids: str, **changes: Any) -> None:
        """Announce shipments; all of them must be taken."""
        answer = self.send(*(planned(shipment_id, **changes) for shipment_id in shipment_ids))
        assert answer["accepted"] == len(shipment_ids), answer

    def triage(
        self, shipment_id: str = "SH-1", *, key: str | None = None, actor: str | None = None, **asked: Any
    ) -> httpx.Response:
        """Ask for a decision, with a new key if none is given."""
        headers = {"Idempotency-Key": key or f"key-{next(self._keys)}-{id(self)}"}
        if actor is not None:
            headers["X-Actor"] = actor
        question = asked if "shipment" in asked else {"shipment_id": shipment_id, **asked}
        return self.api.post("/v1/triage", json=question, headers=headers)

    def decided(self, shipment_id: str = "SH-1", *, risk: float | None = None, **asked: Any) -> Json:
        """Ask for a decision that must be given."""
        if risk is not None:
            self.model.risk = risk
        answer = self.triage(shipment_id, **asked)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    def for_review(self, shipment_id: str = "SH-1", *, risk: float = 0.3, **plan: Any) -> str:
        """Announce a shipment that goes before a person, and return the id of its item."""
        self.announce(shipment_id, **plan)
        item_id = self.decided(shipment_id, risk=risk)["review_item_id"]
        assert isinstance(item_id, str)
        return item_id

    def claimed(self, item_id: str, actor: str = "dana") -> str:
        """Claim an item that must be free, and return the token."""
        answer = self.answer(item_id, "claim", actor=actor)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["claim_token"])

    def answer(self, item_id: str, verb: str, *, actor: str = "dana", **body: Any) -> httpx.Response:
        """Claim, release, accept, override or dismiss an item, with the token of whoever is listed."""
        headers = {"X-Actor": actor}
        if self.container.people.is_listed(actor):
            headers["Authorization"] = f"Bearer {actor}-token"
        return self.api.post(f"/v1/reviews/{item_id}/{verb}", json=body, headers=headers)

    def order(self, *, by: str = "dana", key: str | None = None, **body: Any) -> httpx.Response:
        """Issue a directive; the token of a person is their name, followed by `-token`."""
        return self.said("/v1/directives", body, by=by, key=key)

    def ordered(self, **order: Any) -> Json:
        """Issue a directive that must be taken."""
        answer = self.order(**order)
        assert answer.status_code == 201, answer.text
        body: Json = answer.json()
        return body

    def said(self, path: str, body: Json, *, by: str, key: str | None = None) -> httpx.Response:
        """Post what a person says, with a new key if none is given."""
        headers = {
            "Authorization": f"Bearer {by}-token",
            "Idempotency-Key": key or f"said-{next(self._keys)}-{id(self)}",
        }
        return self.api.post(path, json=body, headers=headers)

    def rows(self, table: type[Row]) -> list[Row]:
        """Return the rows of a table, in order; of the audit trail without what `put_in_force` did."""
        with self.container.reads() as session:
            found = list(session.scalars(select(table).order_by(*table.__table__.primary_key)))
        return [row for row in found if not (isinstance(row, AuditRow) and _is_of_the_house(row))]

    def count(self, table: type[Base]) -> int:
        """Return how many `rows` a table has."""
        if table is AuditRow:
            return len(self.rows(AuditRow))
        with self.container.reads() as session:
            return count_of(session, table)

    def kept(self) -> tuple[int, int]:
        """Return how many events the record log and the refused events hold."""
        return self.count(EventRow), self.count(RejectedEventRow)

    def audited(self) -> Counter[str]:
        """Count the audit trail by action."""
        return Counter(row.action for row in self.rows(AuditRow))

    def audited_of(self, subject: str) -> list[AuditRow]:
        """Return the audit trail of one subject, oldest first."""
        return [row for row in self.rows(AuditRow) if row.subject == subject]


def _is_of_the_house(row: AuditRow) -> bool:
    return row.actor == TWO_PEOPLE or row.action == f"policy.{Step.BOOTSTRAPPED.value}"


def put_in_force(session: Session, policy: Policy, now: datetime) -> None:
    """Put a bundle in force, as if two people had agreed on it."""
    standing = repository.newest(session, policy.subject)
    if standing is None:
        bootstrap(session, policy, now)
    elif standing.live_digest != policy.digest:
        repository.keep(session, policy, now)
        live = {"live_digest": policy.digest}
        repository.move(session, Step.PUBLISHED, policy.digest, by=TWO_PEOPLE, at=now, before=standing, **live)


def count_of(session: Session, table: type[Base]) -> int:
    return session.execute(select(func.count()).select_from(table)).scalar_one()


def at(**hours: float) -> str:
    """Write a time so and so far from NOW."""
    return (NOW + timedelta(**hours)).isoformat()


def shipment(shipment_id: str = "SH-1", **changes: Any) -> Json:
    """Return the plan of a shipment that leaves in 12 hours and is promised in 48; `promised_at` and
    `planned_at` change its stops, None leaves a field out."""
    stops = [
        {"place": "DEHAM", "kind": "pickup", "planned_at": changes.pop("planned_at", at(hours=12))},
        {"place": "ATVIE", "kind": "delivery", "promised_at": changes.pop("promised_at", at(hours=48))},
    ]
    plan = {
        "shipment_id": shipment_id,
        "carrier_id": "NWX",
        "mode": "road_ltl",
        "customer_id": "C-1",
        "customer_tier": "priority",
        "pieces": 4,
        "value_minor": 2_000_000,
        "currency": "EUR",
        "occurred_at": at(hours=-24),
        "stops": [{name: value for name, value in stop.items() if value is not None} for stop in stops],
        **changes,
    }
    return {name: value for name, value in plan.items() if value is not None}


def cloud_event(kind: str, data: Any, *, event_id: str, source: str = "/erp", **changes: Any) -> Json:
    envelope = {"specversion": "1.0", "id": event_id, "source": source, "type": kind, "data": data, **changes}
    return {name: value for name, value in envelope.items() if value is not None}


def planned(shipment_id: str = "SH-1", **changes: Any) -> Json:
    """Return the event that announces a shipment."""
    return cloud_event(
        "freight.shipment.planned", shipment(shipment_id, **changes), event_id=f"plan-{shipment_id}", source="/erp"
    )


def delivery(event_id: str, status: str, shipment_id: str = "SH-1", **changes: Any) -> Json:
    """Return an event of a shipment's journey, an hour ago."""
    data = {"event_id": event_id, "shipment_id": shipment_id, "status": status, "occurred_at": at(hours=-1), **changes}
    return cloud_event("freight.delivery", data, event_id=event_id, source="/carriers/NWX")


def weather(event_id: str = "w-1", **changes: Any) -> Json:
    data = {"place": "DEHAM", "temperature_c": -2.5, "occurred_at": at(hours=-1), **changes}
    return cloud_event("freight.weather.observed", data, event_id=event_id, source="/weather")


def problem_in(answer: httpx.Response, status: int, slug: str) -> Json:
    """Check that an answer is a problem document of a kind, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: Json = answer.json()
    assert (body["status"], body["type"]) == (status, f"/problems/{slug}")
    assert body["title"]
    assert body["detail"]
    return body
