"""Orders of the network: every shipment is one of its own, of one to three lines that are picked in a warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.simulate.bookings import TIERS, Bookings
from training.simulate.frames import frame, instants
from training.simulate.journeys import Journeys
from training.simulate.network import PLACES, WAREHOUSES
from training.simulate.settings import SimulationSettings
from training.simulate.timetable import Timetable

Floats = NDArray[np.float64]

ARTICLES = 24
LINES_SHARES = (0.55, 0.30, 0.15)


@dataclass(frozen=True, slots=True)
class Line:
    """An order line: what is wanted when; times are hours since the start, NaN for what does not happen."""

    order_id: str
    line_id: str
    quantity: int
    booked: float
    released: float
    picked: float
    due: float
    cancelled: bool

    @property
    def key(self) -> str:
        """The line among all of all orders."""
        return f"{self.order_id}/{self.line_id}"


def lines_of(
    timetable: Timetable, bookings: Bookings, journeys: Journeys, released: Floats, rng: np.random.Generator
) -> dict[tuple[int, int], list[Line]]:
    """Return the lines of all orders by warehouse and article."""
    orders = len(bookings)
    wanted = 1 + rng.choice(len(LINES_SHARES), size=orders, p=LINES_SHARES)
    popularity = 1.0 / (1.0 + np.arange(ARTICLES)) ** 0.7
    popularity /= popularity.sum()
    origin = timetable.origin[bookings.departure]
    planned = timetable.planned_departure[bookings.departure]
    progress = rng.uniform(0.3, 0.9, size=orders)
    picked = released + progress * np.maximum(journeys.loaded - released, 0.2)
    found: dict[tuple[int, int], list[Line]] = {}
    for order in range(orders):
        articles = rng.choice(
            ARTICLES, size=min(int(wanted[order]), int(bookings.pieces[order])), replace=False, p=popularity
        )
        shares = np.full(len(articles), bookings.pieces[order] // len(articles))
        shares[: bookings.pieces[order] % len(articles)] += 1
        for number, (article, quantity) in enumerate(zip(articles.tolist(), shares.tolist(), strict=True)):
            line = Line(
                order_id=f"O{order + 1:06d}",
                line_id=str(10 * (number + 1)),
                quantity=int(quantity),
                booked=float(bookings.known[order]),
                released=float(released[order]),
                picked=float(picked[order]),
                due=float(planned[order]),
                cancelled=bool(bookings.cancelled[order]),
            )
            found.setdefault((int(origin[order]), article), []).append(line)
    return found


def orders_frame(settings: SimulationSettings, timetable: Timetable, bookings: Bookings) -> pd.DataFrame:
    """Return the table `orders`."""
    orders, departure = len(bookings), bookings.departure
    places = np.array([place.code for place in PLACES])
    promised = instants(settings.start, bookings.promised)
    return frame(
        "orders",
        {
            "order_id": [f"O{number:06d}" for number in range(1, orders + 1)],
            "customer_id": [f"C{customer + 1:03d}" for customer in bookings.customer.tolist()],
            "customer_tier": np.array([tier.value for tier in TIERS])[bookings.tier],
            "ordered_at": instants(settings.start, bookings.booked),
            "requested_at": instants(settings.start, bookings.requested),
            "first_confirmed_at": promised,
            "last_confirmed_at": promised,
            "ship_from": places[timetable.origin[departure]],
            "ship_to": places[timetable.destination[departure]],
            "ship_complete": bookings.ship_complete,
            "held": np.zeros(orders, dtype=bool),
            "value_minor": bookings.value_minor,
            "currency": np.full(orders, "EUR"),
            "occurred_at": instants(settings.start, bookings.booked),
            "known_at": instants(settings.start, bookings.known),
        },
    )


def order_lines_frame(
    settings: SimulationSettings, bookings: Bookings, lines: Mapping[tuple[int, int], Sequence[Line]]
) -> pd.DataFrame:
    """Return the table `order_lines`."""
    rows = pd.DataFrame(_order_line_rows(lines)).sort_values(["order_id", "line_id"], ignore_index=True)
    order = rows["order_id"].str[1:].astype(int).to_numpy() - 1
    each = bookings.value_minor // np.maximum(bookings.pieces, 1)
    return frame(
        "order_lines",
        {
            "order_id": rows["order_id"],
            "line_id": rows["line_id"],
            "sku": rows["sku"],
            "quantity": rows["quantity"],
            "unit": np.full(len(rows), "EA"),
            "unit_value_minor": each[order],
            "warehouse_id": rows["warehouse_id"],
            "currency": np.full(len(rows), "EUR"),
            "occurred_at": instants(settings.start, bookings.booked[order]),
            "known_at": instants(settings.start, bookings.known[order]),
        },
    )


def _order_line_rows(lines: Mapping[tuple[int, int], Sequence[Line]]) -> Iterator[dict[str, object]]:
    for (place, article), group in lines.items():
        for line in group:
            yield {
                "warehouse_id": WAREHOUSES[place].code,
                "order_id": line.order_id,
                "line_id": line.line_id,
                "sku": f"A{article + 1:03d}",
                "quantity": float(line.quantity),
            }
