"""The recorded rate card becomes carrier rates by a mapping file alone, and its orders are re-rated under it."""

from __future__ import annotations

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd
import pytest

from features.charges import Expected
from features.contracts import Contracts
from features.ingest.importer import Prepared, prepare
from features.rating import rate_shipment
from features.records import Shipment
from features.tables import shipments_of
from tests.features.ingest.recorded import mapping_of, needs, source_of

pytestmark = needs("brunel")
Rated = dict[str, tuple[Shipment, Expected]]


@pytest.fixture(scope="module")
def brunel() -> Prepared:
    return prepare(mapping_of("brunel"), source_of("brunel"))


@pytest.fixture(scope="module")
def rated(brunel: Prepared) -> Rated:
    contracts = Contracts.of_tables(brunel.kept)
    return {
        one.shipment_id: (one, rate_shipment(one, (), contracts, one.known_at)) for one in shipments_of(brunel.kept)
    }


@pytest.fixture(scope="module")
def card() -> pd.DataFrame:
    """The file itself, in decimals, read without our code."""
    file = pd.read_csv(source_of("brunel") / "FreightRates.csv", dtype=str)
    bare = file.rename(columns={"minimum cost": "least", "minm_wgh_qty": "low", "max_wgh_qty": "high"})
    for column in ("low", "high", "least", "rate"):
        bare[column] = [Decimal(text.strip().lstrip("$").replace(",", "")) for text in bare[column]]
    return bare


class TestRateCard:
    def test_every_row_is_there_to_the_cent(self, brunel: Prepared, card: pd.DataFrame) -> None:
        rates = brunel.kept.carrier_rates
        assert brunel.rejects == []
        assert len(rates) == len(card) == 1_540
        for ours, theirs in (("rate_minor", "rate"), ("minimum_minor", "least")):
            assert rates[ours].tolist() == [int(100 * amount) for amount in card[theirs]]
        for ours, theirs in (("weight_from_kg", "low"), ("weight_until_kg", "high")):
            assert rates[ours].tolist() == [float(weight) for weight in card[theirs]]
        assert Counter(rates["basis"]) == {"kg": 1_511, "shipment": 29}

    def test_every_order_is_a_shipment_of_that_day(self, brunel: Prepared) -> None:
        assert len(brunel.kept.shipments) == len(brunel.kept.orders) == 9_215
        assert brunel.kept.shipments["occurred_at"].nunique() == 1
        assert Counter(brunel.kept.shipments["mode"]) == {"air": 8_327, "road_ftl": 34, "other": 854}


class TestReRating:
    def test_as_many_orders_match_as_the_card_allows(self, rated: Rated) -> None:
        found = Counter(
            expected.doubts[0].reason.value if expected.doubts else "determined" for _, expected in rated.values()
        )
        assert found == {"determined": 6_273, "several_contracts": 2_088, "no_contract": 854}

    def test_each_amount_is_the_one_that_a_loop_over_the_file_finds(self, rated: Rated, card: pd.DataFrame) -> None:
        """The least over all weights that may be declared, where all rows of that weight agree."""
        orders = pd.read_csv(source_of("brunel") / "OrderList.csv", dtype=str)
        by_key = card.groupby(["Carrier", "orig_port_cd", "svc_cd"])
        cards = {key: list(rows.itertuples()) for key, rows in by_key}
        for order in orders.itertuples():
            rows = cards.get((order.Carrier, order[3], order[6]))
            _, expected = rated[f"B-{order[1]}"]
            if rows is None:
                assert order.Carrier == "V44_3"
                assert expected.total_minor is None
                continue
            assert expected.total_minor == cheapest(rows, Decimal(order.Weight)), order


def cheapest(rows: list[Any], weight: Decimal) -> int | None:
    """Return the amount in cents; None where the rows that decide it differ."""
    best: int | None = None
    weights = sorted({weight, *(row.low for row in rows if row.low > weight)})
    for declared in weights:
        amounts = {
            int((100 * max(price(row, declared), row.least)).quantize(Decimal(1), ROUND_HALF_UP))
            for row in rows
            if row.low <= declared <= row.high
        }
        if not amounts or (best is not None and min(amounts) >= best):
            continue
        if len(amounts) > 1:
            return None
        best = min(amounts)
    return best


def price(row: Any, declared: Decimal) -> Decimal:
    by_air = row.mode_dsc.strip() == "AIR"
    return Decimal(row.rate * declared if by_air else row.rate)
