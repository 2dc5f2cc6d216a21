"""Playbooks that could never be declared, never end or reach nobody are found when the bundle is loaded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import yaml

from features.vocabulary import SubjectType
from routing.errors import PolicyError, Problem
from routing.loader import lint_policy, parse_policy
from serving.config import bundled_policy

ProblemsOf = Callable[[Callable[[dict[str, Any]], None]], tuple[Problem, ...]]
FoundAfter = Callable[..., list[tuple[str, str, str]]]
OUTAGE = "  carrier_outage:\n    owner: transport-operations\n"
WHEN = "{fact: hours_since_warehouse_told, at_least: $warehouse_silent_hours}"
PARENT = "    parent: {branch: escalate, to: duty-manager, sla_minutes: 30}\n"


class TestReadPlaybooks:
    @pytest.mark.parametrize(
        ("old", "new", "line", "where", "message"),
        [
            pytest.param(
                OUTAGE, "  carrier_outage:\n", "carrier_outage:", ".owner", "`owner` is missing", id="no owner"
            ),
            pytest.param(
                OUTAGE, OUTAGE.replace("transport-operations", "x"), "owner: x", ".owner", "not among", id="owner"
            ),
            pytest.param(
                "    watches: [carrier_id]",
                "    watches: [carrier]",
                "watches: [carrier]",
                ".watches[0]",
                "'carrier' is not a declared fact.",
                id="no fact",
            ),
            pytest.param(
                "    watches: [carrier_id]",
                "    watches: [departed]",
                "watches: [departed]",
                ".watches[0]",
                "a scope is known by text",
                id="flag",
            ),
            pytest.param(
                "    watches: [carrier_id]",
                "    watches: [carrier_id, carrier_id]",
                "watches: [carrier_id, carrier_id]",
                ".watches[1]",
                "listed twice",
                id="twice",
            ),
            pytest.param(
                PARENT,
                PARENT.replace("duty-manager", "process-owner"),
                "parent: {branch: escalate, to: process-owner, sla_minutes: 30}",
                ".parent.to",
                "'process-owner' has no channel, so nobody would be reached.",
                id="reaches nobody",
            ),
            pytest.param(
                PARENT,
                PARENT.replace("duty-manager", "nobody"),
                "parent: {branch: escalate, to: nobody, sla_minutes: 30}",
                ".parent.to",
                "'nobody' is not among the owners",
                id="to nobody",
            ),
            pytest.param(
                "over: {seen_at_least: 20, share_below: 0.1",
                "over: {seen_at_least: 20, share_below: 0.3",
                "over: {seen_at_least: 20, share_below: 0.3, within_minutes: 30}",
                ".over.share_below",
                "both at once in between",
                id="flutters",
            ),
            pytest.param(
                "over: {seen_at_least: 20, share_below: 0.1",
                "over: {seen_at_least: 20, share_below: 0",
                "over: {seen_at_least: 20, share_below: 0, within_minutes: 30}",
                ".over.share_below",
                "greater than 0",
                id="no share is below nothing",
            ),
            pytest.param(
                "suspends: [review, notify, split, rebook, escalate]",
                "suspends: [review, notify, split, rebook, escalate, notify]",
                "suspends: [review, notify, split, rebook, escalate, notify]",
                ".suspends[5]",
                "`notify` is listed twice.",
                id="suspended twice",
            ),
            pytest.param(
                "suspends: [review, notify, split, rebook, escalate]",
                "suspends: [review, split, rebook, escalate]",
                "suspends: [review, split, rebook, escalate]",
                ".suspends",
                "'likely_late' leads to notify by `late_probability`, which rests on the feed that has failed",
                id="acts on a stale feed",
            ),
            pytest.param(
                "sentence_staff: Carrier {carrier_id} has gone",
                "sentence_staff: Carrier {carrier} has gone",
                "sentence_staff: Carrier {carrier} has",
                ".sentence_staff",
                "'{carrier}' is not a declared fact",
                id="sentence",
            ),
        ],
    )
    def test_a_mistake_is_found_once_at_its_line(
        self, found_after: FoundAfter, old: str, new: str, line: str, where: str, message: str
    ) -> None:
        ((found_line, found_where, found),) = found_after((old, new))
        assert found_line.startswith(line)
        assert found_where == f"playbooks.carrier_outage{where}"
        assert message in found

    @pytest.mark.parametrize(
        ("when", "message"),
        [
            ("{any: [{fact: departed, known: true}, {fact: departed, known: false}]}", "it would never be over"),
            ("{all: [{fact: departed, is: true}, {fact: departed, is: false}]}", "no case can show it"),
        ],
    )
    def test_a_condition_that_always_or_never_holds_is_an_error(
        self, problems_of: ProblemsOf, when: str, message: str
    ) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["playbooks"]["warehouse_downtime"]["when"] = yaml.safe_load(when)

        found = [each for each in problems_of(edit) if each.where == "playbooks.warehouse_downtime.when"]
        assert [message in each.message for each in found] == [True]

    def test_a_name_must_be_one(self, problems_of: ProblemsOf) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["playbooks"]["carrier-outage"] = data["playbooks"].pop("carrier_outage")

        (found,) = problems_of(edit)
        assert (found.where, found.message.split(".")[0]) == (
            "playbooks.carrier-outage",
            "'carrier-outage' is no name for a playbook",
        )

    def test_an_overdue_review_is_found(self, bundle_text: str) -> None:
        text = bundle_text.replace(OUTAGE, f"{OUTAGE}    review_by: 2026-01-01\n")
        (found,) = lint_policy(text, today=date(2026, 3, 1))
        assert found.where == "playbooks.carrier_outage.review_by"
        assert "the review was due by 2026-01-01" in found.message

    def test_what_only_a_playbook_uses_is_used(self, found_after: FoundAfter) -> None:
        ((_, where, message),) = found_after((WHEN, "{fact: hours_since_warehouse_told, at_least: 3}"))
        assert (where, message) == (
            "thresholds.warehouse_silent_hours",
            "`warehouse_silent_hours` is used nowhere. Use it or drop it.",
        )

    def test_a_bundle_does_without(self, problems_of: ProblemsOf) -> None:
        found = problems_of(lambda data: data.pop("playbooks"))
        assert {each.where for each in found} == {
            "facts.carrier_hours_silent",
            "facts.hours_since_warehouse_told",
            "thresholds.silent_hours",
            "thresholds.picking_hours",
            "thresholds.warehouse_silent_hours",
        }


class TestOnOtherSubjects:
    """Bundles on invoices and on shortages have playbooks of their own branches."""

    @pytest.mark.parametrize(
        ("subject", "edit", "where", "message"),
        [
            pytest.param(
                SubjectType.INVOICE,
                {"suspends": ["review", "rebook"]},
                "suspends[1]",
                "found 'rebook', expected approve, review, short_pay or dispute.",
                id="a branch of shipments",
            ),
            pytest.param(
                SubjectType.SHORTAGE,
                {"parent": {"branch": "escalate", "to": "inventory-lead", "sla_minutes": 30}},
                "parent.to",
                "'inventory-lead' has no channel, so nobody would be reached.",
                id="nobody would be reached",
            ),
            pytest.param(
                SubjectType.INVOICE,
                {"parent": {"branch": "review", "to": "duty-manager", "sla_minutes": 30}},
                "parent.to",
                "'duty-manager' is not among the owners of this bundle.",
                id="an owner who is not there",
            ),
            pytest.param(
                SubjectType.SHORTAGE,
                {"suspends": ["review"]},
                "suspends",
                "'likely_short' leads to notify by `short_probability`, which rests on the feed that has failed",
                id="acts on a stale feed",
            ),
            pytest.param(
                SubjectType.INVOICE,
                {"when": {"fact": "carrier_id", "known": False}},
                "when",
                "no case can show it: it asks for one of which `carrier_id` is not known",
                id="asks for an invoice of no carrier",
            ),
            pytest.param(
                SubjectType.SHORTAGE,
                {"when": {"any": [{"fact": "place", "known": False}, {"fact": "wave_id", "known": False}]},
                 "watches": ["place", "wave_id"]},
                "when",
                "no case can show it: it asks for one of which `place`, `wave_id` is not known",
                id="asks for a line of no scope",
            ),
            pytest.param(
                SubjectType.SHORTAGE,
                {"when": {"any": [{"fact": "books", "known": True}, {"fact": "books", "known": False}]}},
                "when",
                "every case shows it, so it would never be over.",
                id="every line",
            ),
            pytest.param(
                SubjectType.SHORTAGE,
                {"watches": ["due_at"]},
                "watches[0]",
                "`due_at` is of type instant; a scope is known by text",
                id="a scope of times",
            ),
            pytest.param(
                SubjectType.SHORTAGE,
                {"holds": "all"},
                "holds",
                "found 'all', expected scope or showing.",
                id="holds neither",
            ),
        ],
    )  # fmt: skip
    def test_a_mistake_is_found_once_at_its_place(
        self, subject: SubjectType, edit: dict[str, Any], where: str, message: str
    ) -> None:
        name = {SubjectType.INVOICE: "wrong_rate_table", SubjectType.SHORTAGE: "stock_not_told"}[subject]
        found = [each for each in _found(subject, name, edit) if each.where.startswith("playbooks.")]
        assert {each.where for each in found} == {f"playbooks.{name}.{where}"}
        assert found[0].message.startswith(message), found[0].message

    @pytest.mark.parametrize(
        ("subject", "when"),
        [
            (SubjectType.INVOICE, {"fact": "owed_minor", "known": False}),
            (SubjectType.INVOICE, {"any": [{"fact": name, "known": False} for name in ("currency", "shipment_id")]}),
            (SubjectType.SHORTAGE, {"fact": "short_probability", "known": False}),
            (SubjectType.SHORTAGE, {"all": [{"fact": "due_at", "known": False}, {"fact": "place", "known": True}]}),
        ],
    )  # fmt: skip
    def test_a_failure_of_data_may_be_asked_for(self, subject: SubjectType, when: dict[str, Any]) -> None:
        name = {SubjectType.INVOICE: "wrong_rate_table", SubjectType.SHORTAGE: "stock_not_told"}[subject]
        assert [each for each in _found(subject, name, {"when": when}) if each.where.startswith("playbooks.")] == []

    def test_amounts_that_are_proven_rest_on_no_feed(self) -> None:
        assert _found(SubjectType.INVOICE, "wrong_rate_table", {"suspends": ["review"]}) == ()


def _found(subject: SubjectType, playbook: str, edit: dict[str, Any]) -> tuple[Problem, ...]:
    """Load the bundle that ships after an edit of one of its playbooks, and return what was found."""
    data = yaml.safe_load(bundled_policy(subject).read_text(encoding="utf-8"))
    data["playbooks"][playbook] |= edit
    try:
        return parse_policy(yaml.safe_dump(data, sort_keys=False)).warnings
    except PolicyError as error:
        return error.problems
