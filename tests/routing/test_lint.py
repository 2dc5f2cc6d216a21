from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from routing.errors import Problem, Severity
from routing.loader import lint_policy, parse_policy

FoundAfter = Callable[..., list[tuple[str, str, str]]]
ProblemsOf = Callable[[Callable[[dict[str, Any]], None]], tuple[Problem, ...]]

INVOICES = Path(__file__).parents[2] / "routing" / "policies" / "freight_invoices.yaml"
NOTIFY = "    when: {fact: late_probability, at_least: $notify_from}\n"
DEPARTED = "{fact: departed, is: false}\n        - {fact: hours"
ESCALATE = "- {fact: late_probability, at_least: $escalate_from}"
HOLD = "    when: {fact: customer_on_hold, is: true}\n"


class TestCheckStake:
    """What is at stake is the risk times what lateness costs, so it cannot stay as it is while the risk rises."""

    STAKE = "- {fact: value_at_stake_minor, at_least: $escalate_stake}"

    def test_less_for_more_at_stake_is_found(self, bundle_text: str) -> None:
        less = bundle_text.replace(self.STAKE, "- {fact: value_at_stake_minor, below: $escalate_stake}")
        (found,) = [each for each in lint_policy(less, today=date(2026, 3, 1)) if each.where == "rules[4].when"]
        assert "at `value_at_stake_minor` 29999 'critical_at_stake' leads to escalate, at 30000" in found.message
        parse_policy(less.split("scenarios:")[0])  # what has decided by it stays readable

    def test_so_it_is_by_a_value_that_a_threshold_falls_back_to(self, bundle_text: str) -> None:
        below, above = "below: $escalate_stake", "at_least: 20000"
        stake = f"- {{any: [{{fact: value_at_stake_minor, {below}}}, {{fact: value_at_stake_minor, {above}}}]}}"
        value = "    value: 30000\n"
        assert value in bundle_text
        text = bundle_text.replace(self.STAKE, stake)
        assert lint_policy(text, today=date(2026, 3, 1)) == ()
        falls = text.replace(value, value + "    safe: 10000\n    review_by: 2026-12-31\n")
        assert [each.where for each in lint_policy(falls, today=date(2026, 3, 1))] == ["rules[4].when"]


class TestCheckReachable:
    @pytest.mark.parametrize(
        ("old", "new", "where", "message"),
        [
            pytest.param(
                NOTIFY,
                "    when: {fact: late_probability, at_least: $review_from}\n",
                "rules[0].when",
                "'at_risk' is unreachable: whenever it hits, so does 'likely_late' at rules[1], which goes before it "
                "and leads to notify. Change a condition or drop the rule.",
                id="asks the same as a stronger rule",
            ),
            pytest.param(
                NOTIFY,
                "    when: {fact: late_probability, at_least: 0.2}\n",
                "rules[0].when",
                "'at_risk' is unreachable: whenever it hits, so does 'likely_late' at rules[1], which goes before it "
                "and leads to notify. Change a condition or drop the rule.",
                id="asks for more than a stronger rule",
            ),
            pytest.param(
                NOTIFY + "    branch: notify\n",
                NOTIFY + "    branch: review\n",
                "rules[1].when",
                "'likely_late' is unreachable: whenever it hits, so does 'at_risk' at rules[0], which goes before it "
                "and leads to review. Change a condition or drop the rule.",
                id="asks for more than an earlier rule of the same branch",
            ),
            pytest.param(
                HOLD,
                "    when: {all: [{fact: delivered_or_cancelled, is: true}, {fact: customer_on_hold, is: true}]}\n",
                "guardrails[1].when",
                "'customer_on_hold' is unreachable: whenever it hits, so does 'delivered_or_cancelled' at "
                "guardrails[0], which goes before it and leads to none. Change a condition or drop the rule.",
                id="guardrail behind a wider one",
            ),
            pytest.param(
                NOTIFY,
                "    when: {all: [{fact: late_probability, at_least: $notify_from}, {fact: has_promise, is: false}]}\n",
                "rules[1].when",
                "'likely_late' is unreachable: whenever it hits, so does 'no_promise' at guardrails[2], which goes "
                "before it and leads to review. Change a condition or drop the rule.",
                id="rule behind a guardrail",
            ),
        ],
    )
    def test_a_rule_that_never_decides_is_an_error(
        self, found_after: FoundAfter, old: str, new: str, where: str, message: str
    ) -> None:
        assert (where, message) in [(place, said) for _, place, said in found_after((old, new))]

    def test_a_rule_that_asks_for_more_and_leads_further_is_reachable(self, found_after: FoundAfter) -> None:
        assert found_after((NOTIFY, NOTIFY.replace("$notify_from", "0.25000001"))) == [
            (
                "notify_from:",
                "thresholds.notify_from",
                "`notify_from` is used nowhere. Use it or drop it.",
            )
        ]

    def test_a_rule_whose_parts_exclude_each_other_is_an_error(self, found_after: FoundAfter) -> None:
        never = "{all: [{fact: departed, is: true}, {not: {any: [{fact: departed, is: true}]}}]}"
        ((_, where, message),) = found_after((NOTIFY, f"    when: {never}\n"))
        assert where == "rules[1].when"
        assert message.startswith("'likely_late' is unreachable: its parts exclude each other.")

    def test_a_rule_that_others_hide_only_together_is_an_error(self, problems_of: ProblemsOf) -> None:
        def edit(data: dict[str, Any]) -> None:
            for departed in (True, False):
                rule = dict(data["rules"][1], id=f"departed_{departed}")
                rule["when"] = {"all": [deepcopy(data["rules"][0]["when"]), {"fact": "departed", "is": departed}]}
                data["rules"].append(rule)
            data["rules"][0]["when"] = {
                "all": [data["rules"][0]["when"], {"fact": "departed", "known": True}],
            }

        found = [problem for problem in problems_of(edit) if problem.severity is Severity.ERROR]
        assert [problem.where for problem in found] == ["rules[0].when"]
        assert "'at_risk' is unreachable: whenever it hits, so does one of" in found[0].message
        assert "'departed_True', 'departed_False'" in found[0].message


class TestCheckOverlaps:
    def test_two_rules_of_one_branch_that_meet_by_half_are_a_warning(self, problems_of: ProblemsOf) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["rules"].append({**data["rules"][0], "id": "dear", "when": {"fact": "value_minor", "at_least": 9}})

        (problem,) = problems_of(edit)
        assert (problem.severity, problem.where) == (Severity.WARNING, "rules[5].when")
        assert problem.message.startswith(
            "'dear' overlaps 'at_risk' at rules[0]: both lead to review and hit where late_probability is 0.25, "
            "value_minor is 9; there 'at_risk' decides, as it stands first."
        )

    def test_a_special_case_that_stands_first_is_none(self, problems_of: ProblemsOf) -> None:
        def edit(data: dict[str, Any]) -> None:
            special = {"all": [deepcopy(data["rules"][0]["when"]), {"fact": "departed", "is": True}]}
            data["rules"].insert(0, {**data["rules"][0], "id": "departed_already", "when": special})

        assert problems_of(edit) == ()


class TestCheckGaps:
    @pytest.mark.parametrize(("upper", "gap"), [("above", True), ("at_least", False)])
    def test_a_value_that_two_bands_leave_out_is_an_error(self, problems_of: ProblemsOf, upper: str, gap: bool) -> None:
        def edit(data: dict[str, Any]) -> None:
            bands = [{"fact": "pieces", "below": 4}, {"fact": "pieces", upper: 4}]
            data["rules"] = [dict(data["rules"][0], id=f"band_{n}", when=when) for n, when in enumerate(bands)]

        errors = [problem for problem in problems_of(edit) if problem.severity is Severity.ERROR]
        assert [problem.where for problem in errors] == (["rules[1].when"] if gap else [])
        if gap:
            assert errors[0].message.startswith(
                "a gap: 'band_0' hits below `pieces` 4 and 'band_1' above it, but at 4 itself no rule hits, where "
            )


class TestCheckReviews:
    @pytest.mark.parametrize(("today", "where"), [(date(2027, 6, 30), []), (date(2027, 7, 1), ["review_by"])])
    def test_a_review_is_overdue_the_day_after(self, bundle_text: str, today: date, where: list[str]) -> None:
        assert [problem.where for problem in lint_policy(bundle_text, today=today)] == where

    def test_a_time_where_a_day_belongs_is_a_finding(self, bundle_text: str) -> None:
        text = bundle_text.replace("review_by: 2027-06-30", "review_by: 2025-06-30T08:00:00Z", 1)
        (problem,) = lint_policy(text, today=date(2026, 3, 1))
        assert (problem.where, problem.message) == (
            "review_by",
            "found 2025-06-30T08:00:00Z; it should be a valid date.",
        )

    def test_every_part_has_its_own_date(self, bundle_text: str) -> None:
        text = bundle_text.replace(
            "    unit: probability\n    owner: customer",
            "    unit: probability\n    review_by: 2026-01-01\n    owner: customer",
            1,
        )
        text = text.replace("  - id: likely_late\n", "  - id: likely_late\n    review_by: 2026-01-31\n")
        found = [(problem.where, problem.message) for problem in lint_policy(text, today=date(2026, 2, 1))]
        assert found == [
            (
                "thresholds.notify_from.review_by",
                "the review was due by 2026-01-01, 31 day(s) ago. customer-service must look at it and set a new date.",
            ),
            (
                "rules[1].review_by",
                "the review was due by 2026-01-31, 1 day(s) ago. customer-service must look at it and set a new date.",
            ),
        ]

    def test_a_text_that_is_no_bundle_is_one_finding(self) -> None:
        (problem,) = lint_policy("- 1\n", today=date(2026, 1, 1))
        assert problem.message.startswith("found no mapping")


class TestLintPolicy:
    def test_twelve_seeded_mistakes_get_twelve_findings_at_their_lines(self, bundle_text: str) -> None:
        seeded = [
            ("    type: hours\n", "    type: hour\n", "type: hour", "'hour'"),
            ("  notify_from:\n", "  notify_from:\n    review_by: 2026-01-01\n", "review_by: 2026-01-01", "was due by"),
            ("    owner: customer-service\n    why", "    owner: x\n    why", "owner: x", "not among the owners"),
            ("standard: 0.02, priority", "priority", "lateness_share:", "no share for customer_tier 'standard'"),
            ("    cost: {lateness_left: 0.5, ", "    cost: {lateness_left: 1.5, ", "cost: {lateness_left: 1.5", "1.5"),
            ("{to: duty-manager", "{to: process-owner", "plan: {to: process-owner", "nobody would be reached"),
            (HOLD, HOLD.replace("customer_on_hold", "delivered_or_cancelled"), "when: {fact: deliv", "is unreachable"),
            (
                "review\n    sentence_staff: Carrier",
                "rebook\n    sentence_staff: Carrier",
                "branch: rebook",
                "holds back",
            ),
            ("{fact: pieces, at_least: 2}", "{fact: piece, at_least: 2}", "- {fact: piece,", "Did you mean 'pieces'?"),
            (DEPARTED, DEPARTED.replace("is: false", "at_least: 1"), "- {fact: departed, at_least", "does not fit"),
            (ESCALATE, ESCALATE.replace("at_least: $escalate_from", "at_most: 0.9"), "when:", "gets a weaker branch"),
            ("y}; nothing", "i}; nothing", "sentence_staff: Late risk is", "Did you mean 'late_probability'?"),
        ]
        text = bundle_text
        for old, new, _, _ in seeded:
            assert text.count(old) >= 1, old
            text = text.replace(old, new, 1)
        lines = text.splitlines()
        problems = lint_policy(text, today=date(2026, 3, 1))
        found = [(lines[(problem.line or 1) - 1].strip(), problem.message) for problem in problems]
        assert len(found) == 12, found
        for (line, message), (_, _, expected_line, expected) in zip(found, seeded, strict=True):
            assert line.startswith(expected_line)
            assert expected in message


class TestCheckRisk:
    @pytest.mark.parametrize(
        ("when", "low", "high"),
        [
            ("{fact: late_probability, between: [0.45, 0.55]}", "0.5", "0.55"),
            ("{fact: late_probability, at_most: 0.55}", "0.55", "0.575"),
            ("{fact: late_probability, in: [0.5, 0.6]}", "0.5", "0.525"),
            ("{not: {fact: late_probability, above: 0.55}}", "0.55", "0.575"),
            ("{all: [{fact: departed, is: true}, {any: [{fact: late_probability, below: 0.9}]}]}", "0.6", "0.9"),
        ],
    )
    def test_a_rule_that_a_greater_risk_escapes_is_an_error_with_a_case_that_shows_it(
        self, found_after: FoundAfter, when: str, low: str, high: str
    ) -> None:
        ((line, where, message),) = found_after((NOTIFY, f"    when: {when}\n"))
        assert (line, where) == (f"when: {when}", "rules[1].when")
        assert message.startswith(
            f"a greater risk gets a weaker branch: at `late_probability` {low} 'likely_late' leads to notify, "
            f"at {high} 'at_risk' leads to review, where "
        )
        assert message.endswith("Let a rule go on hitting as the risk rises.")

    def test_bands_that_meet_are_let_pass_although_each_ends(self, found_after: FoundAfter) -> None:
        banded = "    when: {fact: late_probability, between: [$review_from, $notify_from]}\n"
        assert found_after(("    when: {fact: late_probability, at_least: $review_from}\n", banded)) == []

    def test_a_hole_between_two_bands_is_a_gap(self, found_after: FoundAfter) -> None:
        banded = "    when: {fact: late_probability, between: [$review_from, 0.4]}\n"
        ((_, where, message),) = found_after(("    when: {fact: late_probability, at_least: $review_from}\n", banded))
        assert where == "rules[0].when"
        assert "at `late_probability` 0.25 'at_risk' leads to review, at 0.4 no rule hits and 'default'" in message

    def test_what_could_not_be_read_might_step_in_and_so_nothing_is_said(self, found_after: FoundAfter) -> None:
        banded = (NOTIFY, "    when: {fact: late_probability, between: [0.45, 0.5]}\n")
        broken = ("{fact: value_at_stake_minor, at_least: $escalate_stake}", "{fact: stake, above: 3}")
        assert [where for _, where, _ in found_after(banded, broken)] == ["rules[4].when.all[2].fact"]

    @pytest.mark.parametrize(
        "when",
        [
            "{fact: late_probability, above: $notify_from}",
            "{not: {fact: late_probability, below: $notify_from}}",
            "{all: [{fact: late_probability, at_least: $notify_from}, {fact: late_probability, known: true}]}",
        ],
    )
    def test_a_rule_that_a_greater_risk_keeps_is_let_pass(self, found_after: FoundAfter, when: str) -> None:
        assert found_after((NOTIFY, f"    when: {when}\n")) == []

    @pytest.mark.parametrize("branch", ["none", "review"])
    def test_a_guardrail_that_weakens_a_greater_risk_is_an_error(self, found_after: FoundAfter, branch: str) -> None:
        guardrail = f"    when: {{fact: late_probability, at_least: 0.9}}\n    branch: {branch}\n"
        ((_, where, message),) = found_after((HOLD + "    branch: review\n", guardrail))
        assert where == "guardrails[1].when"
        assert f"at 0.9 'customer_on_hold' leads to {branch}, where " in message

    def test_a_guardrail_may_hold_back_what_a_greater_risk_lets_go(self, problems_of: ProblemsOf) -> None:
        def edit(data: dict[str, Any]) -> None:
            words = dict.fromkeys(("sentence_staff", "sentence_customer"), "Low.")
            when = {"all": [{"fact": "departed", "is": True}, {"fact": "late_probability", "below": 0.5}]}
            data["guardrails"].append(
                {"id": "low", "owner": "process-owner", "when": when, "branch": "review", **words}
            )

        assert problems_of(edit) == ()

    def test_where_there_are_too_many_cases_only_the_form_counts(
        self, found_after: FoundAfter, states_at_most: Callable[[int], None]
    ) -> None:
        states_at_most(20)
        assert found_after() == []
        ((_, where, message),) = found_after((NOTIFY, "    when: {fact: late_probability, between: [0.45, 0.9]}\n"))
        assert where == "rules[1].when"
        assert message.startswith("it cannot be shown that 'likely_late' gives a greater `late_probability` no weaker")

    def test_a_guardrail_may_leave_low_risk_alone(self, problems_of: ProblemsOf) -> None:
        def edit(data: dict[str, Any]) -> None:
            words = dict.fromkeys(("sentence_staff", "sentence_customer"), "Nothing to fear.")
            when = {"fact": "late_probability", "below": 0.1}
            data["guardrails"].append({"id": "calm", "owner": "process-owner", "when": when, "branch": "none", **words})

        assert problems_of(edit) == ()


class TestCheckSpending:
    @pytest.mark.parametrize(
        "part", [{"fact": "pieces", "known": False}, {"not": {"any": [{"fact": "pieces", "known": True}]}}]
    )
    def test_a_rule_that_spends_money_because_a_fact_is_unknown_is_an_error(
        self, problems_of: ProblemsOf, part: dict[str, Any]
    ) -> None:
        problems = problems_of(lambda data: data["rules"][3]["when"]["all"].append(part))
        assert [(problem.where, problem.message) for problem in problems] == [
            (
                "rules[3].when",
                "'another_carrier' spends money and may hit because `pieces` is unknown. "
                "Ask for it to be known, or lead to review.",
            )
        ]

    def test_a_rule_that_spends_money_may_ask_for_a_fact_to_be_known(self, problems_of: ProblemsOf) -> None:
        part = {"not": {"fact": "pieces", "known": False}}
        assert problems_of(lambda data: data["rules"][3]["when"]["all"].append(part)) == ()

    def test_a_rule_that_spends_none_may_hit_because_a_fact_is_unknown(self, problems_of: ProblemsOf) -> None:
        part = {"fact": "pieces", "known": False}
        assert problems_of(lambda data: data["rules"][4]["when"]["all"].append(part)) == ()


class TestCheckUse:
    def test_names_that_nobody_uses_are_a_warning(self, problems_of: ProblemsOf) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["facts"]["weight_kg"] = {"type": "number", "unit": "kg", "meaning": "gross weight"}
            data["thresholds"]["heavy"] = {"value": 30, "unit": "kg", "owner": "process-owner", "why": "two people"}

        assert [(problem.severity, problem.where, problem.message) for problem in problems_of(edit)] == [
            (Severity.WARNING, "facts.weight_kg", "`weight_kg` is used nowhere. Use it or drop it."),
            (Severity.WARNING, "thresholds.heavy", "`heavy` is used nowhere. Use it or drop it."),
        ]

    def test_a_branch_to_which_no_rule_leads_is_a_warning(self, problems_of: ProblemsOf) -> None:
        problems = problems_of(lambda data: data["rules"][4].update(branch="rebook"))
        assert (Severity.WARNING, "branches.escalate", "no rule leads to `escalate`. Add one or drop the branch.") in [
            (problem.severity, problem.where, problem.message) for problem in problems
        ]

    def test_nothing_is_said_on_use_while_there_are_errors(self, problems_of: ProblemsOf) -> None:
        problems = problems_of(lambda data: data["rules"][4].update(when=None))
        assert [problem.where for problem in problems] == ["rules[4].when"]


class TestTooManyCases:
    """Where a search is given up, the bundle gets a finding with its line, whichever check it was."""

    WIDE = """
      any:
        - {fact: carrier_id, in: [A, B, C]}
        - {fact: origin, in: [A, B, C]}
        - {fact: destination, in: [A, B, C]}
        - {fact: pieces, at_least: 3}
    """

    def found(self, text: str, states_at_most: Callable[[int], None]) -> list[Problem]:
        states_at_most(1)
        return [each for each in lint_policy(text, today=date(2026, 3, 1)) if "too many cases" in each.message]

    def test_is_said_of_rules_that_may_overlap(self, bundle_text: str, states_at_most: Callable[[int], None]) -> None:
        text = bundle_text.replace(
            NOTIFY,
            NOTIFY
            + "    branch: notify\n    sentence_staff: a\n    sentence_customer: b\n  - id: other\n"
            + "    owner: customer-service\n    when:"
            + self.WIDE
            + "\n",
        )
        (overlap,) = [each for each in self.found(text, states_at_most) if "overlaps" in each.message]
        assert (overlap.where, overlap.severity) == ("rules[2].when", Severity.WARNING)
        assert text.splitlines()[(overlap.line or 0) - 1].strip() == "when:"

    def test_is_said_of_a_playbook(self, bundle_text: str, states_at_most: Callable[[int], None]) -> None:
        where = {each.where for each in self.found(bundle_text, states_at_most)}
        assert "playbooks.warehouse_downtime.when" in where

    def test_is_said_of_what_rests_on_proof(self, states_at_most: Callable[[int], None]) -> None:
        text = INVOICES.read_text(encoding="utf-8").replace(
            "        - {fact: proven_minor, above: 0}\n        - any:",
            "        - {fact: proven_minor, above: 0}\n        - {fact: carrier_id, in: [A, B, C]}\n        - any:",
        )
        found = {(each.where, each.severity) for each in self.found(text, states_at_most)}
        assert ("rules[5].when", Severity.ERROR) in found

    def test_is_said_of_release_values(self, bundle_text: str, states_at_most: Callable[[int], None]) -> None:
        text = bundle_text.replace("    value: 0.5\n", "    value: 0.5\n    release: 0.4\n")
        assert "rules[4].when" in {each.where for each in self.found(text, states_at_most)}
