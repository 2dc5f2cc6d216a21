from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from routing.policy import Policy

FoundAfter = Callable[..., list[tuple[str, str, str]]]
MakePolicy = Callable[[Callable[[dict[str, Any]], None]], Policy]


class TestReadDeclarations:
    @pytest.mark.parametrize(
        ("old", "new", "line", "where", "message"),
        [
            pytest.param(
                "  departed:\n",
                "  has-left:\n",
                "has-left:",
                "facts.has-left",
                "'has-left' is no name for a fact. Use letters, digits and underscores.",
                id="name that is none",
            ),
            pytest.param(
                "    type: number\n    unit: pieces\n",
                "    type: number\n",
                "pieces:",
                "facts.pieces",
                "`pieces` is a number without a unit. Add `unit:`, e.g. pieces.",
                id="number without a unit",
            ),
            pytest.param(
                "    type: hours\n",
                "    type: hours\n    unit: minutes\n",
                "unit: minutes",
                "facts.hours_to_departure.unit",
                "found 'minutes' for `hours_to_departure`, which is of type hours. Its unit is always hours; leave it"
                " out.",
                id="unit against the type",
            ),
            pytest.param(
                "  origin:\n    type: text\n",
                "  origin:\n    type: text\n    unit: places\n",
                "unit: places",
                "facts.origin.unit",
                "found 'places' for `origin`, which is of type text. It has no unit; leave it out.",
                id="unit of text",
            ),
            pytest.param(
                "  origin:\n    type: text\n",
                "  origin:\n    type: text\n    values: [SEA]\n",
                "values: [SEA]",
                "facts.origin.values",
                "`origin` is of type text, which has no values. Declare an enumeration.",
                id="values of text",
            ),
            pytest.param(
                "    values: [standard, priority, critical]\n",
                "    values: [standard, priority, critical, standard]\n",
                "values: [standard, priority, critical, standard]",
                "facts.customer_tier.values",
                "standard is listed twice. Keep one.",
                id="value listed twice",
            ),
            pytest.param(
                "  origin:\n    type: text\n",
                "  origin:\n    type: text\n    columns: {place: {type: text, meaning: where}}\n",
                "columns: {place: {type: text, meaning: where}}",
                "facts.origin.columns",
                "`origin` is of type text, which has no columns. Declare a list.",
                id="columns of text",
            ),
            pytest.param(
                "      carrier_id: {type: text, meaning: who}\n",
                "      carrier_id: {type: text, meaning: who}\n      price: {type: money_minor, meaning: asked}\n",
                "price: {type: money_minor, meaning: asked}",
                "facts.alternate_carriers.columns.price",
                "a column cannot be of type money_minor. Use a plain type; amounts go into facts.",
                id="amount in a column",
            ),
            pytest.param(
                "      carrier_id: {type: text, meaning: who}\n",
                "      carrier_id: {type: text, meaning: who}\n      $rank: {type: text, meaning: rank}\n",
                "$rank: {type: text, meaning: rank}",
                "facts.alternate_carriers.columns.$rank",
                "'$rank' is no name for a column. Use letters, digits and underscores.",
                id="column named like a threshold",
            ),
            pytest.param(
                "      late_share: {type: probability, meaning: share",
                "      late_share: {type: probability, unit: percent, meaning: share",
                "late_share: {type: probability, unit: percent, meaning: share of its legs that were late in the last"
                " 28 days}",
                "facts.alternate_carriers.columns.late_share.unit",
                "found 'percent' for `late_share`, which is of type probability. Its unit is always probability; leave"
                " it out.",
                id="percent for a probability",
            ),
            pytest.param(
                "  value_minor:\n    type: money_minor\n    currency: currency\n",
                "  value_minor:\n    type: money_minor\n",
                "value_minor:",
                "facts.value_minor",
                "`value_minor` is an amount without `currency`. Add it: the fact that holds its code.",
                id="amount without a currency",
            ),
            pytest.param(
                "  value_minor:\n    type: money_minor\n    currency: currency\n",
                "  value_minor:\n    type: money_minor\n    currency: curency\n",
                "currency: curency",
                "facts.value_minor.currency",
                "'curency' is not a declared fact. Did you mean 'currency'?",
                id="amount in an unknown currency fact",
            ),
            pytest.param(
                "  value_minor:\n    type: money_minor\n    currency: currency\n",
                "  value_minor:\n    type: money_minor\n    currency: departed\n",
                "currency: departed",
                "facts.value_minor.currency",
                "`departed` is of type flag, expected text or enumeration.",
                id="amount whose currency is no code",
            ),
            pytest.param(
                "    unit: pieces\n",
                "    unit: pieces\n    currency: currency\n",
                "currency: currency",
                "facts.pieces.currency",
                "`pieces` is of type number, no amount. Leave `currency` out.",
                id="currency of a count",
            ),
            pytest.param(
                "    when_absent: false\n    meaning: nothing",
                "    when_absent: never\n    meaning: nothing",
                "when_absent: never",
                "facts.delivered_or_cancelled.when_absent",
                "found 'never' for `delivered_or_cancelled`, expected true or false.",
                id="default of another type",
            ),
            pytest.param(
                "    values: [none, review, notify, split, rebook, escalate]\n",
                "    values: [none, review, notify]\n",
                "values: [none, review, notify]",
                "facts.strongest_branch_taken.values",
                "found none, review, notify; expected an enumeration of none, review, notify, split, rebook, escalate.",
                id="history that cannot name every branch",
            ),
            pytest.param(
                "  strongest_branch_taken:\n",
                "  strongest_taken:\n",
                "facts:",
                "facts",
                "`strongest_branch_taken` is not declared. Add it, so that nothing is done twice.",
                id="no history",
            ),
        ],
    )
    def test_a_mistake_is_found_once_at_its_line(
        self, found_after: FoundAfter, old: str, new: str, line: str, where: str, message: str
    ) -> None:
        departed = [("fact: departed", "fact: has-left")] * 4 if "has-left" in new else []
        assert found_after((old, new), *departed) == [(line, where, message)]

    @pytest.mark.parametrize(
        ("old", "message"),
        [
            (
                "    values: [standard, priority, critical]\n",
                "`customer_tier` is an enumeration without values. Add `values:` with all it may be.",
            ),
            (
                "    columns:\n      carrier_id: {type: text, meaning: who}\n",
                "`alternate_carriers` is a list without columns. Add `columns:` with what each row holds.",
            ),
        ],
    )
    def test_what_a_type_cannot_do_without_is_asked_for(
        self, found_after: FoundAfter, bundle_text: str, old: str, message: str
    ) -> None:
        if "columns" in old:
            old = bundle_text[bundle_text.index(old) : bundle_text.index("  alternate_origins:\n")]
        assert message in [each for _, _, each in found_after((old, ""))]

    def test_the_shape_of_a_fact_is_blamed_alone(self, found_after: FoundAfter) -> None:
        found = found_after(("  late_probability:\n    type: probability\n", "  late_probability:\n    type: chance\n"))
        assert [(where, message[:13]) for _, where, message in found] == [
            ("facts.late_probability.type", "found 'chance")
        ]

    def test_a_currency_fact_in_the_wrong_shape_is_blamed_alone(self, found_after: FoundAfter) -> None:
        found = found_after(("  currency:\n    type: text\n", "  currency:\n    type: code\n"))
        assert [where for _, where, _ in found] == ["facts.currency.type"]

    def test_units_follow_from_the_type(self, policy: Policy) -> None:
        units = {name: item.unit for name, item in policy.facts.items()}
        assert units["late_probability"] == "probability"
        assert units["hours_to_departure"] == "hours"
        assert units["value_minor"] == "money_minor"
        assert units["pieces"] == "pieces"
        assert units["origin"] is None

    def test_a_list_may_be_empty_when_absent(self, make_policy: MakePolicy) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["facts"]["alternate_carriers"]["when_absent"] = []

        policy = make_policy(edit)
        assert policy.reader.read({}).known["alternate_carriers"] == ()
