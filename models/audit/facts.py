"""What a bill is judged by without any contract: facts of the load that do not rest on the carrier's word alone.

Events that only the carrier asserts (an attempt, a wait) are left out on purpose: what follows from them is to look
unusual, however well it is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from features.billing import PARTS, Bill
from features.invoice_vocabulary import ChargeKind, InvoiceKind
from features.vocabulary import AssertedBy, EventStatus

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WORDS = ("carrier", "origin", "destination", "service", "mode")
NUMBERS = ("log_weight", "log_pieces", "log_volume", "is_home", "asked_for", "hours_late")
FACTS = (*WORDS, *NUMBERS)
NAN = float("nan")
LEAST_MINOR = 1.0
LEAST_OF_A_WORD = 10


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of n bills, and what they bill.

    Attributes
    ----------
    words : text [n, len(WORDS)]
        Empty where it is not told.
    numbers : float64 [n, len(NUMBERS)]
        NaN where it is not told.
    haul_minor, beside_minor, fuel_minor, total_minor : float64 [n]
        Line haul less discounts, charges beside the freight, fuel surcharge, and all of it.
    is_comparable : bool [n]
        Whether it is a first bill that asks for something: a correction or a supplement is no measure of usual charges.
    """

    words: NDArray[np.str_]
    numbers: Floats
    haul_minor: Floats
    beside_minor: Floats
    fuel_minor: Floats
    total_minor: Floats
    is_comparable: Flags

    def number(self, name: str) -> Floats:
        """Return one column of the numbers."""
        return np.asarray(self.numbers[:, NUMBERS.index(name)])

    def matrix(self, vocabulary: Mapping[str, Sequence[str]]) -> Floats:
        """Return float64 [n, len(FACTS)], words as their place in the vocabulary, NaN for one that is not in it."""
        coded = np.full(self.words.shape, NAN)
        for column, name in enumerate(WORDS):
            place = {word: number for number, word in enumerate(vocabulary[name])}
            coded[:, column] = [place.get(word, NAN) for word in self.words[:, column]]
        return np.concatenate([coded, self.numbers], axis=1)

    def vocabulary(self, least: int = LEAST_OF_A_WORD) -> dict[str, list[str]]:
        """Return the words of each column that occur so often, in order: of a rare one nothing can be learnt."""
        found = {}
        for column, name in enumerate(WORDS):
            words, counts = np.unique(self.words[:, column], return_counts=True)
            found[name] = [str(word) for word in words[counts >= least] if word]
        return found


def facts_of(bills: Sequence[Bill]) -> Facts:
    """Return the facts of bills, each as known when it came in."""
    n = len(bills)
    return Facts(
        words=np.array([_words(bill) for bill in bills], dtype=np.str_).reshape(n, len(WORDS)),
        numbers=np.array([_numbers(bill) for bill in bills], dtype=np.float64).reshape(n, len(NUMBERS)),
        haul_minor=_sums(bills, PARTS["line_haul"]),
        beside_minor=_sums(bills, PARTS["accessorial"]),
        fuel_minor=_sums(bills, PARTS["fuel"]),
        total_minor=np.array([bill.total_minor for bill in bills], dtype=np.float64),
        is_comparable=np.array([_is_comparable(bill) for bill in bills], dtype=np.bool_),
    )


def log_of(amount: Floats) -> Floats:
    """Return logarithms of amounts, those below a minor unit as if they were one."""
    return np.asarray(np.log(np.maximum(amount, LEAST_MINOR)))


def _words(bill: Bill) -> tuple[str, ...]:
    invoice, shipment = bill.invoice, bill.shipment
    told = (invoice.origin, invoice.destination, invoice.service_id, invoice.mode)
    if shipment is not None:
        told = (shipment.origin, shipment.destination, shipment.service_id, shipment.mode)
    return (invoice.carrier_id, *(str(one) if one is not None else "" for one in told))


def _numbers(bill: Bill) -> tuple[float, ...]:
    known = bill.shipment if bill.shipment is not None else bill.invoice
    volume = bill.shipment.volume_m3 if bill.shipment is not None else None
    stops = bill.shipment.stops if bill.shipment is not None else ()
    homes = [stop.is_residence for stop in stops if stop.is_residence is not None]
    asked = sum(event.asserted_by in (AssertedBy.CUSTOMER, AssertedBy.WAREHOUSE) for event in bill.events)
    return (
        _log(known.weight_kg),
        _log(known.pieces),
        _log(volume),
        float(any(homes)) if homes else NAN,
        float(asked),
        _hours_late(bill),
    )


def _log(value: float | None) -> float:
    return float(np.log(value)) if value else NAN


def _hours_late(bill: Bill) -> float:
    promised = bill.shipment.promised_at if bill.shipment is not None else None
    delivered = next((event.occurred_at for event in bill.events if event.status is EventStatus.DELIVERED), None)
    return NAN if promised is None or delivered is None else (delivered - promised) / timedelta(hours=1)


def _sums(bills: Sequence[Bill], kinds: Sequence[ChargeKind]) -> Floats:
    return np.array(
        [sum(line.amount_minor for line in bill.lines if line.kind in kinds) if bill.lines else NAN for bill in bills],
        dtype=np.float64,
    )


def _is_comparable(bill: Bill) -> bool:
    return bill.invoice.kind is InvoiceKind.ORIGINAL and bill.total_minor > 0
