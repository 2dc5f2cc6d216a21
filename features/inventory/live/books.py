"""The books, told position by position: the numbers of `features.inventory.books.Books`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from features.codes import Ints
from features.inventory.books import ON_SITE, ReadBooks
from features.inventory.live.lasting import Lasting
from features.inventory.live.names import Articles, Last, Numbers, gathered
from features.inventory.live.rising import Rising, Span, State, start_of
from features.live_timeline import LiveSpans
from features.vocabulary import Disposition

_RESERVED = ON_SITE.index(Disposition.RESERVED)
_HOLDING, _HOLDER = len(ON_SITE), len(ON_SITE) + 1
_QUANTITY, _ARTICLE = 2, 5


class LiveBooks(ReadBooks):
    """What lies there of each article, and what of it is reserved for whom.

    A state of a position is (occurred, known, quantity, expected, unit, article), quantities in thousandths.
    """

    def __init__(self, articles: Articles, holders: Numbers[str]) -> None:
        self._articles, self._holders = articles, holders
        self._positions: dict[tuple[str | None, ...], Rising] = {}
        self._told = LiveSpans()
        self._amounts: dict[int, Lasting] = {}
        self._kept: dict[tuple[int, str], list[tuple[int, int, int, int]]] = {}
        self._changed = Last()

    def add(self, identity: tuple[str, str, str | None, str, str | None], state: State) -> bool:
        """Take in a state of a position that lies there: place, sku, lot, disposition and holder.

        Returns
        -------
        bool
            False if nothing is different from what was told before.
        """
        self._changed.note(state[_ARTICLE], state[0], start_of(state))
        position = self._positions.setdefault(identity, Rising())
        gone, come = position.add(state)
        _, sku, _, disposition, holder = identity
        place = ON_SITE.index(Disposition(disposition))
        number = -1 if holder is None else self._holders.of(holder)
        for since, until, old in gone:
            self._told.remove(old[_ARTICLE], since, until)
            if old[_QUANTITY]:
                self._amounts[old[_ARTICLE]].remove(since, until, *_row(place, old[_QUANTITY], number))
        for since, until, new in come:
            self._told.add(new[_ARTICLE], since, until)
            if new[_QUANTITY]:
                amounts = self._amounts.get(new[_ARTICLE])
                if amounts is None:
                    amounts = self._amounts[new[_ARTICLE]] = Lasting(2 + len(ON_SITE))
                amounts.add(since, until, *_row(place, new[_QUANTITY], number))
        if place == _RESERVED and number >= 0:
            kept = self._kept.setdefault((number, sku), [])
            for row in _rows(gone):
                kept.remove(row)
            kept.extend(_rows(come))
        return bool(come)

    def turns(self, holder: int, sku: str) -> Iterator[int]:
        """Yield the instants at which what is reserved of a sku for a holder changes; some more than once."""
        for since, until, _, _ in self._kept.get((holder, sku), ()):
            yield since
            yield until

    def held(self, article: int, cutoff: int) -> Iterator[tuple[int, int]]:
        """Yield who has reserved some of an article, -1 for nobody named, and how much: once for each position."""
        amounts = self._amounts.get(article)
        if amounts is not None:
            rows = amounts.at(cutoff)
            yield from rows[rows[:, _HOLDING] > 0][:, (_HOLDER, _RESERVED)].tolist()

    def levels(self, articles: Ints, cutoffs: Ints) -> Ints:
        """Return what lies there of each article."""
        return gathered(2 + len(ON_SITE), self._level, articles, cutoffs)

    def reserved(self, holders: Ints, articles: Ints, instants: Ints) -> tuple[Ints, Ints]:
        """Return what of an article is reserved for a holder, and how many positions that is."""
        quantity, count = gathered(2, self._kept_for, holders, articles, instants).T
        return quantity, count

    def changed(self, articles: Ints, cutoffs: Ints) -> Ints:
        """Return when the stock of each article changed last."""
        return self._changed.at(articles, cutoffs)

    def _level(self, article: int, cutoff: int) -> Sequence[int]:
        amounts, told = self._amounts.get(article), int(self._told.at(article, cutoff))
        if amounts is None:
            return told, 0, 0, 0, 0, 0
        return told, *amounts.at(cutoff)[:, :_HOLDER].sum(axis=0).tolist()

    def _kept_for(self, holder: int, article: int, instant: int) -> tuple[int, int]:
        if holder < 0 or article < 0:
            return 0, 0
        kept = self._kept.get((holder, self._articles.names[article][1]), ())
        found = [row[3] for row in kept if row[2] == article and row[0] <= instant < row[1]]
        return sum(found), len(found)


def _row(place: int, quantity: int, holder: int) -> tuple[int, ...]:
    amounts = [0] * len(ON_SITE)
    amounts[place] = quantity
    return *amounts, int(place == _RESERVED), holder


def _rows(spans: Iterable[Span]) -> Iterator[tuple[int, int, int, int]]:
    for since, until, state in spans:
        if state[_QUANTITY]:
            yield since, until, state[_ARTICLE], state[_QUANTITY]
