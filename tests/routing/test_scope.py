from __future__ import annotations

import pytest

from routing.facts import Declaration, FactType
from routing.marks import Findings
from routing.scope import Scope, Threshold
from routing.wording import Sentence

COLUMN = Declaration(name="late_share", type=FactType.PROBABILITY)
CARRIERS = Declaration(name="carriers", type=FactType.LIST, columns={"late_share": COLUMN})
ORIGIN = Declaration(name="origin", type=FactType.TEXT, shown_to_customer=True)
NOTIFY_FROM = Threshold(name="notify_from", value=0.45, unit="probability", owner="o", why="w")


@pytest.fixture
def scope() -> Scope:
    return Scope(
        declarations={"carriers": CARRIERS, "origin": ORIGIN},
        thresholds={"notify_from": NOTIFY_FROM},
        owners=("duty-manager",),
        broken=frozenset({"pieces", "$rebook_from"}),
        findings=Findings(),
    )


def messages(scope: Scope) -> list[str]:
    return [problem.message for problem in scope.findings.problems]


class TestFact:
    def test_is_looked_up_and_counted_as_used(self, scope: Scope) -> None:
        assert scope.fact("origin", ()) is ORIGIN
        assert scope.used_facts == {"origin"}
        assert not messages(scope)

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("orgin", "'orgin' is not a declared fact. Did you mean 'origin'?"),
            ("x", "'x' is not a declared fact. Declared: carriers, origin."),
            (["origin"], "found a list of 1, expected the name of a declared fact."),
            (None, "found nothing, expected the name of a declared fact."),
        ],
    )
    def test_is_noted_when_it_is_not_declared(self, scope: Scope, name: object, message: str) -> None:
        assert scope.fact(name, ()) is None
        assert messages(scope) == [message]
        assert not scope.used_facts

    def test_is_not_blamed_again_when_it_is_declared_wrongly(self, scope: Scope) -> None:
        assert scope.fact("pieces", ()) is None
        assert not messages(scope)


class TestOfRows:
    def test_knows_the_columns_and_nothing_else(self, scope: Scope) -> None:
        rows = scope.of_rows(CARRIERS)
        assert rows.fact("late_share", ()) is COLUMN
        assert rows.fact("origin", ()) is None
        assert messages(scope) == ["'origin' is not a declared fact. Declared: late_share."]

    def test_counts_thresholds_but_not_columns_as_used(self, scope: Scope) -> None:
        rows = scope.of_rows(CARRIERS)
        rows.fact("late_share", ())
        rows.threshold("$notify_from", ())
        assert scope.used_facts == set()
        assert scope.used_thresholds == {"notify_from"}


class TestThreshold:
    def test_is_looked_up_and_counted_as_used(self, scope: Scope) -> None:
        assert scope.threshold("$notify_from", ()) is NOTIFY_FROM
        assert scope.used_thresholds == {"notify_from"}

    def test_is_noted_when_there_is_none(self, scope: Scope) -> None:
        assert scope.threshold("$notfy_from", ()) is None
        assert scope.threshold("$x", ()) is None
        assert messages(scope) == [
            "'$notfy_from' is not a threshold of this bundle. Did you mean 'notify_from'?",
            "'$x' is not a threshold of this bundle. Declared: notify_from.",
        ]

    def test_is_not_blamed_again_when_it_is_declared_wrongly(self, scope: Scope) -> None:
        assert scope.threshold("$rebook_from", ()) is None
        assert not messages(scope)


class TestOwner:
    def test_is_noted_when_nobody_has_that_name(self, scope: Scope) -> None:
        scope.owner("duty-manager", ())
        scope.owner("duty-manger", ())
        scope.owner("x", ())
        assert messages(scope) == [
            "'duty-manger' is not among the owners of this bundle. Did you mean 'duty-manager'?",
            "'x' is not among the owners of this bundle. Declared: duty-manager.",
        ]


class TestSentence:
    def test_counts_its_facts_as_used(self, scope: Scope) -> None:
        assert isinstance(scope.sentence("From {origin}.", (), customer=True), Sentence)
        assert scope.used_facts == {"origin"}

    def test_notes_all_its_mistakes(self, scope: Scope) -> None:
        assert scope.sentence("{orgin} {carriers}", ("default",), customer=False) is None
        assert messages(scope) == [
            "'{orgin}' is not a declared fact. Did you mean 'origin'?",
            "'{carriers}' is a list, which has no place in a sentence. Name a single fact.",
        ]
