"""What becomes of loads offered to carriers: answered in time, or past the deadline without an answer.

Within one shipment and carrier, offers and answers are read together. An answer that names no offer is to the newest
offer made before it. An offer is *judged* when it is answered for the first time, if that is no later than its
deadline, or else at its deadline, from when on it counts as not accepted: the clock tells that, and no record. What the
carrier said last decides whether it was accepted. An offer that was changed or taken back before it was judged is left
out. An answer that was given in time and becomes known after the deadline sets things right from then on.

Each judgement is a fact with two clocks and an end, as the milestones of legs make (`features.facts`). Its values are
whether the offer was accepted, and the whole minutes until it was judged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from features.carrier_records import Tender, TenderResponse
from features.facts import Happened
from features.instants import MINUTE, micros, micros_of
from features.timeline import NEVER, Ints, starts_of
from features.vocabulary import TenderPurpose, TenderReply

MAX_ANSWER_MINUTES = 7 * 24 * 60

_GROUP = ["shipment_id", "carrier_id"]

Lane = tuple[str, str]
"""Origin and destination that a load was offered for."""


class Offer(NamedTuple):
    """One offer; the order is that in which they were made."""

    offered: int
    known: int
    tender_id: str
    purpose: str
    respond_by: int
    lane: Lane | None


class Answer(NamedTuple):
    """One answer; the order is that in which they were given."""

    answered: int
    known: int
    response_id: str
    tender_id: str | None
    accepted: bool


def offer_of(record: Tender) -> Offer:
    """Return the offer that a record tells of."""
    offered, known = micros(record.occurred_at), micros(record.known_at)
    return Offer(
        offered,
        known,
        record.tender_id,
        record.purpose.value,
        micros(record.respond_by),
        _lane(record.origin, record.destination),
    )


def answer_of(record: TenderResponse) -> Answer:
    """Return the answer that a record tells of."""
    answered, known = micros(record.occurred_at), micros(record.known_at)
    accepted = record.reply is not TenderReply.DECLINED
    return Answer(answered, known, record.response_id, record.tender_id, accepted)


def judged(offers: Collection[Offer], answers: Collection[Answer]) -> list[tuple[Lane | None, Happened]]:
    """Return the judgements of the offers of one shipment to one carrier, each as long as it was held, by lane."""
    starts = {offer: max(offer.offered, offer.known) for offer in offers}
    told = {answer: max(answer.answered, answer.known) for answer in answers}
    lapses = {max(offer.respond_by, start) for offer, start in starts.items() if offer.respond_by < NEVER}
    facts: list[tuple[Lane | None, Happened]] = []
    holding: dict[Offer, Happened] = {}
    for instant in sorted({*starts.values(), *told.values(), *lapses}):
        made = [offer for offer, start in starts.items() if start <= instant]
        heard = [answer for answer, start in told.items() if start <= instant]
        for offer in made:
            before, now = holding.pop(offer, None), _judgement(offer, made, heard, instant)
            if before is not None and now is not None and _is_same(before, now):
                holding[offer] = before
                continue
            if before is not None:
                facts.append((offer.lane, before._replace(until=instant)))
            if now is not None:
                holding[offer] = now
    return [*facts, *((offer.lane, fact) for offer, fact in holding.items())]


def _is_same(one: Happened, other: Happened) -> bool:
    return (one.occurred, one.values) == (other.occurred, other.values)


def _judgement(offer: Offer, offers: Sequence[Offer], answers: Sequence[Answer], instant: int) -> Happened | None:
    """Return what is held at the instant to have become of an offer, by the offers and answers known then."""
    if offer.purpose == TenderPurpose.CANCELLATION:
        return None
    own = sorted(answer for answer in answers if _answered(answer, offers) == offer)
    if own and own[0].answered <= offer.respond_by:
        minutes = _minutes(own[0].answered - offer.offered)
        return Happened(own[0].answered, instant, NEVER, (int(own[-1].accepted), minutes))
    later = [other.offered for other in offers if other > offer and other.purpose != TenderPurpose.ORIGINAL]
    if instant < offer.respond_by or min(later, default=NEVER) <= offer.respond_by < NEVER:
        return None
    return Happened(offer.respond_by, instant, NEVER, (0, _minutes(offer.respond_by - offer.offered)))


def _answered(answer: Answer, offers: Sequence[Offer]) -> Offer | None:
    """Return the offer that an answer is to, None where that is not known."""
    if answer.tender_id is not None:
        return next((offer for offer in offers if offer.tender_id == answer.tender_id), None)
    real = [offer for offer in offers if offer.purpose != TenderPurpose.CANCELLATION]
    before = [offer for offer in real if offer.offered <= answer.answered]
    return max(before) if before else min(real, default=None)


def _minutes(span: int) -> int:
    return min(max(span // MINUTE, 0), MAX_ANSWER_MINUTES)


def judgements_of(tenders: pd.DataFrame, responses: pd.DataFrame) -> pd.DataFrame:
    """Return the judgements of the whole tables `tenders` and `tender_responses`.

    Most offers stand alone with at most one answer; these are judged together, the others in turn.

    Returns
    -------
    DataFrame
        Columns carrier, origin and destination (None where the offer names none), and int64: occurred, known, until,
        accepted, minutes.
    """
    offers, answers = _first_known(tenders, "tender_id"), _first_known(responses, "response_id")
    both = pd.concat([offers[_GROUP], answers[_GROUP]])
    group = both.groupby(_GROUP, sort=False).ngroup().to_numpy(dtype=np.int64)
    offers, answers = offers.assign(group=group[: len(offers)]), answers.assign(group=group[len(offers) :])
    size = int(group.max(initial=-1)) + 1
    plain = np.bincount(offers["group"], minlength=size) == 1
    plain &= np.bincount(answers["group"], minlength=size) <= 1
    plain[offers.loc[offers["purpose"] != TenderPurpose.ORIGINAL.value, "group"]] = False
    is_alone, is_answer_to_one = plain[offers["group"]], plain[answers["group"]]
    alone = _judged_alone(offers[is_alone], answers[is_answer_to_one])
    return pd.concat([alone, _judged_in_turn(offers[~is_alone], answers[~is_answer_to_one])], ignore_index=True)


def _first_known(frame: pd.DataFrame, identity: str) -> pd.DataFrame:
    """Return each record once, as it became known first."""
    return frame.sort_values("known_at", kind="stable").drop_duplicates([*_GROUP, identity])


def _judged_alone(offers: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Judge offers that are alone in their group, with the one answer of the group if there is one."""
    place = pd.Index(answers["group"]).get_indexer(pd.Index(offers["group"]))
    offered, respond_by = micros_of(offers["occurred_at"]), micros_of(offers["respond_by"])
    start = starts_of(offered, micros_of(offers["known_at"]))
    answered = np.append(micros_of(answers["occurred_at"]), NEVER)[place]
    heard = np.append(micros_of(answers["known_at"]), NEVER)[place]
    declined = (answers["reply"] == TenderReply.DECLINED.value).to_numpy(dtype=np.int64)
    accepted = np.append(1 - declined, 0)[place]
    named = np.array([*answers["tender_id"], None], dtype=object)[place]
    is_to_it = pd.isna(named) | (named == offers["tender_id"].to_numpy(dtype=object))
    in_time = (place >= 0) & is_to_it & (answered <= respond_by)
    told = np.where(in_time, np.maximum(start, np.maximum(answered, heard)), NEVER)
    lapsed = np.where(respond_by < NEVER, np.maximum(start, respond_by), NEVER)
    named_by = {column: offers[of].to_numpy(dtype=object) for column, of in _NAMES.items()}

    def judgements(chosen: Ints, occurred: Ints, known: Ints, until: Ints, accepted: Ints) -> pd.DataFrame:
        minutes = np.clip((occurred[chosen] - offered[chosen]) // MINUTE, 0, MAX_ANSWER_MINUTES)
        columns = (occurred[chosen], known[chosen], until[chosen], accepted[chosen], minutes)
        names = {column: values[chosen] for column, values in named_by.items()}
        return pd.DataFrame({**names, **dict(zip(_NUMBERS, columns, strict=True))})

    never = np.full(len(offers), NEVER)
    by_answer = judgements(np.flatnonzero(in_time), answered, told, never, accepted)
    by_clock = judgements(np.flatnonzero(lapsed < told), respond_by, lapsed, told, np.zeros_like(accepted))
    return pd.concat([by_answer, by_clock], ignore_index=True)


def _judged_in_turn(offers: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    told: dict[int, tuple[list[Offer], list[Answer]]] = {group: ([], []) for group in offers["group"].tolist()}
    for group, offer in zip(offers["group"].tolist(), _offers_in(offers), strict=True):
        told[group][0].append(offer)
    for group, answer in zip(answers["group"].tolist(), _answers_in(answers), strict=True):
        if group in told:
            told[group][1].append(answer)
    carriers = dict(zip(offers["group"].tolist(), offers["carrier_id"], strict=True))
    rows = [
        (carriers[group], *(lane or (None, None)), fact.occurred, fact.known, fact.until, *fact.values)
        for group, (own, heard) in told.items()
        for lane, fact in judged(own, heard)
    ]
    return pd.DataFrame(rows, columns=[*_NAMES, *_NUMBERS]).astype(dict.fromkeys(_NUMBERS, np.int64))


def _offers_in(frame: pd.DataFrame) -> Iterator[Offer]:
    times = (micros_of(frame[column]).tolist() for column in ("occurred_at", "known_at", "respond_by"))
    offered, known, respond_by = times
    lanes = map(_lane, *(frame[column].astype(object).where(frame[column].notna(), None) for column in _NAMES_OF_LANE))
    return map(Offer, offered, known, frame["tender_id"], frame["purpose"], respond_by, lanes)


def _answers_in(frame: pd.DataFrame) -> Iterator[Answer]:
    answered, known = (micros_of(frame[column]).tolist() for column in ("occurred_at", "known_at"))
    named = [None if pd.isna(one) else one for one in frame["tender_id"]]
    accepted = (frame["reply"] != TenderReply.DECLINED.value).tolist()
    return map(Answer, answered, known, frame["response_id"], named, accepted)


def _lane(origin: str | None, destination: str | None) -> Lane | None:
    return None if origin is None or destination is None else (origin, destination)


_NAMES_OF_LANE = ("origin", "destination")
_NAMES = {"carrier": "carrier_id", **dict(zip(_NAMES_OF_LANE, _NAMES_OF_LANE, strict=True))}
_NUMBERS = ("occurred", "known", "until", "accepted", "minutes")
