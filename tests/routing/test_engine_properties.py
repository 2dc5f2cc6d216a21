"""What holds for every decision, tried on random facts, with every branch allowed to act."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import Branch
from routing.canonical import canonical_json
from routing.decision import decision_body
from routing.engine import Choice, decide
from routing.facts import Unknown
from routing.policy import Policy
from routing.replay import replay
from tests.drawn import drawn

MakePolicy = Callable[[Callable[[dict[str, Any]], None]], Policy]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUBJECT = {"type": "shipment", "id": "SHP-1", "version": "1"}
UNKNOWN = Unknown("nobody said")

SHARES = st.sampled_from([0.0, 0.05, 0.2, 0.25, 0.45, 0.5, 0.55, 0.6, 0.9, 1.0]) | st.floats(0, 1)
GOOD: dict[str, Any] = {
    "late_probability": 0.7,
    "value_minor": 2_000_000,
    "value_at_stake_minor": 20_000,
    "currency": "EUR",
    "customer_id": "C-7",
    "customer_tier": "priority",
    "carrier_id": "NWX",
    "carrier_known": True,
    "has_promise": True,
    "delivered_or_cancelled": False,
    "customer_on_hold": False,
    "departed": False,
    "pieces": 5,
    "ship_complete": False,
    "origin": "SEA",
    "destination": "ORD",
    "promised_at": NOW + timedelta(hours=30),
    "planned_departure_at": NOW + timedelta(hours=24),
    "hours_to_departure": 24.0,
    "alternate_carriers": ({"carrier_id": "ACE", "late_share": 0.1, "legs": 40},),
    "alternate_origins": ({"place": "PDX", "open_shipments": 12, "late_share": 0.1, "legs": 25},),
    "strongest_branch_taken": "none",
}
TIMES = st.integers(-30, 50).map(lambda hours: NOW + timedelta(hours=hours))
CARRIER = {"carrier_id": st.sampled_from(["ACE", "BEE", "NWX"]), "late_share": SHARES, "legs": st.just(9)}
PLACE = {"place": st.sampled_from(["GEG", "SEA"]), "open_shipments": st.integers(0, 80), "late_share": SHARES}
OTHERWISE: dict[str, st.SearchStrategy[Any]] = {
    "late_probability": SHARES,
    "value_minor": st.integers(0, 10_000_000),
    "value_at_stake_minor": st.integers(0, 60_000),
    "currency": st.just("USD"),
    "customer_tier": st.sampled_from(["standard", "critical"]),
    "carrier_known": st.just(False),
    "has_promise": st.just(False),
    "delivered_or_cancelled": st.just(True),
    "customer_on_hold": st.just(True),
    "departed": st.just(True),
    "pieces": st.integers(1, 9),
    "ship_complete": st.just(True),
    "promised_at": TIMES,
    "planned_departure_at": TIMES,
    "hours_to_departure": st.integers(-10, 48),
    "alternate_carriers": st.lists(st.fixed_dictionaries(CARRIER), max_size=3).map(tuple),
    "alternate_origins": st.lists(st.fixed_dictionaries({**PLACE, "legs": st.just(9)}), max_size=2).map(tuple),
    "strongest_branch_taken": st.sampled_from([branch.value for branch in Branch]),
}
JUNK = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.datetimes()
    | st.datetimes(timezones=st.timezones())
    | st.binary(max_size=2)
    | st.lists(st.dictionaries(st.text(max_size=2), st.integers() | st.none(), max_size=2), max_size=2)
    | st.just(UNKNOWN)
)
IRREVERSIBLE = frozenset({Branch.SPLIT, Branch.REBOOK})
quick = drawn(100)


@pytest.fixture(scope="module")
def bold(make_policy: MakePolicy) -> Policy:
    """The default bundle, where every branch may act by itself."""

    def let_act(data: dict[str, Any]) -> None:
        data["mode"] = "act_financial"
        for branch in ("split", "rebook"):
            data["branches"][branch]["mode"] = "act_financial"

    return make_policy(let_act)


@pytest.fixture(scope="module")
def silent(make_policy: MakePolicy) -> Policy:
    """The default bundle, stopped altogether."""
    return make_policy(lambda data: data.update(mode="observe"))


@st.composite
def known(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a case with every fact known: one that asks for a new carrier, but for a few facts and the risk."""
    changed = draw(st.sets(st.sampled_from(sorted(OTHERWISE)), max_size=3))
    return {**GOOD, "late_probability": draw(SHARES), **{name: draw(OTHERWISE[name]) for name in sorted(changed)}}


@st.composite
def partly_known(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a case, and the same with some of its facts unknown."""
    whole = draw(known())
    hidden = draw(st.sets(st.sampled_from(sorted(whole)), max_size=4))
    return whole, {name: UNKNOWN if name in hidden else value for name, value in whole.items()}


def body_text(policy: Policy, choice: Choice, facts: dict[str, Any]) -> str:
    return canonical_json(decision_body(policy, choice, subject=SUBJECT, facts=facts))


@given(facts=st.dictionaries(st.sampled_from(["x", "late_probability", "promised_at", "alternate_carriers"]), JUNK))
@quick
def test_any_facts_give_a_choice_that_can_be_sealed_and_replayed(bold: Policy, facts: dict[str, Any]) -> None:
    text = body_text(bold, decide(bold, facts, NOW), facts)
    assert replay(text, bold).differences == ()


@given(base=known(), name=st.sampled_from(sorted(GOOD)), junk=JUNK)
@quick
def test_one_wrong_fact_among_good_ones_raises_nothing(
    bold: Policy, base: dict[str, Any], name: str, junk: object
) -> None:
    facts = {**base, name: junk}
    assert replay(body_text(bold, decide(bold, facts, NOW), facts), bold).differences == ()


@given(case=partly_known())
@quick
def test_an_irreversible_action_is_the_same_whatever_the_unknown_facts_turn_out_to_be(
    bold: Policy, case: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    whole, partly = case
    choice = decide(bold, partly, NOW)
    if choice.branch in IRREVERSIBLE:
        informed = decide(bold, whole, NOW)
        assert (informed.branch, informed.decided_by) == (choice.branch, choice.decided_by)


@given(case=partly_known())
@quick
def test_no_action_is_carried_out_that_a_guardrail_might_have_stopped(
    bold: Policy, case: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    whole, partly = case
    if decide(bold, partly, NOW).branch not in (Branch.NONE, Branch.REVIEW):
        guarded = {rule.id for rule in bold.guardrails}
        assert decide(bold, whole, NOW).decided_by not in guarded


@given(facts=known(), shares=st.tuples(SHARES, SHARES).map(sorted))
@quick
def test_stronger_evidence_never_gives_a_weaker_recommendation(
    bold: Policy, facts: dict[str, Any], shares: list[float]
) -> None:
    weaker, stronger = (decide(bold, {**facts, "late_probability": share}, NOW) for share in shares)
    assert bold.strength[weaker.recommended_branch] <= bold.strength[stronger.recommended_branch]


@given(facts=known(), more=st.integers(0, 60_000))
@quick
def test_more_at_stake_never_gives_a_weaker_recommendation(bold: Policy, facts: dict[str, Any], more: int) -> None:
    dearer = {**facts, "value_at_stake_minor": facts["value_at_stake_minor"] + more}
    before, after = decide(bold, facts, NOW), decide(bold, dearer, NOW)
    assert bold.strength[before.recommended_branch] <= bold.strength[after.recommended_branch]


@given(case=partly_known())
@quick
def test_whatever_is_not_done_as_recommended_says_why(
    bold: Policy, case: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    choice = decide(bold, case[1], NOW)
    reasons = [choice.held_because, choice.suppressed_because]
    if choice.branch is not choice.recommended_branch:
        assert reasons.count(None) == 1
    if choice.branch is Branch.NONE and choice.recommended_branch is not Branch.NONE:
        assert choice.suppressed_because
    assert choice.reason_staff
    assert choice.reason_customer


@given(case=partly_known())
@quick
def test_in_mode_observe_nothing_ever_happens_and_the_recommendation_is_the_same(
    bold: Policy, silent: Policy, case: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    choice, watched = decide(bold, case[1], NOW), decide(silent, case[1], NOW)
    assert (watched.branch, watched.payload) == (Branch.NONE, {})
    assert watched.recommended_branch is choice.recommended_branch
