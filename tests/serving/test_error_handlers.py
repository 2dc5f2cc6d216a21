"""The table from error to problem: complete, unambiguous, and silent about internals."""

from __future__ import annotations

import inspect

import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from features.errors import RecordError
from serving import errors
from serving.causes import errors as causes
from serving.directives import errors as orders
from serving.effects import errors as effects
from serving.error_handlers import KINDS, kind_of, problem_of
from serving.errors import Fault, InvalidRecordError, ServingError, SettingsError
from serving.policies import errors as policies
from serving.recommendations import errors as recommendations
from serving.reviews import errors as reviews
from serving.scores import errors as scores
from serving.shortages import errors as shortages

AT_START = {
    errors.SettingsError, errors.DatabaseNotMigratedError, errors.SnapshotError, policies.AnotherBundleError,
    policies.AnotherSubjectError,
}  # fmt: skip
OF_COMMANDS = {policies.ServiceRefusedError, shortages.NoLinesError}
RESOURCES = (orders, causes, effects, policies, recommendations, reviews, scores, shortages)


def all_errors() -> list[type[Exception]]:
    """Every error of the service of which there is no narrower one."""
    members = [each for module in (errors, *RESOURCES) for _, each in inspect.getmembers(module, inspect.isclass)]
    found = dict.fromkeys(each for each in members if issubclass(each, ServingError))
    bases = {base for each in found for base in each.__mro__[1:]}
    return [each for each in found if each not in AT_START | OF_COMMANDS | bases]


class TestTheTable:
    @pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
    def test_every_error_of_a_request_is_of_a_kind_that_says_more_than_that_we_are_to_blame(
        self, error: type[Exception]
    ) -> None:
        assert next(KINDS[cls] for cls in error.__mro__ if cls in KINDS) is not KINDS[Exception]

    def test_no_two_kinds_share_a_slug(self) -> None:
        slugs = [kind.slug for kind in KINDS.values()]
        assert len(slugs) == len(set(slugs))

    def test_a_class_that_is_not_listed_takes_the_nearest_base(self) -> None:
        class NewerRecordError(RecordError):
            pass

        assert kind_of(NewerRecordError()) is KINDS[RecordError]
        assert kind_of(KeyError()).status == 500


class TestProblemOf:
    def test_an_error_speaks_for_itself_and_lists_its_faults(self) -> None:
        members = problem_of(InvalidRecordError("Shipment", (Fault("data.pieces", "is 0"),)))
        assert members["detail"] == "The Shipment has 1 fault(s). Mend them all and send it again: data.pieces: is 0"
        assert members["errors"] == [{"path": "data.pieces", "detail": "is 0"}]

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (OperationalError("SELECT secret FROM places", {}, Exception("at 10.0.0.7")), 503),
            (ProgrammingError("SELECT secret FROM places", {}, Exception("at 10.0.0.7")), 500),
            (ValueError("secret"), 500),
            (SettingsError("api token", "a secret", "…"), 500),
        ],
    )
    def test_what_is_ours_to_mend_shows_nothing_of_the_inside(self, error: Exception, status: int) -> None:
        members = problem_of(error)
        assert members["status"] == status
        assert "secret" not in str(members)
        assert "10.0.0.7" not in str(members)
