"""The page of an order line's item: what lacks, why, who could help at what price, and what it is worth."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from routing.policy import Policy
from tests.serving.house import House
from tests.serving.shortages.lines import decided, lies, one, opened, order, pick, tell
from tests.serving.web.test_invoice_page import page


@pytest.fixture
def desk(sqlite_url: str, late_shipments: Policy) -> Iterator[House]:
    with opened(sqlite_url, late_shipments) as house:
        tell(house, order("O-1"), pick("O-1"), lies(6), lies(3, place="PLGDN"), lies(9, place="ATVIE"))
        yield house


def test_the_queue_says_what_lacks_where_and_in_which_wave(desk: House) -> None:
    one(desk, "O-1")
    shown = page(desk, "/queue")
    assert '4 of 10 A at DEHAM</a> <span class="by">wave W-1</span> <span class="code">O-1/10</span>' in shown
    assert "<b>84.00 EUR</b>" in shown
    assert "<span>70 %</span>" in shown


def test_the_item_says_why_and_who_could_help_at_what_price(desk: House) -> None:
    named = [{"sku": "A", "instead": "B"}]
    tell(desk, lies(2, sku="B"))
    shown = page(desk, f"/queue/{one(desk, 'O-1', substitutes=named)['review_item_id']}")
    for said in (
        "A at DEHAM: 4 of 10 at risk for order O-1, line 10",
        "<dt>wave</dt><dd>W-1</dd>",
        "<dt>all or none</dt><dd>no</dd>",
        "<p>Too little lies there.</p> <ul><li>6 on hand, 6 free, 10 needed: 4 short.</li>",
        'A from ATVIE <span class="tag accept">covers it</span></th> <td class="number">9</td>',
        '<td class="number">9</td><td class="number">13.20</td>',
        '<tr class="out"><th scope="row">A from PLGDN </th> <td class="number">3</td>',
        'B instead <span class="soft">the customer has not said that it will do</span></th> <td class="number">2</td>',
        "Risk of being picked short",
        "the books say that it is short",
        "<dt>from</dt><dd>ATVIE, quantity 4</dd>",
        "<dt>expected loss</dt><dd>84.00 EUR</dd>",
    ):
        assert said in shown, said


def test_what_another_line_was_promised_is_not_offered(desk: House) -> None:
    tell(desk, order("O-2", quantity=2), pick("O-2"), lies(0, hours=-6))
    decided(desk, wave_id="W-1")
    shown = page(desk, f"/queue/{one(desk, 'O-2')['review_item_id']}")
    assert "A from PLGDN" in shown
    assert "A from ATVIE" not in shown


def test_a_line_of_which_nothing_is_known_says_so(desk: House) -> None:
    tell(desk, order("O-3", sku="Q"), pick("O-3", sku="Q"))
    shown = page(desk, f"/queue/{one(desk, 'O-3')['review_item_id']}")
    assert "Why it would be short cannot be told." in shown
    assert "Other places: not known" in shown
    assert "<dt>expected loss</dt><dd>not known: the quantity at risk is not known</dd>" in shown
    assert "What is at stake is not known" in shown


def test_it_is_called_an_order_line_and_no_id_stands_twice(desk: House) -> None:
    shown = page(desk, f"/queue/{one(desk, 'O-1')['review_item_id']}")
    assert '</a> order line <span class="code">O-1/10</span>' in shown
    ids = re.findall(r' id="([^"]*)"', shown)
    assert sorted(ids) == sorted(set(ids))
    assert 'aria-label="Claim order line O-1/10"' in page(desk, "/queue")
