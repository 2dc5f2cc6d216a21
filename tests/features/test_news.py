"""How the feed of a carrier is doing, against a loop over all that was sent: in bulk and online, to the last bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.board import COUNT, SINCE
from features.build import build
from features.definitions import NAMES
from features.instants import micros
from features.moments import questions_of
from features.news import FEATURES, News, prepare, values_of_one
from features.records import DeliveryEvent, Shipment
from features.settings import FeatureSettings
from features.state import State
from features.tables import RecordTables
from features.vocabulary import Classifier
from tests.drawn import drawn
from tests.features.agreed import MONDAY, event, plan

Told = Shipment | DeliveryEvent
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)
COLUMNS = [NAMES.index(feature.name) for feature in FEATURES]
SILENCE, MISSED, LAG, EARLY, REPEATED, PLACELESS = range(len(FEATURES))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def slowly(told: Sequence[Told], carrier: str, cutoff: datetime) -> list[float]:
    """Look at all that was known at the cutoff."""
    known = sorted((one for one in told if one.known_at <= cutoff), key=lambda one: one.known_at)
    plans = [one for one in known if isinstance(one, Shipment)]
    heard: list[tuple[datetime, DeliveryEvent, bool]] = []
    ids, said = set(), set()
    for one in known:
        own = [each for each in plans if each.shipment_id == one.shipment_id]
        if not isinstance(one, DeliveryEvent) or not own or (one.shipment_id, one.event_id) in ids:
            continue
        content = one.shipment_id, one.status, one.classifier, one.place, one.occurred_at, one.corrects
        is_again = content in said
        ids.add((one.shipment_id, one.event_id))
        said.add(content)
        sender = [each for each in own if each.known_at <= one.known_at][-1:] or own[:1]
        happened = one.occurred_at if one.classifier is Classifier.ACTUAL else EPOCH
        start = max(one.known_at, own[0].known_at, happened)
        if sender[0].carrier_id == carrier and start <= cutoff:
            heard.append((start, one, is_again))
    if not heard:
        return [np.nan] * len(FEATURES)
    silence = (cutoff - max(start for start, _, _ in heard)) / HOUR
    recent = [(one, is_again) for start, one, is_again in heard if cutoff < start + WEEK]
    actual = [one for one, _ in recent if one.classifier is Classifier.ACTUAL]
    lags = [(one.known_at - one.occurred_at) // timedelta(minutes=1) for one in actual]
    return [
        silence,
        silence * len(recent) / (WEEK / HOUR),
        sum(lags) / 60 / len(actual) if actual else np.nan,
        sum(one.known_at < one.occurred_at for one in actual) / len(actual) if actual else np.nan,
        sum(is_again for _, is_again in recent) / len(recent) if recent else np.nan,
        sum(one.place is None for one in actual) / len(actual) if actual else np.nan,
    ]


def in_bulk(told: Sequence[Told], carriers: Sequence[str], cutoffs: Sequence[datetime]) -> np.ndarray:
    tables = RecordTables.from_records(list(told))
    feed = News(prepare({"shipments": tables.shipments, "events": tables.events}))
    asked = np.array([micros(cutoff) for cutoff in cutoffs])
    return feed.at(np.array([f"carrier {carrier}" for carrier in carriers], dtype=object), asked, asked)


def online(state: State, carrier: str, cutoff: datetime) -> list[float]:
    facts, at = state.facts, micros(cutoff)
    started, ceased = facts.board.at(np.array(facts.news.rows(carrier, lasting=True)), at)
    return values_of_one(int(started[SINCE]), (started - ceased)[COUNT:].tolist(), at)


def hour(number: float) -> datetime:
    return MONDAY + number * HOUR


hours = st.integers(0, 12) | st.sampled_from([24 * 7, 24 * 7 + 3, 24 * 14])


@st.composite
def histories(draw: st.DrawFn) -> list[Told]:
    """Plans and events of two shipments: late, ahead, corrected, sent again with or without a number of its own."""
    told: list[Told] = []
    for shipment_id in "AB":
        planned = draw(st.lists(st.tuples(hours, st.sampled_from("XY")), max_size=3, unique_by=lambda one: one[0]))
        told += [plan(carrier_id=of, shipment_id=shipment_id, known_at=hour(known)) for known, of in planned]
        sent = draw(st.integers(0, 5))
        for number in range(sent):
            happened = hour(draw(st.integers(0, 2)))
            one = event(
                "departed", 0, f"E{number}",
                shipment_id=shipment_id, occurred_at=happened, known_at=hour(draw(hours)),
                classifier=draw(st.sampled_from(["ACT", "ACT", "EST"])), place=draw(st.sampled_from(["NLRTM", None])),
                corrects=draw(st.sampled_from([None, None, None, "E9"])),
            )  # fmt: skip
            told.append(one)
            if draw(st.booleans()):
                told.append(one.model_copy(update={"known_at": hour(draw(hours))}))
    return told


@drawn(16)
@given(histories(), st.lists(hours, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_in_bulk_and_online_it_is_a_loop_over_all_that_was_sent(
    told: list[Told], asked: list[int], random: Random
) -> None:
    cutoffs = [hour(number) for number in asked]
    state, by_now = State(), list[Told]()
    random.shuffle(told)
    for record in told:
        state.add(record)
        by_now.append(record)
        carrier, cutoff = random.choice("XY"), random.choice(cutoffs)
        np.testing.assert_array_equal(online(state, carrier, cutoff), slowly(by_now, carrier, cutoff))
    asked_of = [(carrier, cutoff) for carrier in "XY" for cutoff in cutoffs]
    expected = [slowly(told, *each) for each in asked_of]
    np.testing.assert_array_equal(in_bulk(told, *zip(*asked_of, strict=True)), expected)
    half = len(told) // 2
    state = State()
    state.add_tables(RecordTables.from_records(told[:half]))
    for record in told[half:]:
        state.add(record)
    np.testing.assert_array_equal([online(state, *each) for each in asked_of], expected)


def test_among_all_features_they_are_that_loop(world: RecordTables, records: Sequence[Told]) -> None:
    """A small generated network, with late, early and repeated events."""
    some = questions_of(world).iloc[::71].reset_index(drop=True)
    built = build(world, some, FeatureSettings()).values[:, COLUMNS]
    told = [one for one in records if isinstance(one, Shipment | DeliveryEvent)]
    carriers = world.shipments.drop_duplicates("shipment_id").set_index("shipment_id")["carrier_id"]
    expected = [slowly(told, carriers[one.shipment_id], one.cutoff_at.to_pydatetime()) for one in some.itertuples()]
    np.testing.assert_array_equal(built, expected)
    assert (np.nanmax(built, axis=0)[:PLACELESS] > 0).all()


FIRST = event("departed", 0, "E1", place="NLRTM")
PLAN = plan(carrier_id="X")


def told_of(*records: Told, carrier: str = "X", hours: float = 24) -> list[float]:
    cutoff = FIRST.known_at + hours * HOUR
    (found,) = in_bulk(records, [carrier], [cutoff])
    for order in (records, reversed(records)):
        state = State()
        for record in order:
            state.add(record)
        np.testing.assert_array_equal(online(state, carrier, cutoff), found)
    return list(found)


class TestFeatures:
    def test_nothing_is_known_of_a_carrier_that_told_nothing(self) -> None:
        assert np.isnan(told_of(PLAN)).all()
        assert np.isnan(told_of(PLAN, FIRST, carrier="Y")).all()

    def test_silence_outlasts_the_window(self) -> None:
        assert told_of(PLAN, FIRST, hours=24 * 7 - 1)[:2] == [167, 167 / 168]
        assert told_of(PLAN, FIRST, hours=24 * 7)[:2] == [168, 0]

    def test_an_event_is_news_of_who_carried_when_it_was_told(self) -> None:
        handed_over = plan(carrier_id="Y", known_at=FIRST.known_at + HOUR)
        after = event("delivered", 2, "E2")
        assert told_of(PLAN, FIRST, handed_over, after, carrier="X")[SILENCE] == 24
        assert told_of(PLAN, FIRST, handed_over, after, carrier="Y")[SILENCE] == 22

    def test_news_of_a_shipment_that_is_announced_later_is_news_from_then_on(self) -> None:
        late = plan(carrier_id="X", known_at=FIRST.known_at + 5 * HOUR)
        assert told_of(late, FIRST)[SILENCE] == 19
        assert np.isnan(told_of(late, FIRST, hours=4)).all()

    def test_a_fast_clock_shows_only_once_it_was_right(self) -> None:
        fast = FIRST.model_copy(update={"event_id": "E2", "known_at": FIRST.known_at - 2 * HOUR})
        assert np.isnan(told_of(PLAN, fast, hours=-1)).all()
        assert told_of(PLAN, fast, hours=0)[LAG : EARLY + 1] == [-2, 1]

    def test_sent_again_under_its_number_it_is_one_event_and_under_another_it_is_repeated(self) -> None:
        again = FIRST.model_copy(update={"known_at": FIRST.known_at + HOUR})
        assert told_of(PLAN, FIRST, again)[SILENCE : MISSED + 1] == [24, 24 / 168]
        assert told_of(PLAN, FIRST, again.model_copy(update={"event_id": "E2"}))[REPEATED] == 0.5

    def test_an_estimate_is_news_but_none_of_what_happened(self) -> None:
        estimate = event("estimated_delivery", 9, "E2", classifier="EST", known_at=FIRST.known_at + HOUR)
        found = told_of(PLAN, FIRST, estimate, hours=2)
        assert found == [1, 2 / 168, 0, 0, 0, 0]

    def test_when_the_newest_was_told_earlier_the_silence_is_longer(self) -> None:
        last = event("delivered", 9, "E2", known_at=FIRST.known_at + 12 * HOUR)
        state = State()
        for record in (PLAN, FIRST, last):
            state.add(record)
        cutoff = FIRST.known_at + 24 * HOUR
        assert online(state, "X", cutoff)[SILENCE] == 12
        state.add(last.model_copy(update={"known_at": FIRST.known_at + 10 * HOUR}))
        assert online(state, "X", cutoff)[SILENCE] == 14

    def test_a_place_left_out_shows(self, world: RecordTables) -> None:
        asked = questions_of(world).sort_values("cutoff_at")
        question = asked.iloc[[len(asked) // 2]]
        cutoff = question["cutoff_at"].iloc[0]
        recent = world.events["known_at"] > cutoff - 8 * WEEK / 7
        nowhere = replace(world, events=world.events.assign(place=world.events["place"].mask(recent)))
        column = COLUMNS[PLACELESS]
        was, now = (build(tables, question, FeatureSettings()).values[0, column] for tables in (world, nowhere))
        assert (was, now) == (0, 1)


@pytest.mark.parametrize("tables", [{}, {"events": [FIRST]}], ids=["nothing", "events without a plan"])
def test_tables_that_tell_nothing_are_asked_in_vain(tables: dict[str, list[Told]]) -> None:
    assert np.isnan(in_bulk(tables.get("events", []), ["X"], [FIRST.known_at])).all()
