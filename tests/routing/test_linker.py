"""Each mistake is sown into the default bundle alone: it must be found, once, at its line, and nothing else with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

FoundAfter = Callable[..., list[tuple[str, str, str]]]

NOTIFY = "    when: {fact: late_probability, at_least: $notify_from}\n"
STRENGTH = "strength: [none, review, notify, split, rebook, escalate]"
SHARES = "{standard: 0.02, priority: 0.06, critical: 0.15}"


class TestRules:
    @pytest.mark.parametrize(
        ("old", "new", "line", "where", "message"),
        [
            pytest.param(
                NOTIFY,
                "    when: {fact: late_probabilty, at_least: $notify_from}\n",
                "when: {fact: late_probabilty, at_least: $notify_from}",
                "rules[1].when.fact",
                "'late_probabilty' is not a declared fact. Did you mean 'late_probability'?",
                id="undeclared fact",
            ),
            pytest.param(
                "{fact: customer_tier, is: critical}",
                "{fact: customer_tier, above: critical}",
                "- {fact: customer_tier, above: critical}",
                "rules[4].when.all[1].above",
                "`above` does not fit `customer_tier`, which is one of standard, priority, critical. "
                "Use is, in, known.",
                id="operator that does not fit the type",
            ),
            pytest.param(
                "{fact: pieces, at_least: 2}",
                "{fact: pieces, at_least: two}",
                "- {fact: pieces, at_least: two}",
                "rules[2].when.all[3].at_least",
                "found 'two' for `pieces`, expected a number within 64 bits.",
                id="value of another type",
            ),
            pytest.param(
                "{fact: pieces, at_least: 2}",
                "{fact: pieces, at_least: $rebook_lead_hours}",
                "- {fact: pieces, at_least: $rebook_lead_hours}",
                "rules[2].when.all[3].at_least",
                "'$rebook_lead_hours' is in hours, `pieces` is in pieces. Compare like with like.",
                id="value of another unit",
            ),
            pytest.param(
                "at_least: $split_from}",
                "at_least: $splitfrom}",
                "- {fact: late_probability, at_least: $splitfrom}",
                "rules[2].when.all[0].at_least",
                "'$splitfrom' is not a threshold of this bundle. Did you mean 'split_from'?",
                id="unknown threshold",
            ),
            pytest.param(
                "    branch: rebook\n",
                "    branch: rebok\n",
                "branch: rebok",
                "rules[3].branch",
                "found 'rebok', expected none, review, notify, split, rebook or escalate. Did you mean 'rebook'?",
                id="unknown branch",
            ),
            pytest.param(
                "    branch: notify\n",
                "    branch: none\n",
                "branch: none",
                "rules[1].branch",
                "a rule that leads to none changes nothing. Make it a guardrail, or drop it.",
                id="rule that leads to none",
            ),
            pytest.param(
                "when: {fact: customer_on_hold, is: true}\n    branch: review",
                "when: {fact: customer_on_hold, is: true}\n    branch: escalate",
                "branch: escalate",
                "guardrails[1].branch",
                "a guardrail holds back, it cannot escalate. Lead to none or review.",
                id="guardrail that acts",
            ),
            pytest.param(
                "  - id: likely_late\n    owner: customer-service\n",
                "  - id: likely_late\n",
                "- id: likely_late",
                "rules[1].owner",
                "`owner` is missing. Add it.",
                id="missing owner",
            ),
            pytest.param(
                "  - id: likely_late\n    owner: customer-service\n",
                "  - id: likely_late\n    owner: customer-servce\n",
                "owner: customer-servce",
                "rules[1].owner",
                "'customer-servce' is not among the owners of this bundle. Did you mean 'customer-service'?",
                id="unknown owner",
            ),
            pytest.param(
                "    changed_by: transport-operations\n    meaning: when it is planned to leave\n",
                "    changed_by: transport-operation\n    meaning: when it is planned to leave\n",
                "changed_by: transport-operation",
                "facts.planned_departure_at.changed_by",
                "'transport-operation' is not among the owners of this bundle. Did you mean 'transport-operations'?",
                id="unknown owner of a fact",
            ),
            pytest.param(
                "- id: another_carrier",
                "- id: carrier_unknown",
                "- id: carrier_unknown",
                "rules[3].id",
                "the id 'carrier_unknown' is taken by guardrails[3]. Give each rule its own.",
                id="id given twice",
            ),
            pytest.param(
                "- id: another_carrier",
                "- id: default",
                "- id: default",
                "rules[3].id",
                "'default' is no name for a rule. Use letters, digits and _; reserved: default, unknown, "
                "branch_requirements, exploration.",
                id="reserved id",
            ),
            pytest.param(
                "promised for {promised_at}",
                "promised for {promised_on}",
                "sentence_customer: >-",
                "rules[1].sentence_customer",
                "'{promised_on}' is not a declared fact. Did you mean 'promised_at'?",
                id="unknown fact in a sentence",
            ),
            pytest.param(
                "promised for {promised_at}",
                "with a risk of {late_probability}",
                "sentence_customer: >-",
                "rules[1].sentence_customer",
                "'{late_probability}' is not for customers. Leave it out, or declare the fact with "
                "`shown_to_customer: true`.",
                id="internal fact in a customer's sentence",
            ),
        ],
    )
    def test_a_mistake_is_found_once_at_its_line(
        self, found_after: FoundAfter, old: str, new: str, line: str, where: str, message: str
    ) -> None:
        assert found_after((old, new)) == [(line, where, message)]

    def test_a_branch_without_terms_is_found_where_it_is_left_out_and_where_it_is_led_to(
        self, found_after: FoundAfter
    ) -> None:
        assert found_after(("  escalate:\n    owner", "  elevate:\n    owner")) == [
            (
                "elevate:",
                "branches.elevate",
                "`elevate` is not known here. Expected: review, notify, split, rebook, escalate."
                " Did you mean 'escalate'?",
            ),
            (
                "branch: escalate",
                "rules[4].branch",
                "`escalate` is not among `branches`. Declared: review, notify, split, rebook, elevate."
                " Add its terms there.",
            ),
            *(
                (
                    "parent: {branch: escalate, to: duty-manager, sla_minutes: 30}",
                    f"playbooks.{playbook}.parent.branch",
                    "`escalate` is not among `branches`. Add its terms there, or lead to review.",
                )
                for playbook in ("carrier_outage", "warehouse_downtime")
            ),
        ]


class TestTheRest:
    @pytest.mark.parametrize(
        ("old", "new", "line", "where", "message"),
        [
            pytest.param(
                "    value: 0.45\n",
                "    value: 45\n",
                "value: 45",
                "thresholds.notify_from.value",
                "found 45 for `notify_from`, expected a probability from 0 to 1.",
                id="threshold out of range",
            ),
            pytest.param(
                "    value: 0.45\n",
                "    value: [0.45]\n",
                "value: [0.45]",
                "thresholds.notify_from.value",
                "found a list of 1 for `notify_from`, expected a probability from 0 to 1.",
                id="threshold that is no number",
            ),
            pytest.param(
                "    value: 4\n",
                "    value: .nan\n",
                "value: .nan",
                "thresholds.rebook_lead_hours.value",
                "found nan for `rebook_lead_hours`, expected a number within 64 bits.",
                id="threshold that is not a number",
            ),
            pytest.param(
                "  notify_from:\n    value: 0.45\n    unit: probability\n    owner: customer-service\n",
                "  notify_from:\n    value: 0.45\n    unit: probability\n",
                "notify_from:",
                "thresholds.notify_from.owner",
                "`owner` is missing. Add it.",
                id="threshold nobody answers for",
            ),
            pytest.param(
                "review_by: 2027-06-30",
                "review_by: 2027-13-30",
                "review_by: 2027-13-30",
                "review_by",
                "'2027-13-30' cannot be read: month must be in 1..12. Put it in quotes if it is text.",
                id="day that is none",
            ),
            pytest.param(
                STRENGTH,
                "strength: [none, review, notify, split, rebook]",
                "strength: [none, review, notify, split, rebook]",
                "strength",
                "found none, review, notify, split, rebook; escalate is missing. List all, weakest first.",
                id="branch without a strength",
            ),
            pytest.param(
                STRENGTH,
                "strength: [none, review, notify, split, rebook, escalate, split]",
                "strength: [none, review, notify, split, rebook, escalate, split]",
                "strength",
                "split is listed twice. List each once, weakest first.",
                id="branch with two strengths",
            ),
            pytest.param(
                STRENGTH,
                "strength: [none, notify, review, split, rebook, escalate]",
                "strength: [none, notify, review, split, rebook, escalate]",
                "strength",
                "none and review act on nothing. Put them first, in this order.",
                id="review stronger than an action",
            ),
            pytest.param(
                SHARES,
                "{standard: 0.02, priority: 0.06}",
                "lateness_share: {standard: 0.02, priority: 0.06}",
                "costs.lateness_share",
                "there is no share for customer_tier 'critical'. Add one.",
                id="tier without a cost",
            ),
            pytest.param(
                SHARES,
                "{standard: 0.02, priority: 0.06, critical: 0.15, vip: 0.3}",
                "lateness_share: {standard: 0.02, priority: 0.06, critical: 0.15, vip: 0.3}",
                "costs.lateness_share.vip",
                "'vip' is not a value of `customer_tier`. Expected one of standard, priority, critical.",
                id="cost of a tier that is not there",
            ),
            pytest.param(
                "  probability: late_probability",
                "  probability: pieces",
                "probability: pieces",
                "costs.probability",
                "`pieces` is of type number, expected probability.",
                id="cost from a fact of another type",
            ),
            pytest.param(
                "  value: value_minor",
                "  value: valu_minor",
                "value: valu_minor",
                "costs.value",
                "'valu_minor' is not a declared fact. Did you mean 'value_minor'?",
                id="cost from an unknown fact",
            ),
            pytest.param(
                "default:\n  branch: none\n",
                "default:\n  branch: notify\n",
                "branch: notify",
                "default.branch",
                "found 'notify', expected none or review.",
                id="default that acts",
            ),
            pytest.param(
                "on_unknown:\n  branch: review\n",
                "on_unknown:\n  branch: none\n",
                "branch: none",
                "on_unknown.branch",
                "found 'none', expected review.",
                id="unknown that no person sees",
            ),
            pytest.param(
                "  sentence_customer: Your shipment is on its way as planned.",
                "  sentence_customer: Carrier {carrier} has it.",
                "sentence_customer: Carrier {carrier} has it.",
                "default.sentence_customer",
                "'{carrier}' is not a declared fact. Did you mean 'carrier_id'?",
                id="unknown fact in the default's words",
            ),
            pytest.param(
                "owner: process-owner\nreview_by",
                "owner: proces-owner\nreview_by",
                "owner: proces-owner",
                "owner",
                "'proces-owner' is not among the owners of this bundle. Did you mean 'process-owner'?",
                id="bundle nobody answers for",
            ),
        ],
    )
    def test_a_mistake_is_found_once_at_its_line(
        self, found_after: FoundAfter, old: str, new: str, line: str, where: str, message: str
    ) -> None:
        assert found_after((old, new)) == [(line, where, message)]

    def test_a_bundle_without_a_fallback_is_refused(self, found_after: FoundAfter, bundle_text: str) -> None:
        fallbacks = bundle_text[bundle_text.index("default:\n") :]
        assert [(where, message) for _, where, message in found_after((fallbacks, ""))] == [
            ("default", "`default` is missing. Add it."),
            ("on_unknown", "`on_unknown` is missing. Add it."),
        ]

    def test_what_uses_a_wrong_threshold_is_not_blamed_as_well(self, found_after: FoundAfter) -> None:
        found = found_after(("    value: 0.2\n", "    value: 20\n"))
        assert [where for _, where, _ in found] == ["thresholds.carrier_late_below.value"]
