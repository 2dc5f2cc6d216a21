from __future__ import annotations

from datetime import UTC, datetime

import pytest

from routing.facts import Declaration, FactType
from routing.wording import Sentence, money, read_sentence

DECLARATIONS = {
    name: Declaration(name=name, type=fact_type, currency="currency", shown_to_customer=name == "promised_at")
    for name, fact_type in {
        "late_probability": FactType.PROBABILITY,
        "hours_left": FactType.HOURS,
        "value_minor": FactType.MONEY_MINOR,
        "pieces": FactType.NUMBER,
        "departed": FactType.FLAG,
        "promised_at": FactType.INSTANT,
        "carrier_id": FactType.TEXT,
        "carriers": FactType.LIST,
    }.items()
}
KNOWN = {
    "late_probability": 0.617,
    "hours_left": 5.25,
    "value_minor": 123450,
    "currency": "EUR",
    "pieces": 1200,
    "departed": True,
    "promised_at": datetime(2026, 3, 1, 12, tzinfo=UTC),
    "carrier_id": "NWX",
}


def filled(template: str, known: dict[str, object] = KNOWN) -> str:
    sentence = read_sentence(template, DECLARATIONS, customer=False)
    assert isinstance(sentence, Sentence)
    return sentence.fill(known)


class TestMoney:
    @pytest.mark.parametrize(
        ("amount_minor", "currency", "text"),
        [
            (123450, "EUR", "1,234.50 EUR"),
            (-5, "USD", "-0.05 USD"),
            (1200, "JPY", "1,200 JPY"),
            (1200, "KWD", "1.200 KWD"),
        ],
    )
    def test_follows_the_digits_of_the_currency(self, amount_minor: int, currency: str, text: str) -> None:
        assert money(amount_minor, currency) == text


class TestFill:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("late_probability", "62 %"),
            ("hours_left", "5.2 hours"),
            ("value_minor", "1,234.50 EUR"),
            ("pieces", "1,200"),
            ("departed", "yes"),
            ("promised_at", "2026-03-01 12:00:00 UTC"),
            ("carrier_id", "NWX"),
        ],
    )
    def test_shows_each_type_as_people_read_it(self, name: str, text: str) -> None:
        assert filled(f"<{{{name}}}>") == f"<{text}>"

    def test_says_unknown_for_what_is_not_known(self) -> None:
        assert filled("Carrier {carrier_id}, gone: {departed}.", {"departed": False}) == "Carrier unknown, gone: no."

    def test_keeps_doubled_braces(self) -> None:
        assert filled("{{{pieces}}}") == "{1,200}"


class TestReadSentence:
    @pytest.mark.parametrize(
        ("template", "message"),
        [
            ("{carier_id}", "is not a declared fact. Did you mean 'carrier_id'?"),
            ("{carriers}", "is a list"),
            ("{pieces:>5}", "carries a format"),
            ("{pieces!r}", "carries a format"),
            ("{pieces", "cannot be read"),
        ],
    )
    def test_says_what_is_wrong(self, template: str, message: str) -> None:
        mistakes = read_sentence(template, DECLARATIONS, customer=False)
        assert isinstance(mistakes, list)
        assert message in mistakes[0]

    def test_shows_a_customer_only_what_is_declared_for_customers(self) -> None:
        mistakes = read_sentence("{promised_at} {late_probability}", DECLARATIONS, customer=True)
        assert isinstance(mistakes, list)
        assert len(mistakes) == 1
        assert "'{late_probability}' is not for customers" in mistakes[0]

    def test_finds_every_mistake_at_once(self) -> None:
        mistakes = read_sentence("{a} {b} {carriers}", DECLARATIONS, customer=False)
        assert isinstance(mistakes, list)
        assert len(mistakes) == 3

    def test_does_not_blame_the_use_of_a_broken_fact(self) -> None:
        sentence = read_sentence("{a}", DECLARATIONS, customer=False, broken={"a"})
        assert isinstance(sentence, Sentence)
        assert sentence.facts == ()
