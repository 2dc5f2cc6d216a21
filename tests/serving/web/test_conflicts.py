"""Two people, one item; a claim that ran out; an answer that lacks something. Nothing typed is lost."""

from __future__ import annotations

import pytest

from serving.db.tables import OutgoingCallRow, ReviewItemRow
from tests.serving.house import delivery
from tests.serving.web.filled import Filled
from tests.serving.web.visitor import Visitor, chosen, note_of, value_of, words_of

NOTE = "Spoke to the <dock> & they load at 5"
TYPED = {
    "note": NOTE,
    "branch": "notify",
    "override_reason": "customer_asked",
    "dismiss_reason": "not_late",
}


def calls_of(filled: Filled, name: str) -> list[str]:
    (item,) = [row for row in filled.house.rows(ReviewItemRow) if row.item_id == filled.items[name]]
    return [call.branch for call in filled.house.rows(OutgoingCallRow) if call.decision_id == item.decision_id]


def message_of(page: str) -> str:
    return words_of(page.split('id="message">')[1].split("</div>")[0])


class TestSomebodyElseHasIt:
    def test_a_claim_says_who_and_until_when(self, filled: Filled, dana: Visitor, marit: Visitor) -> None:
        dana.claimed(filled.path("top"))
        answer = marit.post(f"{filled.path('top')}/claim")
        assert answer.status_code == 409
        assert message_of(answer.text) == (
            "dana holds this item until Mon 02 Mar 09:27 UTC. Take another one, or come back then."
        )

    def test_an_answer_changes_nothing_and_what_was_typed_can_be_copied(
        self, filled: Filled, dana: Visitor, marit: Visitor
    ) -> None:  # fmt: skip
        before = filled.house.count(OutgoingCallRow)
        token = dana.claimed(filled.path("top"))
        filled.house.advance(minutes=15)
        theirs = marit.claimed(filled.path("top"))

        answer = dana.post(f"{filled.path('top')}/override", token=token, **TYPED)
        assert answer.status_code == 409
        assert message_of(answer.text).startswith("Marit holds it until Mon 02 Mar 09:42 UTC. Nothing was changed.")
        assert note_of(answer.text, "kept") == NOTE
        assert theirs not in answer.text
        assert filled.house.count(OutgoingCallRow) == before

    @pytest.mark.parametrize("verb", ["accept", "override", "dismiss", "release", "extend"])
    def test_no_move_works_with_a_token_made_up(self, filled: Filled, dana: Visitor, marit: Visitor, verb: str) -> None:
        dana.claimed(filled.path("top"))
        answer = marit.post(f"{filled.path('top')}/{verb}", token="0" * 32, **TYPED)
        assert answer.status_code == 409
        assert "dana holds it" in words_of(marit.shown(filled.path("top")))


class TestTheClaimRanOut:
    def test_it_says_so_and_what_to_do(self, filled: Filled, dana: Visitor) -> None:
        token = dana.claimed(filled.path("top"))
        filled.house.advance(minutes=15)
        answer = dana.post(f"{filled.path('top')}/accept", token=token, note=NOTE)
        assert answer.status_code == 409
        assert message_of(answer.text) == (
            "Your claim ran out at Mon 02 Mar 09:27 UTC. Nothing was changed. "
            "Look at the item as it is now, then claim it again."
        )

    def test_claimed_again_everything_typed_is_back_in_the_form(self, filled: Filled, dana: Visitor) -> None:
        token = dana.claimed(filled.path("top"))
        filled.house.advance(minutes=15)
        lost = dana.post(f"{filled.path('top')}/dismiss", token=token, **TYPED).text
        carried = {name: value_of(lost, name) for name in TYPED}
        assert carried == TYPED
        assert note_of(lost, "kept") == NOTE

        again = dana.post(f"{filled.path('top')}/claim", **carried)
        assert again.status_code == 200
        assert value_of(again.text, "token") != token
        assert note_of(again.text) == NOTE
        assert [chosen(again.text, name) for name in ("branch", "override-reason", "dismiss-reason")] == [
            "notify",
            "customer_asked",
            "not_late",
        ]

    def test_an_item_answered_meanwhile_says_by_whom(self, filled: Filled, dana: Visitor, marit: Visitor) -> None:
        token = dana.claimed(filled.path("top"))
        filled.house.advance(minutes=15)
        theirs = marit.claimed(filled.path("top"))
        marit.post(f"{filled.path('top')}/dismiss", token=theirs, dismiss_reason="not_late")

        answer = dana.post(f"{filled.path('top')}/accept", token=token, note=NOTE)
        assert answer.status_code == 409
        assert message_of(answer.text) == (
            "marit dismissed it: the item is done, and your answer changed nothing. Take another one."
        )
        assert note_of(answer.text, "kept") == NOTE


class TestTheAnswerLacksSomething:
    @pytest.mark.parametrize(
        ("verb", "form", "message"),
        [
            ("override", {"branch": "notify"}, "Another action needs the action and the reason."),
            ("override", {"override_reason": "customer_asked"}, "Another action needs the action and the reason."),
            ("override", {"branch": "boredom", "override_reason": "customer_asked"}, "Another action needs the action"),
            ("override", {"branch": "none", "override_reason": "customer_asked"}, "Branch 'none' does nothing."),
            ("override", {"branch": "notify", "override_reason": "not_late"}, "Reason 'not late' does not explain"),
            ("dismiss", {}, "Doing nothing needs a reason."),
            ("dismiss", {"dismiss_reason": "newer_decision"}, "Reason 'newer decision' does not explain"),
        ],
    )
    def test_it_says_what_and_the_form_is_as_it_was(
        self, filled: Filled, dana: Visitor, verb: str, form: dict[str, str], message: str
    ) -> None:  # fmt: skip
        token = dana.claimed(filled.path("top"))
        answer = dana.post(f"{filled.path('top')}/{verb}", token=token, note=NOTE, **form)
        assert answer.status_code == 422
        assert message_of(answer.text).startswith(message)
        assert note_of(answer.text) == NOTE
        assert value_of(answer.text, "token") == token
        if form.get("branch") == "notify":
            assert chosen(answer.text, "branch") == "notify"

    def test_an_action_that_cannot_be_carried_out_says_why(self, filled: Filled, dana: Visitor) -> None:
        token = dana.claimed(filled.path("no value"))
        form = {"branch": "rebook", "override_reason": "better_option"}
        answer = dana.post(f"{filled.path('no value')}/override", token=token, **form)
        assert answer.status_code == 422
        assert "Rebook cannot be carried out:" in message_of(answer.text)
        assert calls_of(filled, "no value") == []

    def test_what_to_do_is_said_without_codes_and_calls_of_programs(self, filled: Filled, dana: Visitor) -> None:
        token = dana.claimed(filled.path("soon"))
        filled.house.send(delivery("d-gone", "departed", "SH-240920"))
        gone = message_of(dana.post(f"{filled.path('soon')}/accept", token=token).text)
        assert gone == (
            "Another carrier hits no more: departed is yes by now. Nothing was changed. "
            "Have it decided about anew, override it with a branch, or dismiss it."
        )
        filled.house.advance(hours=7)
        token = dana.claimed(filled.path("top"))
        late = message_of(dana.post(f"{filled.path('top')}/accept", token=token).text)
        assert late == (
            "Rebook was of use until Mon 02 Mar 16:00 UTC. Nothing was changed. "
            "Dismiss it as too late to act, or override it."
        )

    def test_a_note_of_full_length_with_line_ends_is_taken(self, filled: Filled, dana: Visitor) -> None:
        token = dana.claimed(filled.path("top"))
        note = "x\r\n" * 1000
        answer = dana.post(f"{filled.path('top')}/dismiss", token=token, dismiss_reason="not_late", note=note)
        assert answer.status_code == 303


class TestSignedOutMeanwhile:
    def test_the_note_is_there_to_copy_and_nothing_changed(
        self, filled: Filled, dana: Visitor, passer_by: Visitor
    ) -> None:  # fmt: skip
        token = dana.claimed(filled.path("top"))
        answer = passer_by.post(f"{filled.path('top')}/accept", token=token, note=NOTE)
        assert answer.status_code == 401
        assert "You are not signed in any more, so nothing was changed." in message_of(answer.text)
        assert note_of(answer.text, "kept") == NOTE
        assert value_of(answer.text, "then") == filled.path("top")
        assert value_of(dana.shown(filled.path("top")), "token") == token

    def test_without_anything_typed_it_asks_who_is_there(self, filled: Filled, passer_by: Visitor) -> None:
        answer = passer_by.post(f"{filled.path('top')}/claim")
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?then=%2Fqueue%2Frev_")


@pytest.mark.parametrize("verb", ["claim", "accept", "override", "dismiss", "release", "extend"])
def test_a_move_on_an_item_that_is_not_there_is_404(dana: Visitor, verb: str) -> None:
    answer = dana.post(f"/queue/rev_0/{verb}", token="x", **TYPED)
    assert answer.status_code == 404
    assert "There is no such item" in answer.text
