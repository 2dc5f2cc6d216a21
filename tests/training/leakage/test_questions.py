from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.labels import lateness_of
from features.moments import IN_TURN, questions_of
from tests.training.leakage.planted import SETTINGS, world
from training.leakage.questions import PER_CUTOFF, Group, groups_of


@pytest.fixture(scope="module")
def groups() -> tuple[Group, ...]:
    return groups_of(world(), SETTINGS, 100, np.random.default_rng(3))


class TestGroupsOf:
    def test_about_as_many_as_asked_for_at_few_cutoffs(self, groups: tuple[Group, ...]) -> None:
        assert len(groups) == 4
        assert sum(len(group.questions) for group in groups) <= 100
        assert max(len(group.questions) for group in groups) <= PER_CUTOFF

    def test_a_cutoff_is_that_of_a_real_question_which_is_asked(self, groups: tuple[Group, ...]) -> None:
        real = questions_of(world())
        for group in groups:
            there = real[real["cutoff_at"] == group.cutoff]
            assert set(there["shipment_id"]) & set(group.questions["shipment_id"])

    def test_all_of_a_group_are_asked_at_its_cutoff_each_once_while_on_their_way(
        self, groups: tuple[Group, ...]
    ) -> None:
        known = lateness_of(world(), SETTINGS)["label_known_at"]
        for group in groups:
            asked = group.questions
            assert (asked["cutoff_at"] == group.cutoff).all()
            assert asked["shipment_id"].is_unique
            assert not (known[asked["shipment_id"]] <= group.cutoff).any()
            assert set(asked["shipment_id"]) <= set(group.nearby)

    def test_every_moment_is_asked_about(self, groups: tuple[Group, ...]) -> None:
        asked = pd.concat([group.questions for group in groups])
        assert set(asked["moment"]) == set(questions_of(world())["moment"])
        assert set(asked["moment"]) >= {moment.value for moment in IN_TURN}

    def test_the_same_seed_asks_the_same(self, groups: tuple[Group, ...]) -> None:
        again = groups_of(world(), SETTINGS, 100, np.random.default_rng(3))
        other = groups_of(world(), SETTINGS, 100, np.random.default_rng(4))
        assert [group.cutoff for group in again] == [group.cutoff for group in groups]
        assert [group.cutoff for group in other] != [group.cutoff for group in groups]
        pd.testing.assert_frame_equal(again[0].questions, groups[0].questions)

    def test_shipments_of_which_nothing_was_ever_told_are_asked_about_as_well(self) -> None:
        silent = replace(world(), events=world().events.iloc[:0])
        found = groups_of(silent, SETTINGS, 20, np.random.default_rng(3))
        assert sum(len(group.questions) for group in found) == 20

    def test_without_questions_there_are_no_groups(self) -> None:
        nothing = world().known(until=pd.Timestamp("2000-01-01", tz="UTC"))
        assert groups_of(nothing, SETTINGS, 100, np.random.default_rng(3)) == ()
