"""Tenders and claims against a loop over all that was told: in arrays, online and in bulk, equal to the last bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import claims, tenders
from features.as_known import counts_from
from features.build import build
from features.carrier_records import Claim, Tender, TenderResponse
from features.definitions import NAMES
from features.errors import RecordError
from features.fields import Record
from features.instants import micros
from features.records import Shipment, Stop
from features.settings import FeatureSettings
from features.state import State
from features.tables import RecordTables
from features.vocabulary import ClaimStatus, Mode, StopKind, TenderPurpose, TenderReply
from tests.drawn import drawn

START = datetime(2026, 3, 2, tzinfo=UTC)
SETTINGS = FeatureSettings(late_after_minutes=15)
WEEK = timedelta(days=7)
OURS = [feature.name for feature in (*tenders.FEATURES, *claims.FEATURES)]


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def a_plan(name: str, carrier: str) -> Shipment:
    stops = (Stop(place="NLRTM", kind=StopKind.PICKUP), Stop(place="DEHAM", kind=StopKind.DELIVERY))
    return Shipment(
        shipment_id=name, carrier_id=carrier, mode=Mode.ROAD_LTL, stops=stops, occurred_at=START, known_at=START
    )


def a_tender(number: str, offered: float, known: float | None = None, **changes: object) -> Tender:
    fields: dict[str, object] = {"shipment_id": "L1", "carrier_id": "RHEI", "respond_by": at(offered + 4)}
    known_at = at(offered if known is None else known)
    return Tender.model_validate(
        {"tender_id": number, "occurred_at": at(offered), "known_at": known_at} | fields | changes
    )


def an_answer(number: str, answered: float, known: float | None = None, **changes: object) -> TenderResponse:
    fields: dict[str, object] = {"shipment_id": "L1", "carrier_id": "RHEI", "reply": TenderReply.ACCEPTED}
    known_at = at(answered if known is None else known)
    return TenderResponse.model_validate(
        {"response_id": number, "occurred_at": at(answered), "known_at": known_at} | fields | changes
    )


hours = st.integers(0, 30)
carriers = st.sampled_from(["RHEI", "VELO"])
loads = st.sampled_from(["L1", "L2"])
late = st.integers(-1, 8)


@st.composite
def some_tenders(draw: st.DrawFn) -> list[Record]:
    told: list[Record] = []
    for number in range(draw(st.integers(0, 6))):
        offered = draw(hours)
        wait = draw(st.one_of(st.none(), st.integers(0, 12)))
        purpose = draw(st.sampled_from([TenderPurpose.ORIGINAL, TenderPurpose.ORIGINAL, *TenderPurpose]))
        told.append(
            a_tender(
                f"T{number}", offered, offered + draw(late), purpose=purpose, shipment_id=draw(loads),
                carrier_id=draw(carriers), respond_by=None if wait is None else at(offered + wait),
                origin=draw(st.sampled_from(["NLRTM", "NLRTM", None])),
                destination=draw(st.sampled_from(["DEHAM", "DEHAM", "BEANR"])),
            )
        )  # fmt: skip
    for number in range(draw(st.integers(0, 6))):
        answered = draw(hours)
        told.append(
            an_answer(
                f"R{number}", answered, answered + draw(late), shipment_id=draw(loads), carrier_id=draw(carriers),
                reply=draw(st.sampled_from(TenderReply)),
                tender_id=draw(st.one_of(st.none(), st.integers(0, 6).map(lambda one: f"T{one}"))),
            )
        )  # fmt: skip
    return told


@st.composite
def some_claims(draw: st.DrawFn) -> list[Record]:
    told: dict[tuple[str, datetime], Record] = {}
    for _ in range(draw(st.integers(0, 8))):
        filed, known = draw(hours), draw(hours)
        one = Claim(
            claim_id=draw(st.sampled_from("ABC")), carrier_id=draw(carriers), kind="damage",
            status=draw(st.sampled_from(ClaimStatus)), filed_at=at(filed), known_at=at(known),
            occurred_at=at(known + draw(st.sampled_from([0, 0, 0, -2, 6]))),
        )  # fmt: skip
        told.setdefault((one.claim_id, one.known_at), one)
    return list(told.values())


histories = st.tuples(some_tenders(), some_claims()).map(lambda parts: [*parts[0], *parts[1]])


@dataclass(frozen=True)
class Known:
    """What is known at a cutoff, read by its meaning."""

    records: Sequence[Record]
    cutoff: datetime

    def of(self, kind: type) -> list:
        return [
            one for one in self.records if isinstance(one, kind) and max(one.occurred_at, one.known_at) <= self.cutoff
        ]

    def offers(self, answer: TenderResponse) -> Tender | None:
        """The offer that an answer is to."""
        same = [
            one
            for one in self.of(Tender)
            if (one.shipment_id, one.carrier_id) == (answer.shipment_id, answer.carrier_id)
        ]
        same.sort(key=made)
        if answer.tender_id is not None:
            return next((one for one in same if one.tender_id == answer.tender_id), None)
        real = [one for one in same if one.purpose is not TenderPurpose.CANCELLATION]
        before = [one for one in real if one.occurred_at <= answer.occurred_at]
        return before[-1] if before else next(iter(real), None)

    def judgement(self, tender: Tender) -> tuple[datetime, bool] | None:
        """When an offer was answered or lapsed, and whether it was accepted."""
        if tender.purpose is TenderPurpose.CANCELLATION:
            return None
        answers = [one for one in self.of(TenderResponse) if self.offers(one) == tender]
        answers.sort(key=lambda one: (one.occurred_at, one.known_at, one.response_id))
        deadline = tender.respond_by
        if answers and (deadline is None or answers[0].occurred_at <= deadline):
            return answers[0].occurred_at, answers[-1].reply is not TenderReply.DECLINED
        if deadline is None or self.cutoff < deadline:
            return None
        for other in self.of(Tender):
            same = (other.shipment_id, other.carrier_id) == (tender.shipment_id, tender.carrier_id)
            replaces = same and other.purpose is not TenderPurpose.ORIGINAL and made(other) > made(tender)
            if replaces and other.occurred_at <= deadline:
                return None
        return deadline, False

    def tendered(self, carrier: str | None, window: timedelta, *, on_lane: bool = False) -> tuple[int, int, int]:
        """How many offers were judged in the window, how many accepted, and the minutes that took."""
        count = accepted = minutes = 0
        for tender in self.of(Tender):
            judgement = self.judgement(tender)
            if judgement is None or carrier not in (None, tender.carrier_id) or judgement[0] + window <= self.cutoff:
                continue
            if on_lane and (tender.origin, tender.destination) != ("NLRTM", "DEHAM"):
                continue
            count += 1
            accepted += judgement[1]
            minutes += max((judgement[0] - tender.occurred_at) // timedelta(minutes=1), 0)
        return count, accepted, minutes

    def claimed(self, carrier: str | None, window: timedelta) -> int:
        newest: dict[str, Claim] = {}
        for one in sorted((one for one in self.records if isinstance(one, Claim)), key=lambda one: one.known_at):
            if counts_from(one) <= self.cutoff:
                newest[one.claim_id] = one
        return sum(
            one.status is not ClaimStatus.WITHDRAWN
            and carrier in (None, one.carrier_id)
            and one.filed_at <= self.cutoff < one.filed_at + window
            for one in newest.values()
        )


def made(tender: Tender) -> tuple[datetime, datetime, str]:
    return tender.occurred_at, tender.known_at, tender.tender_id


def expected(known: Known, carrier: str) -> dict[str, float]:
    """The features, from their meaning; nothing was delivered in these histories."""
    found: dict[str, float] = {}
    for name, days in (("24h", 1), ("7d", 7), ("28d", 28), ("90d", 90)):
        window = timedelta(days=days)
        count, accepted, minutes = known.tendered(None, window)
        share, mean = (accepted + 10 * 0.8) / (count + 10), (minutes + 10 * 60.0) / (count + 10)
        count, accepted, minutes = known.tendered(carrier, window)
        own = (accepted + 10 * share) / (count + 10)
        found[f"all_tenders_accepted_share_{name}"] = share
        found[f"carrier_tenders_count_{name}"] = count
        found[f"carrier_tenders_accepted_share_{name}"] = own
        found[f"carrier_tenders_answer_mean_{name}"] = (minutes + 10 * mean) / (count + 10)
        count, accepted, _ = known.tendered(None, window, on_lane=True)
        found[f"lane_tenders_accepted_share_{name}"] = (accepted + 10 * share) / (count + 10)
        count, accepted, _ = known.tendered(carrier, window, on_lane=True)
        found[f"carrier_lane_tenders_count_{name}"] = count
        found[f"carrier_lane_tenders_accepted_share_{name}"] = (accepted + 10 * own) / (count + 10)
    for days in (28, 90):
        window = timedelta(days=days)
        parent = (known.claimed(None, window) + 200 * 0.005) / 200
        own = known.claimed(carrier, window)
        found[f"all_claims_rate_{days}d"] = 1000 * parent
        found[f"carrier_claims_count_{days}d"] = own
        found[f"carrier_claims_rate_{days}d"] = 1000 * (own + 200 * parent) / 200
    return found


PLANS = [a_plan("A", "RHEI"), a_plan("B", "VELO")]
QUESTIONS = pd.DataFrame(
    [(plan.shipment_id, at(hour)) for plan in PLANS for hour in (*range(0, 46, 3), 7 * 24 + 20, 28 * 24 + 20)],
    columns=["shipment_id", "cutoff_at"],
)


def built(records: Sequence[Record], questions: pd.DataFrame = QUESTIONS) -> np.ndarray:
    return build(RecordTables.from_records([*PLANS, *records]), questions, SETTINGS).values


def answers(state: State) -> np.ndarray:
    return np.array(
        [
            state.features(state.shipment(case.shipment_id), case.cutoff_at.to_pydatetime()).values
            for case in QUESTIONS.itertuples()
        ]
    )


@drawn(9)
@given(histories)
def test_equal_a_loop_over_all_that_is_known(records: list[Record]) -> None:
    values = built(records)
    carrier_of = {plan.shipment_id: plan.carrier_id for plan in PLANS}
    for row, case in enumerate(QUESTIONS.itertuples()):
        known = Known(records, case.cutoff_at.to_pydatetime())
        wanted = expected(known, carrier_of[case.shipment_id])
        assert set(wanted) == set(OURS)
        for name, value in wanted.items():
            np.testing.assert_allclose(values[row, NAMES.index(name)], value, rtol=1e-12, err_msg=f"{name} {case}")


@drawn(5)
@given(histories, st.randoms(use_true_random=False))
def test_are_answered_alike_in_any_order_and_told_twice(records: list[Record], rng: Random) -> None:
    again = [one for one in rng.sample(records, len(records) // 2) if not isinstance(one, Claim)]
    repeats = [one.model_copy(update={"known_at": one.known_at + timedelta(hours=2)}) for one in again]
    state = State(SETTINGS)
    told = [*PLANS, *records, *again, *repeats]
    rng.shuffle(told)
    for record in told:
        state.add(record)
    once = built(records)
    np.testing.assert_array_equal(answers(state), once)
    np.testing.assert_array_equal(built([*records, *repeats]), once)


@drawn(3)
@given(histories, st.integers(0, 20), st.randoms(use_true_random=False))
def test_are_answered_alike_after_some_were_loaded_in_bulk(records: list[Record], first: int, rng: Random) -> None:
    rng.shuffle(records)
    state = State(SETTINGS)
    state.add_tables(RecordTables.from_records([*PLANS, *records[:first]]))
    for record in records[first:]:
        state.add(record)
    np.testing.assert_array_equal(answers(state), built(records))
    state.add_tables(RecordTables.from_records([*PLANS, *records]))
    np.testing.assert_array_equal(answers(state), built(records))


@drawn(3)
@given(histories)
def test_what_becomes_known_after_a_cutoff_changes_nothing(records: list[Record]) -> None:
    whole = built(records)
    for cutoff in QUESTIONS["cutoff_at"].unique()[2::5]:
        chosen = (QUESTIONS["cutoff_at"] == cutoff).to_numpy()
        known = [one for one in records if one.known_at <= cutoff]
        np.testing.assert_array_equal(built(known, QUESTIONS[chosen].reset_index(drop=True)), whole[chosen])


class TestTenders:
    def counts(
        self, *records: Record, at_hours: Sequence[float], name: str = "carrier_tenders_count_7d"
    ) -> list[float]:
        questions = pd.DataFrame([("A", at(hour)) for hour in at_hours], columns=["shipment_id", "cutoff_at"])
        return list(built(records, questions)[:, NAMES.index(name)])

    def accepted(self, *records: Record, at_hours: Sequence[float]) -> list[float]:
        """How many were accepted in the last week, worked out from the shrunk share; all are this carrier's."""
        shares = self.counts(*records, at_hours=at_hours, name="all_tenders_accepted_share_7d")
        counts = self.counts(*records, at_hours=at_hours)
        return [round(share * (count + 10) - 8, 9) for share, count in zip(shares, counts, strict=True)]

    def test_silence_counts_as_no_from_the_deadline_on_and_no_record_says_so(self) -> None:
        offer = a_tender("T1", 10)
        assert self.counts(offer, at_hours=(13.9, 14, 30)) == [0, 1, 1]
        assert self.accepted(offer, at_hours=(14, 30)) == [0, 0]

    def test_an_offer_without_a_deadline_waits_for_its_answer(self) -> None:
        offer = a_tender("T1", 10, respond_by=None)
        assert self.counts(offer, at_hours=(14, 300)) == [0, 0]
        assert self.counts(offer, an_answer("R1", 40), at_hours=(39, 40)) == [0, 1]

    def test_an_answer_in_time_that_becomes_known_late_sets_it_right_from_then_on(self) -> None:
        told = a_tender("T1", 10), an_answer("R1", 12, 20)
        assert self.counts(*told, at_hours=(13, 14, 19.9, 20)) == [0, 1, 1, 1]
        assert self.accepted(*told, at_hours=(14, 19.9, 20)) == [0, 0, 1]

    def test_an_answer_after_the_deadline_changes_nothing(self) -> None:
        told = a_tender("T1", 10), an_answer("R1", 14.5)
        assert self.accepted(*told, at_hours=(14, 20)) == [0, 0]

    def test_who_accepts_and_then_declines_has_not_accepted(self) -> None:
        told = a_tender("T1", 10), an_answer("R1", 11), an_answer("R2", 20, reply="declined")
        assert self.accepted(*told, at_hours=(11, 19, 20)) == [1, 1, 0]

    def test_what_was_taken_back_in_time_was_never_refused(self) -> None:
        back = a_tender("T2", 12, purpose="cancellation", respond_by=None)
        assert self.counts(a_tender("T1", 10), back, at_hours=(14, 30)) == [0, 0]
        too_late = a_tender("T2", 15, purpose="cancellation", respond_by=None)
        assert self.counts(a_tender("T1", 10), too_late, at_hours=(14, 30)) == [1, 1]

    def test_it_leaves_the_window_by_when_it_was_answered(self) -> None:
        told = a_tender("T1", 10), an_answer("R1", 12, 20)
        assert self.counts(*told, at_hours=(12 + 168 - 0.1, 12 + 168)) == [1, 0]

    def test_another_tender_under_the_same_number_is_refused(self) -> None:
        state = State(SETTINGS)
        assert state.add(a_tender("T1", 10))
        assert not state.add(a_tender("T1", 10, 11))
        with pytest.raises(RecordError, match="Tender 'T1' of shipment 'L1' came before with other contents"):
            state.add(a_tender("T1", 10, respond_by=at(20)))
        state.add(an_answer("R1", 11))
        with pytest.raises(RecordError, match="TenderResponse 'R1'"):
            state.add(an_answer("R1", 11, reply="declined"))

    def test_a_history_knows_its_numbers(self, filled: dict[str, Record]) -> None:
        state = State(SETTINGS)
        state.add_tables(RecordTables.from_records(filled.values()))
        assert not state.add(filled["tenders"])
        assert not state.add(filled["tender_responses"])
        assert not state.add(filled["claims"])


class TestClaims:
    def test_one_that_is_to_be_withdrawn_later_counts_until_then(self) -> None:
        fields: dict[str, object] = {"claim_id": "M", "carrier_id": "RHEI", "kind": "loss", "filed_at": START}
        filed = Claim.model_validate(fields | {"occurred_at": START, "known_at": START})
        gone = filed.model_copy(update={"status": ClaimStatus.WITHDRAWN, "occurred_at": at(30), "known_at": at(6)})
        facts = claims.prepare({"claims": RecordTables.from_records([filed, gone]).claims})
        assert set(facts["until"]) == {micros(at(30))}

    def test_a_claim_told_twice_in_one_instant_is_refused(self) -> None:
        state = State(SETTINGS)
        fields: dict[str, object] = {"claim_id": "M", "carrier_id": "RHEI", "kind": "loss", "filed_at": START}
        one = Claim.model_validate(fields | {"occurred_at": START, "known_at": START})
        assert state.add(one)
        with pytest.raises(RecordError, match="Claim 'M' is told twice"):
            state.add(one.model_copy(update={"status": ClaimStatus.WITHDRAWN}))
