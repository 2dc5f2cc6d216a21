"""What is said of an order line, whether it stands in tables or was told to the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.instants import instant_of
from features.inventory.features import INVENTORY_NAMES
from features.state import FeatureRow
from features.vocabulary import LineMoment, ShortageCause
from models.contracts import Explanation, ShortageScore
from models.shortage import ShortageModel
from models.shortage_evidence import Around, Evidence, LineVerdict, evidences_of, verdict_of
from serving.scores.service import features_digest
from serving.shortages.schemas import EvidenceShape, LineAnswer, LineExplanationShape, LineModelShape, StockShape

Floats = NDArray[np.float64]

NO_MODEL = "no model of shortage is loaded: what is told rests on stock and demand alone"
NO_STOCK = "no stock of the article is on record at the place of the line"
NOTHING_LEFT = "the line needs nothing more: it is picked, or was cancelled"
_ON_HAND, _NEEDED = INVENTORY_NAMES.index("on_hand"), INVENTORY_NAMES.index("needed")


@dataclass(frozen=True, slots=True)
class About:
    """Which line it is: where, and in which wave; None for what is not known."""

    order_id: str
    line_id: str
    sku: str | None
    place: str | None
    wave_id: str | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A line with its score, and what speaks for a shortage; None where its stock is unknown or stale."""

    about: About
    cutoff: int
    values: Floats
    score: ShortageScore
    evidence: Evidence | None
    explanation: Explanation | None


def judge(
    lines: Sequence[About],
    cutoff: int,
    values: Floats,
    news_hours: Floats,
    around: Around,
    model: ShortageModel | None,
    *,
    explain: bool = True,
) -> list[Judged]:
    """Judge n lines as of an instant.

    Parameters
    ----------
    values : float64 [n, len(INVENTORY_FEATURES)]
    news_hours : float64 [n]
        Since the newest known change of any stock at the place of each line.
    """
    scores = [_of_what_is_left(*each) for each in zip(_scores(values, news_hours, model), values, strict=True)]
    explanations: dict[int, Explanation] = {}
    scored = [row for row, score in enumerate(scores) if score.probability is not None]
    if explain and model is not None and scored:
        found = model.explanations(values[scored], scores[scored[0]].moment)
        explanations = dict(zip(scored, found, strict=True))
    told = [row for row, score in enumerate(scores) if score.abstained_because in ((), (NO_MODEL,))]
    evidences = dict(zip(told, evidences_of(values[told], lambda place: around(told[place])), strict=True))
    return [
        Judged(about, cutoff, values[row], score, evidences.get(row), explanations.get(row))
        for row, (about, score) in enumerate(zip(lines, scores, strict=True))
    ]


def line_answer(judged: Judged, model: LineModelShape) -> LineAnswer:
    """Shape what is said of a line, and which model spoke."""
    about, evidence, explanation = judged.about, judged.evidence, judged.explanation
    return LineAnswer(
        order_id=about.order_id,
        line_id=about.line_id,
        sku=about.sku,
        place=about.place,
        wave_id=about.wave_id,
        as_of=instant_of(judged.cutoff),
        moment=judged.score.moment,
        needed=float(judged.values[_NEEDED]),
        probability=judged.score.probability,
        verdict=LineVerdict.CANNOT_DETERMINE if evidence is None else verdict_of(judged.values),
        evidence=None if evidence is None else EvidenceShape.of(evidence),
        stock=None if evidence is None else StockShape.of(judged.values),
        reasons=[] if explanation is None else [reason.words for reason in explanation.reasons],
        explanation=None if explanation is None else LineExplanationShape.of(explanation),
        abstained_because=list(judged.score.abstained_because),
        model=model,
        features_digest=features_digest(FeatureRow(judged.values, ())),
    )


def urgency(judged: Judged) -> tuple[float, bool, float, str, str]:
    """Return what lines are sorted by: the risk; without one, those come first that stock does not cover."""
    evidence, probability = judged.evidence, judged.score.probability
    covered = evidence is None or evidence.cause is ShortageCause.NOT_FOUND
    lacking = 0.0 if evidence is None else evidence.quantity_at_risk
    risk = -1.0 if probability is None else probability
    return -risk, covered, -lacking, judged.about.order_id, judged.about.line_id


def model_shape(model: ShortageModel | None) -> LineModelShape:
    """Shape which model spoke."""
    if model is None:
        return LineModelShape(name="none", version="0", fingerprints={})
    return LineModelShape(name=model.name, version=model.version, fingerprints=dict(model.fingerprints))


def _scores(values: Floats, news_hours: Floats, model: ShortageModel | None) -> list[ShortageScore]:
    if model is not None:
        moment = LineMoment.BEFORE_WAVE if LineMoment.BEFORE_WAVE in model.boosters else next(iter(model.boosters))
        return model.scores(values, news_hours, moment)
    unknown = np.isnan(values[:, _ON_HAND]).tolist()
    return [
        ShortageScore(None, LineMoment.BEFORE_WAVE, (NO_STOCK, NO_MODEL) if is_unknown else (NO_MODEL,))
        for is_unknown in unknown
    ]


def _of_what_is_left(score: ShortageScore, values: Floats) -> ShortageScore:
    """Return the score of a line; one that needs nothing cannot be short."""
    if values[_NEEDED] > 0:
        return score
    return ShortageScore(None, score.moment, (NOTHING_LEFT, *score.abstained_because))
