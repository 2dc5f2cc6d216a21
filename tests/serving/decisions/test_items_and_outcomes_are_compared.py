"""What people are asked and what was reported of calls are held against the record: an edit beside it is found."""

from __future__ import annotations

from datetime import timedelta

import pytest
from alembic import command
from sqlalchemy import text

from routing.policy import Policy
from serving.db.migrate import _config, upgrade
from serving.db.tables import OutcomeRow, ReviewItemRow
from tests.serving.decisions.auditing import problems_of
from tests.serving.effects.calls import call, delivered, items_about, reported, told
from tests.serving.house import NOW, House

_OPEN = "WHERE item_id LIKE 'rev_%' AND status = 'open'"
_ABOUT = "WHERE call_id IS NOT NULL"
_FIRST = "WHERE position = (SELECT min(position) FROM outcomes)"
_COPY = (
    "INSERT INTO outcomes (call_id, outcome, occurred_at, reported_at, reported_by, reception) SELECT call_id, 'done', "
    f"occurred_at, reported_at, 'eve', 'counted' FROM outcomes {_FIRST}"
)
_DEAR = "value_at_stake_minor = 1 + value_at_stake_minor"
EDITS: dict[str, tuple[str, ...]] = {
    f"UPDATE review_items SET title = 'x' {_OPEN}": ("review item rev_", "in its column title 'x', the audit trail 'D"),
    f"UPDATE review_items SET {_DEAR} {_OPEN}": ("review item rev_", "in its column value_at_stake_minor", "the audit"),
    f"UPDATE review_items SET currency = 'USD' {_OPEN}": ("in its column currency 'USD', the audit trail 'EUR'",),
    f"UPDATE review_items SET why = 'x' {_OPEN}": ("in its column why 'x', the audit trail 'Late risk is",),
    f"UPDATE review_items SET suggested_branch = 'rebook' {_OPEN}": (
        "in its column suggested_branch 'rebook', the audit trail 'none': edited",
        "in its column suggested_branch 'rebook', decision 3 (dec_",
    ),
    f"UPDATE review_items SET latest_useful_at = '2020-01-01 00:00:00' {_OPEN}": ("01T00:00:00Z', decision 3",),
    f"UPDATE review_items SET created_at = '2020-01-01 00:00:00' {_OPEN}": ("column created_at '2020", "decision 3"),
    f"UPDATE review_items SET subject_id = 'SH-9' {_OPEN}": ("in its column subject_id 'SH-9', decision 3",),
    f"UPDATE review_items SET status = 'superseded' {_OPEN}": ("is superseded, the audit trail says open",),
    f"UPDATE review_items SET status = 'claimed', claimed_by = 'eve' {_OPEN}": ("claimed by eve, the audit",),
    "UPDATE review_items SET claimed_by = 'eve' WHERE status = 'claimed'": ("eve, the audit trail says claimed by d",),
    f"UPDATE review_items SET note = 'x' {_OPEN}": ("holds an answer, the audit trail none: edited",),
    "UPDATE outgoing_calls SET goes_with = 'x'": ("waits for the message x, which no decision opened: edited",),
    f"UPDATE review_items SET title = 'x' {_ABOUT}": ("review item eff_", "in its column title 'x', the audit trail"),
    f"UPDATE review_items SET {_DEAR} {_ABOUT}": ("review item eff_", "in its column value_at_stake_minor"),
    "UPDATE review_items SET title = 'x' WHERE status = 'done'": ("in its column title 'x', the audit trail",),
    f"UPDATE outcomes SET outcome = 'failed' {_FIRST}": (
        "of call dec_", "in its column outcome 'failed', the audit trail 'done': edited"
    ),
    f"UPDATE outcomes SET reference = 'MSG-9' {_FIRST}": ("in its column reference 'MSG-9', the audit trail 'MSG-1'",),
    f"UPDATE outcomes SET reason = 'x' {_FIRST}": ("in its column reason 'x', the audit trail None",),
    f"UPDATE outcomes SET reported_by = 'eve' {_FIRST}": ("'eve', the audit trail 'orchestrator'",),
    f"UPDATE outcomes SET occurred_at = '2020-01-01 00:00:00' {_FIRST}": ("in its column occurred_at '2020",),
    f"UPDATE outcomes SET reported_at = '2020-01-01 00:00:00' {_FIRST}": ("in its column reported_at '2020",),
    f"UPDATE outcomes SET reception = 'contradicting' {_FIRST}": ("in its column reception 'contradicting'",),
    "UPDATE outcomes SET reception = 'counted' WHERE reception = 'repeated'": ("the audit trail 'repeated'",),
    f"DELETE FROM outcomes {_FIRST}": ("of call dec_", "(done, reported by orchestrator", "gone: deleted"),
    _COPY: ("is not in the audit trail: inserted",),
    "UPDATE outgoing_calls SET reference = 'MSG-9' WHERE reference = 'MSG-1'": (
        "has the outcome done (MSG-9), its reports come to done (MSG-1): edited",
    ),
    "UPDATE outgoing_calls SET outcome = 'done' WHERE outcome = 'contradicted'": (
        "has the outcome done, its reports come to contradicted: edited",
    ),
    "UPDATE outgoing_calls SET outcome = 'failed' WHERE outcome IS NULL": ("outcome failed, its reports come to no",),
}  # fmt: skip
"""What was changed, and what one of the problems says."""


def filled(house: House) -> None:
    """Leave a report and its repetition, two that contradict, an item about them, one that waits, and one answered."""
    first, second = told(house, "SH-1"), told(house, "SH-2")
    assert len(delivered(house)) == 2
    reported(house, first, "done", reference="MSG-1")
    later = (NOW + timedelta(seconds=30)).isoformat()
    assert reported(house, first, "done", reference="MSG-1", occurred_at=later)["reception"] == "repeated"
    reported(house, second, "failed", reason="no address")
    assert reported(house, second, "done")["reception"] == "contradicting"
    house.for_review("SH-3")
    item = house.for_review("SH-4", risk=0.8)
    house.answer(item, "accept", claim_token=house.claimed(item))
    house.claimed(house.for_review("SH-5"))
    assert len(items_about(house, second)) == 1


@pytest.mark.parametrize("url", ["sqlite_url", pytest.param("postgresql_url", marks=pytest.mark.service)])
def test_what_is_changed_beside_the_service_is_found(
    url: str, late_shipments: Policy, request: pytest.FixtureRequest
) -> None:
    with House(request.getfixturevalue(url), late_shipments) as house:
        filled(house)
        assert problems_of(house) == ()
        for statement, said in EDITS.items():
            problems = problems_of(house, statement)
            for each in said:
                assert any(each in problem for problem in problems), (statement, each, problems)


def test_a_report_whose_place_another_takes_is_missed(house: House) -> None:
    call_id = told(house)
    delivered(house)
    reported(house, call_id, "done", reference="MSG-1")
    with house.engine.begin() as connection:
        connection.execute(text("DELETE FROM outcomes"))
        connection.execute(text("UPDATE outgoing_calls SET outcome = NULL, effect = 'accepted'"))
    reported(house, call_id, "failed")
    assert [row.position for row in house.rows(OutcomeRow)] == [1]
    problems = problems_of(house)
    assert any(f"outcome 1 of call {call_id} (done, reported by orchestrator" in each for each in problems), problems


def test_what_a_person_says_of_a_call_is_noted_as_well(house: House) -> None:
    call_id = told(house)
    delivered(house)
    reported(house, call_id, "failed")
    (item,) = items_about(house, call_id)
    answer = house.answer(
        item.item_id, "settle", happened=True, claim_token=house.claimed(item.item_id), note="so they say"
    )
    assert answer.status_code == 200, answer.text
    assert (call(house, call_id)["outcome"], problems_of(house)) == ("done", ())
    edited = "UPDATE outcomes SET reason = 'x' WHERE reported_by = 'dana'"
    (problem,) = problems_of(house, edited)
    assert "outcome 2" in problem


def test_items_of_a_release_that_noted_less_are_held_against_their_decisions_alone(house: House) -> None:
    house.for_review("SH-3")
    (item,) = house.rows(ReviewItemRow)
    with house.engine.begin() as connection:
        told_then = f'{{"decision_id":"{item.decision_id}","status":"open","suggested_branch":"none"}}'
        statement = text("UPDATE audit_log SET new = :new WHERE action = 'review.opened'")
        connection.execute(statement, {"new": told_then})
    broken = problems_of(house)
    assert [each.partition(" of the ")[0] for each in broken] == ["entry 3"], "the entry that this test edits, alone"
    assert problems_of(house, f"UPDATE review_items SET title = 'x' {_OPEN}") == broken
    late = problems_of(house, f"UPDATE review_items SET latest_useful_at = NULL {_OPEN}")
    assert [each for each in late if each not in broken] == [
        f"review item {item.item_id} says in its column latest_useful_at None, decision 1 ({item.decision_id}) "
        "'2026-03-04T06:00:00Z': edited."
    ]


def test_reports_of_before_are_noted_as_they_are_found_and_only_once(house: House) -> None:
    filled(house)
    with house.engine.begin() as connection:
        connection.execute(text("DELETE FROM audit_log WHERE action = 'outcome.kept'"))
        command.downgrade(_config(connection), "0013")
    upgrade(house.engine)
    assert problems_of(house) == ()
    with house.engine.begin() as connection:
        command.downgrade(_config(connection), "0016")
    upgrade(house.engine)
    assert problems_of(house) == ()
    assert house.audited()["outcome.kept"] == house.count(OutcomeRow) == 4
    assert any("edited" in each for each in problems_of(house, f"UPDATE outcomes SET outcome = 'failed' {_FIRST}"))
