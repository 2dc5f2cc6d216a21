"""Re-rating: what a shipment should cost under its contract, charge by charge.

Each charge carries the clause it follows from and the events that show it. Amounts are whole minor units and exact:
decimals are taken as they are written, and each charge is rounded once, halves up. What cannot be determined is said
with its reason. The rules, and why, are in docs/decisions/0012-re-rating-by-components.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from fractions import Fraction
from math import ceil

from features.amounts import exact, half_up, money
from features.as_known import counts_from, standing
from features.charges import Charge, Clause, Doubt, Expected, NotOwed, Reason
from features.contracts import Contracts
from features.evidence import Shown, shown
from features.invoice_records import Accessorial, FuelIndex
from features.invoice_vocabulary import ChargeKind, Proof, RateBasis
from features.line_haul import Haul, NoHaul, line_haul, quantity
from features.records import DeliveryEvent, Shipment


def rate_shipment(
    shipment: Shipment | None, events: Iterable[DeliveryEvent], contracts: Contracts, cutoff: datetime
) -> Expected:
    """Compute what a shipment should cost, from what was known at the cutoff and from nothing else.

    Parameters
    ----------
    shipment
        The plan in force at the cutoff; None where there is none.
    events
        The delivery events of the shipment; those not yet known change nothing.

    Returns
    -------
    Expected
        Under the contract of the day of the planned departure, for the fuel week as well.
    """
    if shipment is None or counts_from(shipment) > cutoff:
        return _undetermined(Reason.NO_SHIPMENT, "no plan of the shipment is known")
    at = shipment.planned_departure_at
    if at is None:
        return _undetermined(Reason.NO_DATE, f"shipment {shipment.shipment_id} has no planned departure")
    haul = line_haul(shipment, contracts.rates(shipment, at, cutoff))
    bill = _Bill(shipment, haul)
    agreed, disputed = _undisputed(contracts.accessorials(shipment.carrier_id, at, cutoff))
    stand = standing(events, cutoff)
    discounts = [terms for terms in agreed if terms.charge is ChargeKind.DISCOUNT]
    for terms in sorted(discounts, key=_is_refund):
        bill.take_off(terms, shown(terms, shipment, stand) if _is_refund(terms) else Shown(1, ""))
    week = bill.add_fuel(contracts, at, cutoff)
    for terms in agreed:
        if terms.charge not in (ChargeKind.DISCOUNT, ChargeKind.TAX):
            bill.add(terms, shown(terms, shipment, stand))
    bill.doubts += disputed
    for terms in agreed:
        if terms.charge is ChargeKind.TAX:
            bill.tax(terms)
    found = haul if isinstance(haul, Haul) else None
    return Expected(
        currency=bill.currency,
        charges=tuple(bill.charges),
        doubts=tuple(bill.doubts),
        not_owed=tuple(bill.not_owed),
        rate=found.rate if found else None,
        billed_kg=found.billed_kg if found and shipment.weight_kg is not None else None,
        fuel_week=week,
    )


def _undetermined(reason: Reason, words: str) -> Expected:
    return Expected(None, (), tuple(Doubt(kind, None, reason, words) for kind in ChargeKind))


def _undisputed(terms: Sequence[Accessorial]) -> tuple[list[Accessorial], list[Doubt]]:
    """Part what is agreed once from what is agreed several times and differently."""
    agreed: dict[str, Accessorial] = {}
    disputed: dict[str, Doubt] = {}
    for one in terms:
        first = agreed.setdefault(one.charge_code, one)
        if _says(first) != _says(one):
            words = f"the terms {first.accessorial_id} and {one.accessorial_id} hold at once and differ"
            disputed[one.charge_code] = Doubt(one.charge, one.charge_code, Reason.SEVERAL_TERMS, words)
    return [one for code, one in agreed.items() if code not in disputed], list(disputed.values())


def _is_refund(terms: Accessorial) -> bool:
    return terms.proof is Proof.LATE_DELIVERY


def _says(terms: Accessorial) -> dict[str, object]:
    return terms.model_dump(exclude={"accessorial_id", "occurred_at", "known_at", "valid_from", "valid_until"})


class _Bill:
    """The charges as they come together: the line haul first, then what is a share of it."""

    def __init__(self, shipment: Shipment, haul: Haul | NoHaul) -> None:
        self.shipment = shipment
        self.charges: list[Charge] = []
        self.doubts: list[Doubt] = []
        self.not_owed: list[NotOwed] = []
        self.currency: str | None = None
        self._haul: Haul | None = None
        self._off = Fraction(0)
        self._refunded = Fraction(0)
        if isinstance(haul, NoHaul):
            self.doubts.append(Doubt(ChargeKind.LINE_HAUL, None, haul.reason, haul.words))
            self.doubts.append(Doubt(ChargeKind.FUEL, None, Reason.NO_BASE, "the rate says whether there is one"))
        else:
            self.currency, self._haul = haul.rate.currency, haul
            self.charges.append(Charge(ChargeKind.LINE_HAUL, None, haul.amount_minor, _of_rate(haul)))

    def take_off(self, terms: Accessorial, found: Shown) -> None:
        """Add a discount. Together with those before it, it goes no deeper than the minimum of the line haul.

        For a broken guarantee it is a refund: that comes last, is a share of what is left, and goes as deep as it says.
        """
        clause = _of_terms(terms)
        if found.times == 0:
            self.not_owed.append(NotOwed(terms.charge, terms.charge_code, clause, found.words))
            return
        amount = self._amount(terms, found)
        if isinstance(amount, Reason) or self._haul is None:
            reason = amount if isinstance(amount, Reason) else Reason.NO_BASE
            self.doubts.append(Doubt(terms.charge, terms.charge_code, reason, clause.words))
            return
        before = self._net_minor(self._haul)
        if _is_refund(terms):
            self._refunded += amount
        else:
            self._off += amount
        off = self._net_minor(self._haul) - before
        self.charges.append(Charge(terms.charge, terms.charge_code, off, clause, found.event_ids))

    def add_fuel(self, contracts: Contracts, at: datetime, cutoff: datetime) -> FuelIndex | None:
        """Add the surcharge of the day's fuel week on the line haul, discounts taken off."""
        if self._haul is None or self._haul.rate.fuel_index_id is None:
            return None
        index = self._haul.rate.fuel_index_id
        weeks = contracts.fuel_weeks(index, at, cutoff)
        shares = {week.surcharge_pct for week in weeks}
        if len(shares) > 1:
            self._doubt_fuel(index, Reason.SEVERAL_FUEL_WEEKS, f"{len(weeks)} weeks hold on {at:%Y-%m-%d} and differ")
            return None
        if shares <= {None}:
            self._doubt_fuel(index, Reason.NO_FUEL_WEEK, f"no surcharge is known for {at:%Y-%m-%d}")
            return None
        week = weeks[0]
        if any(doubt.kind is ChargeKind.DISCOUNT for doubt in self.doubts):
            self._doubt_fuel(index, Reason.NO_BASE, "a discount is not determined")
            return week
        amount = half_up(self._net_minor(self._haul) * exact(week.surcharge_pct or 0) / 100)
        words = f"{week.surcharge_pct:g} % of the line haul in the week from {week.valid_from:%Y-%m-%d}"
        self.charges.append(Charge(ChargeKind.FUEL, index, amount, Clause(index, week.valid_from, words)))
        return week

    def add(self, terms: Accessorial, found: Shown) -> None:
        """Add a charge beside the freight, if what shows it is there."""
        clause = _of_terms(terms)
        if found.times is None:
            self.doubts.append(Doubt(terms.charge, terms.charge_code, Reason.OPEN_STAY, found.words))
        elif found.times == 0:
            self.not_owed.append(NotOwed(terms.charge, terms.charge_code, clause, found.words))
        else:
            amount = self._amount(terms, found)
            if isinstance(amount, Reason):
                self.doubts.append(Doubt(terms.charge, terms.charge_code, amount, clause.words))
            else:
                self.charges.append(
                    Charge(terms.charge, terms.charge_code, _bounded(half_up(amount), terms), clause, found.event_ids)
                )

    def tax(self, terms: Accessorial) -> None:
        """Add a tax on all the other charges."""
        clause = _of_terms(terms)
        if self.doubts or terms.percent is None:
            reason = Reason.NO_BASE if self.doubts else Reason.NO_QUANTITY
            self.doubts.append(Doubt(terms.charge, terms.charge_code, reason, clause.words))
            return
        base = sum(charge.amount_minor for charge in self.charges if charge.kind is not ChargeKind.TAX)
        amount = half_up(base * exact(terms.percent) / 100)
        self.charges.append(Charge(terms.charge, terms.charge_code, _bounded(amount, terms), clause))

    def _net_minor(self, haul: Haul) -> int:
        """Return the line haul less the discounts so far, at least its minimum."""
        discounted = max(half_up(haul.exact_minor - self._off), haul.rate.minimum_minor or 0)
        return max(half_up(discounted - self._refunded), 0)

    def _amount(self, terms: Accessorial, found: Shown) -> Fraction | Reason:
        if terms.basis is RateBasis.PERCENT:
            if self._haul is None or any(doubt.kind is ChargeKind.DISCOUNT for doubt in self.doubts):
                return Reason.NO_BASE
            if terms.percent is None:
                return Reason.NO_QUANTITY
            is_share_of_gross = terms.charge is ChargeKind.DISCOUNT and not _is_refund(terms)
            base = self._haul.exact_minor if is_share_of_gross else Fraction(self._net_minor(self._haul))
            return base * exact(terms.percent) / 100
        units = _units(terms, self.shipment, found)
        if units is None or terms.rate_minor is None:
            return Reason.NO_QUANTITY
        if self.currency is None:
            self.currency = terms.currency
        if terms.currency != self.currency:
            return Reason.OTHER_CURRENCY
        return terms.rate_minor * units

    def _doubt_fuel(self, index: str, reason: Reason, words: str) -> None:
        self.doubts.append(Doubt(ChargeKind.FUEL, index, reason, words))


def _units(terms: Accessorial, shipment: Shipment, found: Shown) -> Fraction | None:
    """Return how many times the rate is charged: waiting by begun units, what happened several times each time."""
    per = exact(terms.rate_per)
    if terms.basis in (RateBasis.HOUR, RateBasis.DAY):
        minutes = 60 if terms.basis is RateBasis.HOUR else 1440
        return Fraction(ceil(Fraction(found.minutes, minutes) / per)) if terms.proof is Proof.WAITING else None
    units = quantity(terms.basis, shipment, shipment.weight_kg)
    return None if units is None else units * (found.times or 0) / per


def _bounded(amount: int, terms: Accessorial) -> int:
    at_least = amount if terms.minimum_minor is None else max(amount, terms.minimum_minor)
    return at_least if terms.maximum_minor is None else min(at_least, terms.maximum_minor)


def _of_rate(haul: Haul) -> Clause:
    rate = haul.rate
    words = f"{money(rate.rate_minor, rate.currency)} for {rate.rate_per:g} {rate.basis.value}"
    if rate.weight_from_kg or rate.weight_until_kg is not None:
        words += f" from {rate.weight_from_kg:g} kg, charged for {haul.billed_kg:g} kg"
    if rate.minimum_minor:
        words += f", at least {money(rate.minimum_minor, rate.currency)}"
    return Clause(rate.rate_id, rate.valid_from, words)


def _of_terms(terms: Accessorial) -> Clause:
    if terms.basis is RateBasis.PERCENT:
        words = f"{terms.percent or 0:g} % of {'all charges' if terms.charge is ChargeKind.TAX else 'the line haul'}"
    else:
        words = f"{money(terms.rate_minor or 0, terms.currency)} for {terms.rate_per:g} {terms.basis.value}"
    if terms.free_minutes:
        words += f", {terms.free_minutes} minutes free at each stop"
    if terms.needs_authorisation:
        words += ", if asked for beforehand"
    return Clause(terms.accessorial_id, terms.valid_from, words)
