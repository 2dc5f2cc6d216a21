"""A bundle on shortages from its submission to being in force and back, with a stop and the way up from it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from features.vocabulary import SubjectType
from routing.policy import Policy
from serving.config import Settings, bundled_policy
from serving.db.tables import OutgoingCallRow, ShadowDecisionRow
from serving.policies.bundles import Bundles
from serving.policies.starting import begin
from tests.serving.house import House, problem_in, staff
from tests.serving.policies.lives import approved, step, stepped
from tests.serving.shortages.lines import believe, lies, one, opened, order, pick, tell
from tests.serving.step_ups.test_step_ups import propose

PEOPLE = staff(ann=["inventory-lead"], pat=["inventory-lead"], ian=["inventory-control"], cas=["customer-service"])
CAREFUL = bundled_policy(SubjectType.SHORTAGE).read_text(encoding="utf-8")
BOLDER = CAREFUL.replace("version: 1", "version: 2").replace("    value: 0.5\n", "    value: 0.3\n")
"""The bundle that ships, and one that tells customers earlier."""


@pytest.fixture
def desk(any_url: str, late_shipments: Policy) -> Iterator[House]:
    """A service that knows lines that a person looks at, and nobody who could help."""
    with opened(any_url, late_shipments, people=PEOPLE) as house:
        tell(house, lies(6), *(told for number in range(1, 6) for told in (order(f"O-{number}"), pick(f"O-{number}"))))
        believe(house, 0.35)
        yield house


def ends(house: House, order_id: str) -> tuple[str, int]:
    found = one(house, order_id)
    return found["branch"], found["policy"]["version"]


def test_two_people_put_it_in_force_and_one_takes_it_back(desk: House) -> None:
    assert ends(desk, "O-1") == ("review", 1)
    desk.advance(minutes=1)
    bundle = approved(desk, BOLDER)
    assert bundle["subject"] == "shortage"
    pack = desk.api.get(f"/v1/policies/{bundle['digest']}").json()["evidence"]
    assert pack["preview"]["decisions"] == 1
    stepped(step(desk, bundle, "shadow"))
    assert ends(desk, "O-2") == ("review", 1)
    assert [json.loads(str(row.body))["branch"] for row in desk.rows(ShadowDecisionRow)] == ["notify"]
    stepped(step(desk, bundle, "publish", share=1.0))
    assert ends(desk, "O-3") == ("notify", 2)
    assert ends(desk, "O-1") == ("notify", 2), "an item that nobody holds gives way"
    taken_back = {"subject": "shortage", "reason": "wrong messages"}
    assert desk.said("/v1/policies/rollback", taken_back, by="ian").status_code == 200
    assert ends(desk, "O-4") == ("review", 1)


def test_a_stop_of_its_branches_holds_until_there_is_evidence(desk: House) -> None:
    believe(desk, 0.7)
    limit = {"kind": "limit", "mode": "recommend", "branch": "notify", "owner": "customer-service", "reason": "drill"}
    stop = desk.ordered(by="cas", subject="shortage", **limit)
    tell(desk, order("O-9", ship_complete=True), pick("O-9"))
    stopped = one(desk, "O-9")
    assert (stopped["recommended_branch"], stopped["branch"]) == ("notify", "review")
    assert desk.count(OutgoingCallRow) == 0
    detail = problem_in(propose(desk, stop, by="cas"), 409, "step-up")["detail"]
    assert "notify has 0 answers" in detail
    everything = {"kind": "limit", "mode": "observe", "owner": "inventory-lead", "reason": "stop all"}
    desk.ordered(by="ann", subject="shortage", **everything)
    tell(desk, order("O-8"), pick("O-8"))
    assert "mode observe only records" in one(desk, "O-8")["suppressed_because"]


def test_what_was_stopped_is_decided_about_once_it_is_not_any_more(desk: House) -> None:
    believe(desk, 0.7)
    tell(desk, order("O-9", ship_complete=True), pick("O-9"))
    rest = {
        "kind": "suppress",
        "owner": "inventory-lead",
        "reason": "stocktaking",
        "where": {"place": "DEHAM"},
    }
    order_id = desk.ordered(by="ann", subject="shortage", until="2026-03-03T00:00:00Z", **rest)["directive_id"]
    assert one(desk, "O-9")["branch"] == "none"
    assert one(desk, "O-9")["already_decided"]
    assert desk.said(f"/v1/directives/{order_id}/end", {"reason": "counted"}, by="ann").status_code == 200
    assert one(desk, "O-9")["branch"] == "notify"


def test_a_service_that_judges_shortages_brings_the_first_bundle(house: House) -> None:
    given = Settings(shortage_model="shortage", tracking_uri="sqlite:///x.db").first_policies
    with house.container.sessions.begin() as session:
        owners = begin(session, Bundles(), given, house.clock.now())
        assert Bundles().live(session, SubjectType.SHORTAGE).name == "pick_shortages"
    assert "inventory-lead" in owners
    names = next(each for each in house.api.get("/readyz").json()["checks"] if each["name"] == "policy")["reason"]
    assert names == "late_shipments version 1; pick_shortages version 1"
