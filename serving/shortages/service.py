"""Judges order lines that were told to the service: some by name, those of an order, or those of a wave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from features.codes import Ints
from features.instants import instant_of, micros
from features.inventory.around import Holder, Node
from features.inventory.line_states import View
from features.inventory.live.stock import LiveStock
from features.inventory.stock import TIERS
from features.timeline import NEVER
from models.shortage import ShortageModel
from routing.facts import Unknown
from routing.policy import Policy
from serving.clock import Clock
from serving.policies.bundles import Bundles
from serving.policies.errors import LifeError
from serving.shortages.errors import (
    NoShortageModelError,
    TooManyLinesError,
    UnknownLinesError,
    UnknownOrderError,
    UnknownWaveError,
)
from serving.shortages.judging import About, Judged, judge, urgency
from serving.shortages.ports import KnowsStock
from serving.shortages.stake import Stake, Worth, stake_of

MOST_LINES = 1000
"""Order lines that are judged at once: nobody else is answered meanwhile."""
NO_BUNDLE = Unknown("no bundle in force can be read, so nobody says what lateness costs")


@dataclass(frozen=True, slots=True)
class LineQuestion:
    """Which order lines are asked about: exactly one of the three; and whether reasons are wanted."""

    lines: Sequence[tuple[str, str]] = ()
    order_id: str | None = None
    wave_id: str | None = None
    explain: bool = True


@dataclass(frozen=True, slots=True)
class JudgedLines:
    """Lines as of an instant, the likeliest short first, each with what is at stake; and when their wave was released.

    `released_at` is None for lines that are not asked about as a wave, and of a wave that was not released.
    """

    as_of: datetime
    released_at: datetime | None
    lines: Sequence[tuple[Judged, Stake | Unknown]]


@dataclass(frozen=True, slots=True)
class ShortageService:
    """Judges order lines with the model that is loaded."""

    clock: Clock
    reads: sessionmaker[Session]
    state: KnowsStock
    model: ShortageModel | None
    bundles: Bundles

    def answer(self, question: LineQuestion) -> JudgedLines:
        """Judge order lines as of now, those of a wave that was released as of just before; nothing is recorded.

        Raises
        ------
        NoShortageModelError
            If the service was not started to judge shortages.
        UnknownLinesError, UnknownOrderError, UnknownWaveError
            If nobody sent them.
        TooManyLinesError
            If they are more than `MOST_LINES`.
        """
        stock = self.state.stock
        if stock is None or self.model is None:
            raise NoShortageModelError
        lines, cutoff, released = self._asked(stock, question)
        if len(lines) > MOST_LINES:
            raise TooManyLinesError(len(lines), MOST_LINES)
        cutoffs = np.full(len(lines), cutoff, dtype=np.int64)
        view = stock.views(lines, cutoffs)
        if not view.is_known.all():  # the wave was released before some of its lines were told
            lines, cutoffs = lines[view.is_known], cutoffs[view.is_known]
            view = stock.views(lines, cutoffs)
        values, news = stock.values(lines, cutoffs, view), stock.news_hours(view, cutoffs)

        nodes = {article: stock.nodes(article, cutoff) for article in {*view.article.tolist()}}

        def beside(row: int) -> tuple[Sequence[Holder], Sequence[Node]]:
            return stock.holders(int(lines[row]), view, row, cutoff), nodes[int(view.article[row])]

        about = [_about(stock, line, view, row, cutoff) for row, line in enumerate(lines.tolist())]
        judged = judge(about, cutoff, values, news, beside, self.model, explain=question.explain)
        policy = self._policy()
        stakes = [_stake(stock, *each, policy) for each in zip(judged, lines.tolist(), view.tier.tolist(), strict=True)]
        found = sorted(zip(judged, stakes, strict=True), key=lambda each: urgency(each[0]))
        return JudgedLines(instant_of(cutoff), None if released == NEVER else instant_of(released), found)

    def _asked(self, stock: LiveStock, question: LineQuestion) -> tuple[Ints, int, int]:
        """Return the lines that are asked about, as of when, and when their wave was released."""
        now = micros(self.clock.now())
        if question.wave_id is not None:
            released = stock.released_at(question.wave_id)
            if released is None:
                raise UnknownWaveError(question.wave_id)
            cutoff = min(now, released - 1)
            return _numbers(stock.of_wave(question.wave_id, cutoff)), cutoff, released
        if question.order_id is not None:
            of_order = stock.of_order(question.order_id)
            if not of_order:
                raise UnknownOrderError(question.order_id)
            return _numbers(of_order), now, NEVER
        names = list(dict.fromkeys(question.lines))
        numbers = [stock.line(name) for name in names]
        found = [number for number in numbers if number is not None]
        if len(found) < len(names):
            raise UnknownLinesError([name for name, number in zip(names, numbers, strict=True) if number is None])
        return _numbers(found), now, NEVER

    def _policy(self) -> Policy | None:
        try:
            with self.reads() as session:
                return self.bundles.live(session)
        except (SQLAlchemyError, LifeError):
            return None


def _numbers(lines: Iterable[int]) -> Ints:
    return np.array([*lines], dtype=np.int64)


def _about(stock: LiveStock, line: int, view: View, row: int, cutoff: int) -> About:
    place, wave = stock.place_name(int(view.place[row])), stock.wave_name(int(view.wave[row]))
    return About(*stock.lines.lines[line].name, stock.sku(line, cutoff), place, wave)


def _stake(stock: LiveStock, judged: Judged, line: int, tier: int, policy: Policy | None) -> Stake | Unknown:
    evidence = judged.evidence
    if evidence is None:
        return Unknown("the quantity at risk is not known")
    if policy is None:
        return NO_BUNDLE
    worth = Worth(*stock.unit_value(line, judged.cutoff), TIERS[tier] if tier >= 0 else None)
    coverable = sum(node.free for node in evidence.nodes)
    return stake_of(evidence.quantity_at_risk, coverable, judged.score.probability, worth, policy)
