"""Judges order lines that were told to the service: some by name, those of an order, of a wave, or of a place."""

from __future__ import annotations

import asyncio
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
from features.inventory.live.lines import Name
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
    UnknownPlaceError,
    UnknownWaveError,
)
from serving.shortages.judging import About, Judged, judge, urgency
from serving.shortages.ports import KnowsStock
from serving.shortages.stake import Stake, Worth, stake_of

MOST_LINES = 1000
"""Order lines that one question may be about."""
LINES_AT_ONCE = 25
"""Of a question, so many lines are judged before others are answered; each takes about a millisecond."""
NO_BUNDLE = Unknown("no bundle in force can be read, so nobody says what lateness costs")


@dataclass(frozen=True, slots=True)
class LineQuestion:
    """Which order lines are asked about: exactly one of the four; and whether reasons are wanted.

    Of a place they are those that wait to be picked there.
    """

    lines: Sequence[tuple[str, str]] = ()
    order_id: str | None = None
    wave_id: str | None = None
    place: str | None = None
    explain: bool = True


@dataclass(frozen=True, slots=True)
class OrderOf:
    """What is known of the order of a line and of its pick; None for what is not.

    `unit` is that of its quantities, `due_at` when it is to be picked.
    """

    customer_id: str | None
    ship_complete: bool | None
    unit: str | None
    due_at: datetime | None
    is_released: bool


@dataclass(frozen=True, slots=True)
class LineCase:
    """A line that was judged, with what is at stake, and the bundle by whose terms that is reckoned."""

    judged: Judged
    stake: Stake | Unknown
    order: OrderOf
    priced_by: str | None

    @property
    def expected_loss_minor(self) -> float:
        """What is expected to be lost if nothing is done; 0 where it is not known."""
        return self.stake.matter.expected_loss_minor if isinstance(self.stake, Stake) else 0.0


@dataclass(frozen=True, slots=True)
class JudgedLines:
    """Lines as of an instant, the likeliest short first, each with what is at stake; and when their wave was released.

    `released_at` is None for lines that are not asked about as a wave, and of a wave that was not released.
    """

    as_of: datetime
    released_at: datetime | None
    lines: Sequence[LineCase]


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
        UnknownLinesError, UnknownOrderError, UnknownPlaceError, UnknownWaveError
            If nobody sent them.
        TooManyLinesError
            If they are more than `MOST_LINES`.
        """
        stock, model = self._loaded()
        lines, cutoff, released = self._asked(stock, question, self.clock.now())
        cases = self._judged(stock, model, lines, cutoff, explain=question.explain)
        return JudgedLines(instant_of(cutoff), None if released == NEVER else instant_of(released), cases)

    async def answer_in_turn(self, question: LineQuestion) -> JudgedLines:
        """Answer as `answer` does, a few lines at a time: others are answered meanwhile.

        All lines are judged as of one instant. What is learnt meanwhile was not known then, and changes nothing.
        """
        stock, _ = self._loaded()
        lines, cutoff, released = self._asked(stock, question, self.clock.now())
        cases = await self._judged_in_turn(lines, cutoff, explain=question.explain)
        return JudgedLines(instant_of(cutoff), None if released == NEVER else instant_of(released), cases)

    def as_of_now(self, question: LineQuestion, now: datetime, *, besides: Sequence[Name] = ()) -> list[LineCase]:
        """Judge order lines as of now, also those of a wave that was released; the likeliest short first.

        Parameters
        ----------
        besides
            Lines that are judged too, as far as they are known.

        Raises
        ------
        As `answer`.
        """
        stock, model = self._loaded()
        lines, cutoff = self._asked_now(stock, question, now, besides)
        return self._judged(stock, model, lines, cutoff, explain=question.explain)

    async def as_of_now_in_turn(
        self, question: LineQuestion, now: datetime, *, besides: Sequence[Name] = ()
    ) -> list[LineCase]:
        """Judge as `as_of_now` does, a few lines at a time; see `answer_in_turn`."""
        lines, cutoff = self._asked_now(self._loaded()[0], question, now, besides)
        return await self._judged_in_turn(lines, cutoff, explain=question.explain)

    @property
    def is_loaded(self) -> bool:
        """Whether the service was started to judge shortages."""
        return self.state.stock is not None and self.model is not None

    def waits(self, name: Name, now: datetime) -> bool:
        """Tell whether a line still needs something and may still be picked.

        Raises
        ------
        NoShortageModelError
            If the service was not started to judge shortages.
        UnknownLinesError
            If nobody sent it.
        """
        stock, _ = self._loaded()
        lines, cutoff, _ = self._asked(stock, LineQuestion([name]), now)
        view = stock.views(lines, np.full(len(lines), cutoff, dtype=np.int64))
        return bool((view.is_known & (view.is_open > 0) & (view.needed > 0)).all())

    @property
    def stock(self) -> LiveStock:
        """All that is known of stock.

        Raises
        ------
        NoShortageModelError
            If the service was not started to judge shortages.
        """
        return self._loaded()[0]

    def _loaded(self) -> tuple[LiveStock, ShortageModel]:
        stock = self.state.stock
        if stock is None or self.model is None:
            raise NoShortageModelError
        return stock, self.model

    async def _judged_in_turn(self, lines: Ints, cutoff: int, *, explain: bool) -> list[LineCase]:
        stock, model = self._loaded()
        if len(lines) > MOST_LINES:
            raise TooManyLinesError(len(lines), MOST_LINES)
        cases: list[LineCase] = []
        for start in range(0, len(lines), LINES_AT_ONCE):
            cases += self._judged(stock, model, lines[start : start + LINES_AT_ONCE], cutoff, explain=explain)
            await asyncio.sleep(0)
        return sorted(cases, key=lambda each: urgency(each.judged))

    def _judged(
        self, stock: LiveStock, model: ShortageModel, lines: Ints, cutoff: int, *, explain: bool
    ) -> list[LineCase]:
        if len(lines) > MOST_LINES:
            raise TooManyLinesError(len(lines), MOST_LINES)
        cutoffs = np.full(len(lines), cutoff, dtype=np.int64)
        view = stock.views(lines, cutoffs)
        if not view.is_known.all():  # the wave was released before some of its lines were told
            lines, cutoffs = lines[view.is_known], cutoffs[view.is_known]
            if not len(lines):
                return []
            view = stock.views(lines, cutoffs)
        values, news = stock.values(lines, cutoffs, view), stock.news_hours(view, cutoffs)

        nodes = {article: stock.nodes(article, cutoff) for article in {*view.article.tolist()}}

        def beside(row: int) -> tuple[Sequence[Holder], Sequence[Node]]:
            return stock.holders(int(lines[row]), view, row, cutoff), nodes[int(view.article[row])]

        about = [_about(stock, line, view, row, cutoff) for row, line in enumerate(lines.tolist())]
        judged = judge(about, cutoff, values, news, beside, model, explain=explain)
        policy = self._policy()
        cases = [
            LineCase(
                one,
                _stake(stock, one, line, int(view.tier[row]), policy),
                _order_of(stock, line, view, row, cutoff),
                None if policy is None else policy.digest,
            )
            for row, (one, line) in enumerate(zip(judged, lines.tolist(), strict=True))
        ]
        return sorted(cases, key=lambda each: urgency(each.judged))

    def _asked_now(
        self, stock: LiveStock, question: LineQuestion, now: datetime, besides: Sequence[Name]
    ) -> tuple[Ints, int]:
        """Return the lines that are asked about as of now, also of a wave that was released, and as of when."""
        lines, cutoff, _ = self._asked(stock, question, now)
        if question.wave_id is not None:
            cutoff = micros(now)
            lines = _numbers(stock.of_wave(question.wave_id, cutoff))
        more = [number for name in besides if (number := stock.line(name)) is not None]
        return _numbers(dict.fromkeys([*lines.tolist(), *more])), cutoff

    def _asked(self, stock: LiveStock, question: LineQuestion, moment: datetime) -> tuple[Ints, int, int]:
        """Return the lines that are asked about, as of when, and when their wave was released."""
        now = micros(moment)
        if question.place is not None:
            waiting = stock.of_place(question.place, now)
            if waiting is None:
                raise UnknownPlaceError(question.place)
            return _numbers(waiting), now, NEVER
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


def _order_of(stock: LiveStock, line: int, view: View, row: int, cutoff: int) -> OrderOf:
    article, complete, due = (int(column[row]) for column in (view.article, view.complete, view.due))
    return OrderOf(
        customer_id=stock.customer(line, cutoff),
        ship_complete=None if complete < 0 else complete > 0,
        unit=None if article < 0 else stock.article_name(article)[2],
        due_at=None if due == NEVER else instant_of(due),
        is_released=stock.is_released(line, cutoff),
    )


def _stake(stock: LiveStock, judged: Judged, line: int, tier: int, policy: Policy | None) -> Stake | Unknown:
    evidence = judged.evidence
    if evidence is None:
        return Unknown("the quantity at risk is not known")
    if policy is None:
        return NO_BUNDLE
    worth = Worth(*stock.unit_value(line, judged.cutoff), TIERS[tier] if tier >= 0 else None)
    coverable = sum(node.free for node in evidence.nodes)
    return stake_of(evidence.quantity_at_risk, coverable, judged.score.probability, worth, policy)
