from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from features.vocabulary import Branch
from routing.policy import LatestUseful, Mode, Policy

FoundAfter = Callable[..., list[tuple[str, str, str]]]
MakePolicy = Callable[[Callable[[dict[str, Any]], None]], Policy]

REBOOK_USEFUL = "    latest_useful: {fact: planned_departure_at, offset_hours: -2}\n    payload: [carrier_id"
REBOOK = "    money: true\n    mode: recommend\n    requires: [carrier_id"
REVIEW = "    money: false\n    mode: act_non_financial\n    latest_useful"


class TestReadTerms:
    @pytest.mark.parametrize(
        ("old", "new", "line", "where", "message"),
        [
            pytest.param(
                REBOOK,
                REBOOK.replace("true", "false"),
                "money: false",
                "branches.rebook.money",
                "found false, but rebook commits money. Write true.",
                id="money spent in disguise",
            ),
            pytest.param(
                REBOOK,
                REBOOK.replace("recommend", "act_non_financial"),
                "mode: act_non_financial",
                "branches.rebook.mode",
                "`rebook` spends money, so in mode act_non_financial it only recommends. Write recommend.",
                id="mode that promises more than it does",
            ),
            pytest.param(
                "value_minor, currency, customer_tier]",
                "value_minor, currency, customer_teir]",
                "requires: [carrier_id, alternate_carriers, planned_departure_at, value_minor, currency, "
                "customer_teir]",
                "branches.rebook.requires[5]",
                "'customer_teir' is not a declared fact. Did you mean 'customer_tier'?",
                id="unknown fact required",
            ),
            pytest.param(
                "payload: [customer_id, origin, destination, promised_at]",
                "payload: [customer_id, orign, destination, promised_at]",
                "payload: [customer_id, orign, destination, promised_at]",
                "branches.notify.payload[1]",
                "'orign' is not a declared fact. Did you mean 'origin'?",
                id="unknown fact passed on",
            ),
            pytest.param(
                "[carrier_id, alternate_carriers, planned_departure_at",
                "[carrier_id, planned_departure_at",
                "rebook:",
                "branches.rebook",
                "the branch cannot be carried out without `alternate_carriers`. Add it to `requires`.",
                id="need that is not required",
            ),
            pytest.param(
                REBOOK_USEFUL,
                REBOOK_USEFUL.replace("planned_departure_at", "hours_to_departure"),
                "latest_useful: {fact: hours_to_departure, offset_hours: -2}",
                "branches.rebook.latest_useful.fact",
                "`hours_to_departure` is of type hours, expected an instant, e.g. promised_at.",
                id="moment that is none",
            ),
            pytest.param(
                REBOOK_USEFUL,
                REBOOK_USEFUL.replace("planned_departure_at", "promised_at"),
                "latest_useful: {fact: promised_at, offset_hours: -2}",
                "branches.rebook.latest_useful.fact",
                "`promised_at` is not in `requires`. Add it: the moment cannot be told without it.",
                id="moment that may be unknown",
            ),
            pytest.param(
                "latest_useful: {fact: promised_at, offset_hours: 24}",
                "latest_useful: {fact: promised_at, offset_hours: 1000}",
                "latest_useful: {fact: promised_at, offset_hours: 1000}",
                "branches.escalate.latest_useful.offset_hours",
                "found 1000; it should be less than or equal to 720.",
                id="moment too far away",
            ),
            pytest.param(
                "plan: {to: duty-manager,",
                "plan: {to: process-owner,",
                "plan: {to: process-owner, playbook: critical-shipment-late, sla_minutes: 30}",
                "branches.escalate.plan.to",
                "'process-owner' has no channel, so nobody would be reached. Give that owner one.",
                id="escalation that reaches nobody",
            ),
            pytest.param(
                "plan: {to: duty-manager,",
                "plan: {to: night-manager,",
                "plan: {to: night-manager, playbook: critical-shipment-late, sla_minutes: 30}",
                "branches.escalate.plan.to",
                "'night-manager' is not among the owners of this bundle. Did you mean 'duty-manager'?",
                id="escalation to a stranger",
            ),
            pytest.param(
                "late_share_below: $carrier_late_below",
                "late_share_below: $rebook_lead_hours",
                "plan: {tender_window_hours: 2, carriers_at_most: 3, late_share_below: $rebook_lead_hours, "
                "price_limit: worth_it}",
                "branches.rebook.plan.late_share_below",
                "'$rebook_lead_hours' is in hours, `late_share_below` is in probability. Compare like with like.",
                id="setting of another unit",
            ),
            pytest.param(
                "carriers_at_most: 3",
                "carriers_at_most: $pieces",
                "plan: {tender_window_hours: 2, carriers_at_most: $pieces, late_share_below: $carrier_late_below, "
                "price_limit: worth_it}",
                "branches.rebook.plan.carriers_at_most",
                "found '$pieces'; it should be a valid integer.",
                id="threshold where none is taken",
            ),
            pytest.param(
                "{lateness_left: 0.3,",
                "{lateness_left: 1.3,",
                "cost: {lateness_left: 1.3, fixed_minor: 9000, share_of_value: 0.01, analyst_minutes: 4}",
                "branches.rebook.cost.lateness_left",
                "found 1.3; it should be less than or equal to 1.",
                id="effect out of range",
            ),
            pytest.param(
                REVIEW,
                REVIEW.replace("false", "true").replace("act_non_financial", "recommend"),
                "money: true",
                "branches.review.money",
                "a review spends analyst minutes, not money. Write false.",
                id="review that costs money",
            ),
            pytest.param(
                REVIEW,
                REVIEW.replace("act_non_financial", "observe"),
                "mode: observe",
                "branches.review.mode",
                "nobody would see what is held for review. Write recommend; to stop everything, set the bundle's mode "
                "to observe.",
                id="review nobody sees",
            ),
            pytest.param(
                REVIEW,
                REVIEW.replace("    latest", "    requires: [origin]\n    latest"),
                "requires: [origin]",
                "branches.review.requires",
                "a person can look at anything; a review requires nothing. Drop it.",
                id="review that refuses cases",
            ),
            pytest.param(
                "  ship_complete:\n    type: flag\n",
                "  ship_complete:\n    type: text\n",
                "type: text",
                "facts.ship_complete.type",
                "found text; split needs flag.",
                id="fact of a type the branch cannot use",
            ),
            pytest.param(
                "      place: {type: text, meaning: where}\n",
                "      town: {type: text, meaning: where}\n",
                "columns:",
                "facts.alternate_origins.columns",
                "found town (text), open_shipments (number), late_share (probability), legs (number); split needs the "
                "column `place` of type text. Add it.",
                id="column the branch needs",
            ),
        ],
    )
    def test_a_mistake_is_found_once_at_its_line(
        self, found_after: FoundAfter, old: str, new: str, line: str, where: str, message: str
    ) -> None:
        also = [("        - {fact: ship_complete, is: false}\n", "")] if where.startswith("facts.ship") else []
        assert found_after((old, new), *also) == [(line, where, message)]

    def test_an_unknown_threshold_in_a_plan_is_found_and_the_rest_of_the_plan_still_checked(
        self, found_after: FoundAfter
    ) -> None:
        found = found_after(
            ("carriers_at_most: 3, late_share_below: $carrier_late_below", "carriers_at_most: 99, late_share_below: $x")
        )
        assert sorted(where for _, where, _ in found) == [
            "branches.rebook.plan.carriers_at_most",
            "branches.rebook.plan.late_share_below",
        ]

    def test_a_need_that_is_no_fact_is_blamed_once(self, found_after: FoundAfter) -> None:
        found = found_after(("  alternate_carriers:\n    type: list", "  other_carriers:\n    type: list"))
        assert [where for _, where, _ in found] == ["branches.rebook.requires[1]", "rules[3].when.all[4].fact"]

    def test_a_bundles_mode_is_a_ceiling_for_its_branches(self, make_policy: MakePolicy) -> None:
        policy = make_policy(lambda data: data.update(mode="recommend"))
        assert {terms.mode for terms in policy.branches.values()} == {Mode.RECOMMEND}

    def test_a_branch_may_go_less_far_than_its_bundle(self, make_policy: MakePolicy) -> None:
        policy = make_policy(lambda data: data.update(mode="act_financial"))
        assert policy.branches[Branch.REBOOK].mode is Mode.RECOMMEND
        assert policy.branches[Branch.NOTIFY].mode is Mode.ACT_NON_FINANCIAL

    def test_the_latest_useful_moment_is_an_offset_from_a_fact(self, policy: Policy) -> None:
        assert policy.branches[Branch.REBOOK].latest_useful == LatestUseful(
            fact="planned_departure_at", offset=timedelta(hours=-2)
        )

    def test_a_branch_may_be_useful_for_ever(self, make_policy: MakePolicy) -> None:
        policy = make_policy(lambda data: data["branches"]["escalate"].pop("latest_useful"))
        assert policy.branches[Branch.ESCALATE].latest_useful is None
