from __future__ import annotations

from datetime import datetime

import pytest

from routing.errors import (
    NaiveTimeError,
    NotJsonError,
    PolicyError,
    Problem,
    ReplayError,
    RoutingError,
    Severity,
    did_you_mean,
    listed,
)

WARNING = Problem(where="facts.a", message="unused.", severity=Severity.WARNING)
ERROR = Problem(where="rules[0].owner", message="missing. Add it.", line=7, column=5)
NAIVE = datetime(2026, 3, 1, 12)  # noqa: DTZ001


class TestProblem:
    def test_reads_as_place_path_and_message(self) -> None:
        assert str(ERROR) == "7:5 error at rules[0].owner: missing. Add it."

    def test_reads_without_a_place_too(self) -> None:
        assert str(WARNING) == "warning at facts.a: unused."


class TestPolicyError:
    def test_counts_errors_and_lists_warnings_with_them(self) -> None:
        error = PolicyError("late.yaml", [WARNING, ERROR])
        assert error.problems == (WARNING, ERROR)
        assert str(error) == (
            "Policy late.yaml has 1 error(s); mend them all and load it again:\n"
            "  - late.yaml:warning at facts.a: unused.\n"
            "  - late.yaml:7:5 error at rules[0].owner: missing. Add it."
        )


class TestRoutingErrors:
    @pytest.mark.parametrize(
        ("error", "sentence"),
        [
            (
                NaiveTimeError("now", NAIVE),
                "`now` is 2026-03-01T12:00:00, without a zone. Give an aware time, e.g. in UTC.",
            ),
            (
                NotJsonError("facts.a", "a set", "Use a list."),
                "facts.a is a set, which has no canonical JSON form. Use a list.",
            ),
            (
                ReplayError("d-1", "its policy is gone", "Give the policy."),
                "Decision d-1 cannot be replayed: its policy is gone. Give the policy.",
            ),
        ],
    )
    def test_each_says_what_was_found_and_what_to_do(self, error: RoutingError, sentence: str) -> None:
        assert isinstance(error, RoutingError)
        assert str(error) == sentence


class TestDidYouMean:
    def test_names_the_nearest_word(self) -> None:
        assert did_you_mean("piecs", ["places", "pieces", "origin"]) == " Did you mean 'pieces'?"

    def test_is_silent_when_nothing_is_near(self) -> None:
        assert did_you_mean("zzz", ["pieces", "origin"]) == ""


class TestListed:
    def test_joins_words_and_says_when_there_are_none(self) -> None:
        assert listed(["a", "b"]) == "a, b"
        assert listed([]) == "nothing"
