"""What a report changes, for every state and every report that came before."""

from __future__ import annotations

from itertools import product

import pytest

from routing.effects import REPORTABLE, Effect, Outcome, Reception, Standing, receive

EVERY = [Standing(effect, outcome) for effect, outcome in product(Effect, (None, *Outcome))]


class TestReceive:
    @pytest.mark.parametrize("effect", ["sent", "accepted", "unverified", "with_person"])
    @pytest.mark.parametrize(("reported", "then"), [("done", "verified"), ("failed", "failed"), ("partial", "failed")])
    def test_the_first_report_counts(self, effect: str, reported: str, then: str) -> None:
        found = receive(Standing(Effect(effect)), Outcome(reported))
        assert (found.reception, found.standing) == (Reception.COUNTED, Standing(Effect(then), Outcome(reported)))

    @pytest.mark.parametrize("standing", [each for each in EVERY if each.outcome in REPORTABLE])
    def test_the_same_again_changes_nothing(self, standing: Standing) -> None:
        assert standing.outcome is not None
        found = receive(standing, standing.outcome)
        assert (found.reception, found.standing) == (Reception.REPEATED, standing)

    @pytest.mark.parametrize("standing", [each for each in EVERY if each.outcome is not None])
    def test_another_is_never_believed_and_never_lost(self, standing: Standing) -> None:
        for reported in REPORTABLE:
            if reported is not standing.outcome:
                found = receive(standing, reported)
                assert found.reception is Reception.CONTRADICTING
                assert found.standing.outcome is Outcome.CONTRADICTED
                assert found.standing.effect in (Effect.WITH_PERSON, Effect.COMPENSATING)
                assert found.standing.is_live, "nobody knows, so it may stand"

    @pytest.mark.parametrize("effect", ["compensated", "withdrawn"])
    def test_done_after_it_was_gone_is_a_contradiction_and_failed_is_none(self, effect: str) -> None:
        gone = Standing(Effect(effect))
        assert receive(gone, Outcome.DONE).standing.effect is Effect.WITH_PERSON
        assert receive(gone, Outcome.FAILED).standing == Standing(Effect(effect), Outcome.FAILED)

    def test_a_report_does_not_end_what_is_being_undone(self) -> None:
        for reported in REPORTABLE:
            undoing = receive(Standing(Effect.COMPENSATING), reported)
            assert undoing.standing == Standing(Effect.COMPENSATING, reported)


class TestStanding:
    def test_of_what_was_never_sent_nobody_knows_an_outcome_and_done_is_not_believed(self) -> None:
        assert [each for each in Effect if not Standing(each).can_have_outcome] == [Effect.INTENDED]
        assert receive(Standing(Effect.INTENDED), Outcome.DONE).reception is Reception.CONTRADICTING

    def test_only_what_is_known_to_be_gone_is_not_live(self) -> None:
        gone = {each.effect.value for each in EVERY if each.outcome is None and not each.is_live}
        assert gone == {"failed", "compensated", "withdrawn"}
        assert not any(each.is_live for each in EVERY if each.outcome is Outcome.FAILED)

    def test_what_is_gone_or_not_yet_taken_is_not_undone(self) -> None:
        for each in EVERY:
            assert not each.can_be_undone or each.is_live
            assert not each.can_be_undone or each.effect not in (Effect.INTENDED, Effect.SENT, Effect.COMPENSATING)
