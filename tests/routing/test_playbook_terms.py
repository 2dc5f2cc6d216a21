"""Playbooks that could never be declared, never end or reach nobody are found when the bundle is loaded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import yaml

from routing.errors import Problem
from routing.loader import lint_policy

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
