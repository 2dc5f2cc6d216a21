"""Bundles on shipments and on invoices stand beside each other: what is done to the one leaves the other alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from features.vocabulary import Branch, SubjectType
from routing.loader import load_policy, parse_policy
from routing.policy import Policy
from serving.config import Settings, bundled_policy
from serving.directives import repository as orders
from serving.policies.bundles import Bundles
from serving.policies.errors import AnotherSubjectError, NothingInForceError
from serving.policies.starting import begin
from tests.serving.house import House, Json, problem_in, put_in_force, staff

ROLES = ["duty-manager", "customer-service", "accounts-payable"]


@pytest.fixture
def invoices() -> Policy:
    return load_policy(bundled_policy(SubjectType.INVOICE))


@pytest.fixture
def house(any_url: str, late_shipments: Policy) -> Iterator[House]:
    """A service whose dana acts for everybody."""
    with House(any_url, late_shipments, people=staff(dana=ROLES)) as made:
        yield made


@pytest.fixture
def both(house: House, invoices: Policy) -> House:
    """A house in which a bundle on invoices is in force as well."""
    with house.container.sessions.begin() as session:
        put_in_force(session, invoices, house.clock.now())
    return house


def live(session: Session) -> dict[str, str]:
    return {subject.value: f"{policy.name} {policy.version}" for subject, policy in Bundles().all_live(session).items()}


class TestBeside:
    def test_each_type_of_subject_has_a_live_bundle_of_its_own(self, both: House) -> None:
        with both.container.reads() as session:
            assert live(session) == {"shipment": "late_shipments 1", "invoice": "freight_invoices 1"}
        listed = both.api.get("/v1/policies").json()["policies"]
        assert {(each["subject"], each["status"], each["share"]) for each in listed} == {
            ("shipment", "live", 1.0),
            ("invoice", "live", 1.0),
        }

    def test_readiness_names_both_and_tells_when_one_is_overdue(self, both: House) -> None:
        def policy() -> dict[str, object]:
            return next(each for each in both.api.get("/readyz").json()["checks"] if each["name"] == "policy")

        assert policy()["reason"] == "late_shipments version 1; freight_invoices version 1"
        short = bundled_policy(SubjectType.INVOICE).read_text(encoding="utf-8").replace("2027-06-30", "2026-01-31")
        with both.container.sessions.begin() as session:
            put_in_force(session, parse_policy(short), both.clock.now())
        assert "freight_invoices version 1, past its review date: the bundle by 2026-01-31" in str(policy()["reason"])

    def test_another_bundle_on_invoices_leaves_that_on_shipments_alone(self, both: House, invoices: Policy) -> None:
        newer = parse_policy(invoices.text.replace("version: 1", "version: 2"))
        with both.container.sessions.begin() as session:
            put_in_force(session, newer, both.clock.now())
        with both.container.reads() as session:
            assert live(session) == {"shipment": "late_shipments 1", "invoice": "freight_invoices 2"}

    def test_nothing_is_in_force_for_what_nobody_asked_for(self, house: House) -> None:
        with (
            house.container.reads() as session,
            pytest.raises(NothingInForceError, match=r"No bundle on invoices .* --invoice-policy"),
        ):
            Bundles().in_force(session, SubjectType.INVOICE)


class TestBegin:
    def test_a_service_that_judges_invoices_brings_both(self, house: House) -> None:
        given = Settings(invoice_rules=Path("rules.yaml")).first_policies
        with house.container.sessions.begin() as session:
            owners = begin(session, Bundles(), given, house.clock.now())
            assert live(session) == {"shipment": "late_shipments 1", "invoice": "freight_invoices 1"}
        assert {"duty-manager", "accounts-payable"} <= owners

    def test_a_bundle_in_the_wrong_place_is_refused_with_the_right_one(self, house: House) -> None:
        wrong = {SubjectType.SHIPMENT: bundled_policy(SubjectType.INVOICE)}
        with (
            pytest.raises(AnotherSubjectError, match=r"decides about invoices, .* Give it as --invoice-policy"),
            house.container.sessions.begin() as session,
        ):
            begin(session, Bundles(), wrong, house.clock.now())


class TestOrders:
    def test_an_order_about_shipments_is_none_about_invoices_but_a_stop_of_everything_is(self, both: House) -> None:
        own = both.ordered(kind="limit", mode="recommend", branch="notify", owner="customer-service", reason="drill")
        everything = both.ordered(kind="limit", mode="observe", owner="duty-manager", reason="wrong messages go out")
        now = both.clock.now()
        with both.container.reads() as session:
            about = {subject: [each.id for each in orders.standing(session, now, subject)] for subject in SubjectType}
        assert about[SubjectType.SHIPMENT] == [own["directive_id"], everything["directive_id"]]
        assert about[SubjectType.INVOICE] == [everything["directive_id"]]

    def test_an_order_about_invoices_is_held_against_their_bundle(self, both: House) -> None:
        limit = {"kind": "limit", "mode": "recommend", "branch": Branch.APPROVE, "reason": "drill"}
        refused = both.order(owner="customer-service", **limit)
        assert refused.status_code == 422
        assert "'approve' is not in the bundle" in refused.text
        refused = both.order(owner="customer-service", subject="invoice", **limit)
        assert "'customer-service' is not in the bundle" in refused.text


STOP: Json = {"kind": "limit", "mode": "observe", "owner": "duty-manager", "reason": "wrong messages go out"}


class TestLifting:
    """A stop of everything lets loose what it held back of every type: that is what is asked for."""

    def proposed(self, both: House, limit: Json, mode: str | None) -> Any:
        path = f"/v1/directives/{limit['directive_id']}/step-ups"
        return both.said(path, {"mode": mode, "reason": "it is over"}, by="dana")

    def approved(self, both: House, step_up: Json, by: str) -> Any:
        path = f"/v1/step-ups/{step_up['step_up_id']}/approve"
        return both.said(path, {"digest": step_up["digest"]}, by=by)

    def test_evidence_is_asked_for_the_branches_of_every_type(self, both: House) -> None:
        stop = both.ordered(**STOP)
        detail = problem_in(self.proposed(both, stop, None), 409, "step-up")["detail"]
        assert "notify has 0 answers" in detail
        assert "approve has 0 answers" in detail

    def test_what_another_limit_holds_is_not_let_loose(self, both: House) -> None:
        stop = both.ordered(**STOP)
        held = {"kind": "limit", "mode": "recommend", "reason": "still"}
        for branch in ("notify", "escalate"):
            owner = {"notify": "customer-service", "escalate": "duty-manager"}[branch]
            both.ordered(branch=branch, owner=owner, **held)
        detail = problem_in(self.proposed(both, stop, None), 409, "step-up")["detail"]
        assert "approve has 0 answers" in detail
        assert "notify" not in detail
        both.ordered(branch="approve", owner="accounts-payable", subject="invoice", **held)
        assert self.proposed(both, stop, None).status_code == 201

    def test_whoever_approves_acts_for_the_owners_of_every_type(self, both: House) -> None:
        people = staff(dana=ROLES, sam=["duty-manager", "customer-service"], all=[*ROLES])
        both.container = replace(both.container, people=people)
        with both.another() as house:
            step_up = self.proposed(house, house.ordered(**STOP), "recommend").json()
            assert self.approved(house, step_up, "sam").status_code == 200, "to recommend lets nothing act by itself"

    def test_another_bundle_on_invoices_voids_a_proposal(self, both: House, invoices: Policy) -> None:
        step_up = self.proposed(both, both.ordered(**STOP), "recommend").json()
        newer = parse_policy(invoices.text.replace("version: 1", "version: 2"))
        with both.container.sessions.begin() as session:
            put_in_force(session, newer, both.clock.now())
        both.container = replace(both.container, people=staff(dana=ROLES, sam=ROLES))
        with both.another() as house:
            detail = problem_in(self.approved(house, step_up, "sam"), 409, "step-up")["detail"]
        assert "a bundle is not the one it was proposed under" in detail
