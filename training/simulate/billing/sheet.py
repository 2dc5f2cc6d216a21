"""How a carrier makes out a bill: the line haul, and what it takes off and adds.

The amounts are computed here by the carrier's own arithmetic; `features.rating` computes them again from records.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from features.amounts import exact, half_up
from features.charges import Expected
from features.invoice_records import Accessorial, InvoiceLine
from features.invoice_vocabulary import ChargeKind, RateBasis

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One bill before it is written.

    Attributes
    ----------
    haul
        Amount of the line haul, and the arithmetic that the line states.
    discounts
        Code, percentage and amount of each, which is negative.
    fuel_pct
        None without a surcharge. `fuel_on` is what it is taken of: the line haul less discounts, if that is right.
    beside
        Lines of charges beside the freight.
    tax_pct
        By code.
    """

    haul: Row
    discounts: tuple[tuple[str, float, int], ...] = ()
    fuel_pct: float | None = None
    fuel_on: str = "net"
    fuel_off_by: int = 0
    beside: tuple[Row, ...] = ()
    tax_pct: tuple[tuple[str, float], ...] = ()

    @property
    def net(self) -> int:
        """The line haul less discounts."""
        return int(self.haul["amount_minor"]) + sum(amount for _, _, amount in self.discounts)

    def rows(self) -> list[Row]:
        """Return the lines, without their numbers."""
        rows: list[Row] = [{"kind": ChargeKind.LINE_HAUL, **self.haul}]
        rows += [
            {
                "kind": ChargeKind.DISCOUNT,
                "charge_code": code,
                "basis": RateBasis.PERCENT,
                "percent": percent,
                "amount_minor": amount,
            }
            for code, percent, amount in self.discounts
        ]
        if self.fuel_pct is not None:
            beside = sum(int(row["amount_minor"]) for row in self.beside)
            base = {"net": self.net, "gross": int(self.haul["amount_minor"]), "all": self.net + beside}[self.fuel_on]
            fuel = half_up(base * exact(self.fuel_pct) / 100) + self.fuel_off_by
            rows.append({"kind": ChargeKind.FUEL, "charge_code": "FSC", "basis": RateBasis.PERCENT,
                         "percent": self.fuel_pct, "amount_minor": fuel})  # fmt: skip
        rows += [{"kind": ChargeKind.ACCESSORIAL, **row} for row in self.beside]
        others = sum(int(row["amount_minor"]) for row in rows)
        rows += [
            {
                "kind": ChargeKind.TAX,
                "charge_code": code,
                "basis": RateBasis.PERCENT,
                "percent": percent,
                "amount_minor": half_up(others * exact(percent) / 100),
            }
            for code, percent in self.tax_pct
        ]
        return rows

    def with_haul(self, **changed: Any) -> Sheet:
        """Return the bill with another line haul, and with it the discounts in proportion."""
        haul = {**self.haul, **changed}
        before, after = int(self.haul["amount_minor"]), int(haul["amount_minor"])
        discounts = tuple(
            (code, percent, half_up(exact(amount) * after / before) if before else 0)
            for code, percent, amount in self.discounts
        )
        return replace(self, haul=haul, discounts=discounts)


def sheet_of(expected: Expected, weight_kg: float, terms: dict[str, Accessorial]) -> Sheet:
    """Return the bill for what is owed.

    Raises
    ------
    ValueError
        If something of it cannot be determined.
    """
    rate = expected.rate
    if rate is None or expected.doubts:
        raise ValueError(f"a bill cannot be made out: {expected.doubts}")
    gross = expected.amount_minor(ChargeKind.LINE_HAUL) or 0
    haul: Row = {"amount_minor": gross, "weight_kg": weight_kg}
    by_weight = rate.basis is RateBasis.KILOGRAM and gross != rate.minimum_minor
    if by_weight:
        haul |= {"quantity": expected.billed_kg, "rate_minor": rate.rate_minor, "rate_per": rate.rate_per}
        haul["basis"] = RateBasis.KILOGRAM
    else:
        haul |= {"quantity": 1.0, "rate_minor": gross, "rate_per": 1.0, "basis": RateBasis.SHIPMENT}
    beside, discounts = [], []
    for charge in expected.charges:
        agreed = terms.get(charge.code or "")
        if charge.kind is ChargeKind.DISCOUNT and agreed is not None:
            discounts.append((agreed.charge_code, agreed.percent or 0.0, charge.amount_minor))
        elif charge.kind is ChargeKind.ACCESSORIAL and agreed is not None and agreed.rate_minor:
            beside.append(row_of(agreed, charge.amount_minor // agreed.rate_minor))
    return Sheet(
        haul=haul,
        discounts=tuple(discounts),
        fuel_pct=expected.fuel_week.surcharge_pct if expected.fuel_week is not None else None,
        beside=tuple(beside),
        tax_pct=tuple((one.charge_code, one.percent or 0.0) for one in terms.values() if one.charge is ChargeKind.TAX),
    )


def row_of(agreed: Accessorial, times: int) -> Row:
    """Return the line of a charge beside the freight that is billed so many times."""
    rate = agreed.rate_minor or 0
    return {
        "charge_code": agreed.charge_code,
        "basis": agreed.basis,
        "quantity": float(times),
        "rate_minor": rate,
        "amount_minor": times * rate,
    }


def written(
    rows: list[Row], invoice_id: str, currency: str, billed_at: datetime, known_at: datetime
) -> list[InvoiceLine]:
    """Return the lines of an invoice."""
    return [
        InvoiceLine.model_validate(
            {
                "invoice_id": invoice_id,
                "line_number": number,
                "currency": currency,
                "occurred_at": billed_at,
                "known_at": known_at,
                **row,
            }
        )
        for number, row in enumerate(rows, start=1)
    ]
