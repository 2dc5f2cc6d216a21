"""One item: what happened, how risky, why, what could be done, and the form for each answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from features.instants import micros
from models.conformal import Outcomes
from serving.db.tables import AuditRow, DecisionRow, OutgoingCallRow, ReviewItemRow
from serving.web import words
from tests.serving.house import NOW, delivery
from tests.serving.web.filled import Filled
from tests.serving.web.visitor import Visitor, chosen, coded, note_of, value_of, words_of
from tests.training.small import small_eta_model


def row_of(filled: Filled, name: str) -> ReviewItemRow:
    (row,) = [row for row in filled.house.rows(ReviewItemRow) if row.item_id == filled.items[name]]
    return row


def calls_of(filled: Filled, name: str) -> list[str]:
    decision_id = row_of(filled, name).decision_id
    return [call.branch for call in filled.house.rows(OutgoingCallRow) if call.decision_id == decision_id]


class TestWhatItShows:
    def test_what_happened_and_when_it_was_judged(self, filled: Filled, dana: Visitor) -> None:
        said = words_of(dana.shown(filled.path("top")))
        assert "Late risk with carrier NWX is 82 % and it leaves in 12.0 hours" in said
        assert "Judged a day before departure, Mon 02 Mar 06:00 UTC, with the delay model version 7." in said

    @pytest.mark.parametrize("name", ["top", "unknown carrier", "no promise", "no value", "dollars", "expired"])
    def test_no_name_of_the_program_is_read(self, filled: Filled, dana: Visitor, name: str) -> None:
        path = filled.path(name)
        assert [coded(dana.shown(each)) for each in (path, f"{path}/changes")] == [[], []]

    def test_the_journey_stands_above(self, filled: Filled, dana: Visitor) -> None:
        said = words_of(dana.shown(filled.path("top")))
        assert "leaves Mon 02 Mar 18:00 UTC promised Wed 04 Mar 06:00 UTC goods 486,500.00 EUR pieces 4" in said

    def test_what_of_the_journey_is_not_known_says_so(self, filled: Filled, dana: Visitor) -> None:
        assert "promised not known" in words_of(dana.shown(filled.path("no promise")))

    def test_the_risk_with_the_usual_one_beside_it(self, filled: Filled, dana: Visitor) -> None:
        page = dana.shown(filled.path("top"))
        assert "82 % behind; usual is 18 %, before anything is known of a shipment" in words_of(page)
        assert 'aria-label="82\u00a0% on a scale from 0 to 100 %; usual is 18\u00a0%"' in page
        assert '<rect class="up" y="2" width="82.0%"' in page

    def test_each_reason_has_its_words_and_its_direction(self, filled: Filled, dana: Visitor) -> None:
        rows = re.findall(r"<tr><td>([^<]*)</td>.*?aria-label=\"(\w+) the risk\"", dana.shown(filled.path("top")), re.S)
        assert rows[:3] == [
            ("Mean delay of departures from the origin in 6 hours: 37 minutes", "raises"),
            ("Share of the carrier&#39;s arrivals late in 28 days: 31\u00a0%", "raises"),
            ("Hours from now to the promise: 48.0 hours", "lowers"),
        ]

    def test_the_strongest_reason_fills_its_half(self, filled: Filled, dana: Visitor) -> None:
        bars = re.findall(
            r'<rect class="(up|down)" x="([\d.]+)" y="2" width="([\d.]+)"', dana.shown(filled.path("top"))
        )
        assert bars[:3] == [("up", "100", "100.0"), ("up", "100", "75.0"), ("down", "50.0", "50.0")]

    def test_a_risk_that_cannot_be_told_says_why_and_draws_nothing(self, filled: Filled, dana: Visitor) -> None:
        page = dana.shown(filled.path("unknown carrier"))
        said = words_of(page)
        assert "It cannot be told: carrier NEWCO has no history." in said
        assert "≈ 3,750.00 EUR at stake if it is as likely late as not" in said
        assert "<rect" not in page

    def test_each_action_with_its_price_and_the_lateness_it_leaves(self, filled: Filled, dana: Visitor) -> None:
        said = words_of(dana.shown(filled.path("top")))
        assert "What each action is expected to cost, EUR" in said
        assert "rebook suggested 4,958.60 7,180.74 12,139.34" in said
        assert "escalate cheapest 40.50 9,574.32 9,614.82" in said

    def test_costs_that_cannot_be_computed_say_why(self, filled: Filled, dana: Visitor) -> None:
        said = words_of(dana.shown(filled.path("dollars")))
        assert "What is at stake is not known" in said
        assert "It cannot be computed:" in said

    def test_what_is_not_known_is_listed_with_the_reason(self, filled: Filled, dana: Visitor) -> None:
        said = words_of(dana.shown(filled.path("dollars")))
        assert "hours since warehouse told the origin never told of its work" in said
        assert "service id no service is given value at stake the value is in USD" in said

    def test_the_suggestion_is_spelt_out(self, filled: Filled, dana: Visitor) -> None:
        said = words_of(dana.shown(filled.path("top")))
        assert "carriers ACE, 7 % late instead of NWX price limit 1,000.00 EUR" in said
        assert "tender window Mon 02 Mar 06:00 to 08:00 UTC" in said

    def test_a_window_that_is_over_says_so_and_what_accepting_opens(self, filled: Filled, dana: Visitor) -> None:
        token = dana.claimed(filled.path("top"))
        said = words_of(dana.shown(filled.path("top")))
        assert "06:00 to 08:00 UTC, over: it closed 1 h 12 min ago if accepted now another window opens, until " in said
        assert "until Mon 02 Mar 11:12 UTC Yours" in said
        dana.post(f"{filled.path('top')}/accept", token=token)
        (call,) = [call for call in filled.house.rows(OutgoingCallRow) if call.shipment_id == "SH-240817"]
        assert json.loads(call.body)["data"]["tender_window"]["closes_at"] == "2026-03-02T11:12:00Z"

    def test_a_window_that_is_open_says_no_more_than_when(self, filled: Filled, dana: Visitor) -> None:
        said = words_of(dana.shown(f"/queue/{filled.house.for_review('SH-NOW', risk=0.8)}"))
        assert "tender window Mon 02 Mar 09:12 to 11:12 UTC Nobody holds it." in said

    def test_once_it_is_of_no_use_it_says_that_accepting_is_refused(self, filled: Filled, dana: Visitor) -> None:
        filled.house.advance(hours=7)
        token = dana.claimed(filled.path("top"))
        said = words_of(dana.shown(filled.path("top")))
        assert (
            "over: it closed 8 h 12 min ago if accepted now it is refused: this was of use until Mon 02 Mar 16:00"
            in said
        )
        assert dana.post(f"{filled.path('top')}/accept", token=token).status_code == 422

    def test_the_record_names_rule_owner_policy_and_hash(self, filled: Filled, dana: Visitor) -> None:
        decision_id = row_of(filled, "top").decision_id
        (decision,) = [row for row in filled.house.rows(DecisionRow) if row.decision_id == decision_id]
        said = words_of(dana.shown(filled.path("top")))
        assert "rule another carrier, owned by Transport operations policy late shipments version 1" in said
        assert f"sealed as {decision.hash}" in said

    def test_the_history_tells_every_move_with_who_made_it(self, filled: Filled, dana: Visitor) -> None:
        said = words_of(dana.shown(filled.path("overridden")))
        assert "Mon 02 Mar 06:00 UTC system opened: rebook" in said
        assert "Mon 02 Mar 09:12 UTC marit claimed" in said
        assert "marit override: notify, cost too high, The customer can wait" in said

    def test_an_answered_item_shows_the_answer_and_its_call(self, filled: Filled, dana: Visitor) -> None:
        page = dana.shown(filled.path("accepted"))
        said = words_of(page)
        assert "accept rebook, by marit, Mon 02 Mar 09:12 UTC: “Booked with ACE by phone as well”" in said
        assert "What was set in motion rebook waits to be sent (0 attempts)" in said
        assert "/accept" not in page

    def test_an_unknown_item_is_told_in_words(self, dana: Visitor) -> None:
        answer = dana.get("/queue/rev_0")
        assert answer.status_code == 404
        assert "Nothing in the queue is called rev_0" in words_of(answer.text)

    @pytest.mark.parametrize("verb", ["claim", "accept", "override"])
    def test_the_address_of_an_answer_loaded_anew_leads_to_the_item(
        self, filled: Filled, dana: Visitor, verb: str
    ) -> None:  # fmt: skip
        assert dana.get(f"{filled.path('top')}/{verb}").headers["location"] == filled.path("top")


class TestClaiming:
    def test_a_free_item_offers_the_claim_and_no_answer(self, filled: Filled, dana: Visitor) -> None:
        page = dana.shown(filled.path("top"))
        assert 'id="claim"' in page
        assert 'name="token"' not in page

    def test_the_token_is_shown_to_its_holder_alone(self, filled: Filled, dana: Visitor, marit: Visitor) -> None:
        token = dana.claimed(filled.path("top"))
        page = marit.shown(filled.path("top"))
        assert token not in page
        assert "dana holds it until Mon 02 Mar 09:27 UTC, in 15 min." in words_of(page)

    def test_a_second_press_of_claim_changes_nothing(self, filled: Filled, dana: Visitor) -> None:
        token = dana.claimed(filled.path("top"))
        assert dana.claimed(filled.path("top")) == token
        assert filled.house.audited()["review.claimed"] == 6

    def test_given_back_it_is_free(self, filled: Filled, dana: Visitor) -> None:
        token = dana.claimed(filled.path("top"))
        assert dana.post(f"{filled.path('top')}/release", token=token).headers["location"] == "/queue"
        assert row_of(filled, "top").status == "open"

    def test_held_longer_it_keeps_what_was_typed(self, filled: Filled, dana: Visitor) -> None:
        token = dana.claimed(filled.path("top"))
        filled.house.advance(minutes=10)
        answer = dana.post(f"{filled.path('top')}/extend", token=token, note="half a thou", branch="notify")
        assert "Yours for 15 min" in words_of(answer.text)
        assert (note_of(answer.text), chosen(answer.text, "branch")) == ("half a thou", "notify")


class TestAnswering:
    def test_accepting_enqueues_the_suggestion_once(self, filled: Filled, dana: Visitor) -> None:
        token = dana.claimed(filled.path("top"))
        for _ in range(2):
            answer = dana.post(f"{filled.path('top')}/accept", token=token, note=" ACE knows\r\nabout it ")
            assert answer.headers["location"] == filled.path("top")
        assert calls_of(filled, "top") == ["rebook"]
        row = row_of(filled, "top")
        assert (row.verdict, row.closed_by, row.note) == ("accept", "dana", "ACE knows\nabout it")

    def test_overriding_enqueues_the_chosen_action(self, filled: Filled, dana: Visitor) -> None:
        token = dana.claimed(filled.path("top"))
        dana.post(f"{filled.path('top')}/override", token=token, branch="notify", override_reason="customer_asked")
        assert calls_of(filled, "top") == ["notify"]
        row = row_of(filled, "top")
        assert (row.verdict, row.verdict_branch, row.reason_code) == ("override", "notify", "customer_asked")

    def test_dismissing_enqueues_nothing(self, filled: Filled, dana: Visitor) -> None:
        token = dana.claimed(filled.path("top"))
        dana.post(f"{filled.path('top')}/dismiss", token=token, dismiss_reason="not_late", note="Seen at the dock")
        assert calls_of(filled, "top") == []
        row = row_of(filled, "top")
        assert (row.verdict, row.reason_code, row.note) == ("dismiss", "not_late", "Seen at the dock")

    def test_every_answer_is_in_the_audit_trail_under_the_name(self, filled: Filled, dana: Visitor) -> None:
        token = dana.claimed(filled.path("top"))
        dana.post(f"{filled.path('top')}/dismiss", token=token, dismiss_reason="not_late")
        last = [row for row in filled.house.rows(AuditRow) if row.subject == f"review:{filled.items['top']}"][-1]
        assert (last.action, last.actor) == ("review.dismiss", "dana")

    @pytest.mark.parametrize("name", ["unknown carrier", "expired"])
    def test_what_cannot_be_accepted_offers_no_such_button(self, filled: Filled, dana: Visitor, name: str) -> None:
        dana.claimed(filled.path(name))
        page = dana.shown(filled.path(name))
        assert 'id="do-accept"' not in page
        assert 'id="do-dismiss"' in page

    def test_reasons_are_those_of_each_answer(self, filled: Filled, dana: Visitor) -> None:
        dana.claimed(filled.path("top"))
        lists = re.findall(r'<select id="(\w+-reason)".*?</select>', dana.shown(filled.path("top")), re.DOTALL)
        assert lists == ["override-reason", "dismiss-reason"]
        page = dana.shown(filled.path("top"))
        override, dismiss = page.split('id="dismiss-reason"')
        assert "better_option" in override
        assert "better_option" not in dismiss
        assert "not_late" in dismiss

    def test_a_newer_decision_on_the_shipment_closes_a_free_item(self, filled: Filled, dana: Visitor) -> None:
        item_id = filled.house.for_review("SH-NEW", risk=0.3)
        filled.house.send(delivery("d-new", "terminal_arrived", "SH-NEW"))
        filled.house.decided("SH-NEW", risk=0.8)
        page = dana.shown(f"/queue/{item_id}")
        assert "superseded by system" in words_of(page)
        assert 'id="claim"' not in page


class TestFormsWithoutScript:
    def test_one_form_carries_the_note_to_every_answer(self, filled: Filled, dana: Visitor) -> None:
        dana.claimed(filled.path("top"))
        page = dana.shown(filled.path("top"))
        form = page[page.index('<form id="answer"') :].split("</form>")[0]
        actions = re.findall(r'formaction="([^"]*)"', form)
        assert [action.rpartition("/")[2] for action in actions] == ["override", "dismiss", "release", "extend"]
        assert 'name="note"' in form
        assert value_of(form, "token")

    def test_no_text_line_lets_enter_send_the_form(self, filled: Filled, dana: Visitor) -> None:
        dana.claimed(filled.path("top"))
        page = dana.shown(filled.path("top"))
        kinds = set(re.findall(r'<input type="(\w+)"', page))
        assert kinds == {"hidden"}


class TestWhenItArrives:
    """As of now, and beside the sealed decision: only where a model of arrival is loaded."""

    def test_without_a_model_nothing_is_said_of_it(self, filled: Filled, dana: Visitor) -> None:
        assert "Arrival, as of now" not in dana.shown(filled.path("top"))

    @pytest.mark.parametrize(
        ("hours", "said"),
        [
            (
                (40, 44, 50),
                "It arrives between Tue 03 Mar 22:00 UTC and Wed 04 Mar 08:00 UTC, most likely Wed 04 Mar 02:00 UTC.",
            ),
            ((-1, 44, 50), "It arrives by Wed 04 Mar 08:00 UTC, most likely Wed 04 Mar 02:00 UTC."),
            ((-9, -1, 50), "It arrives by Wed 04 Mar 08:00 UTC; half of such shipments would have by Mon 02 Mar 05:00"),
            ((-9, -4, -1), "It should have arrived by Mon 02 Mar 05:00 UTC, and nothing of it has been told."),
        ],
    )
    def test_an_interval_and_its_middle(self, hours: tuple[float, float, float], said: str) -> None:
        early, median, late = (NOW + timedelta(hours=each) for each in hours)
        assert words.arrival(early, median, late, NOW).startswith(said)

    def test_the_page_tells_it_as_of_now_and_apart_from_the_decision(
        self, filled: Filled, arrives: Visitor, dana: Visitor
    ) -> None:
        page = words_of(arrives.shown(filled.path("top")))
        assert "Arrival, as of now It arrives between" in page
        assert "by the eta model version unregistered, whose intervals are stated to hold 80 % of arrivals;" in page
        assert "Arrival, as of now" not in words_of(dana.shown(filled.path("top")))

    def test_it_says_why_it_cannot_be_told(self, filled: Filled, arrives: Visitor) -> None:
        said = words_of(arrives.shown(filled.path("unknown carrier")))
        assert "It cannot be told as of now: carrier NEWCO has no history." in said

    def test_of_one_that_has_arrived_nothing_is_said(self, filled: Filled, arrives: Visitor) -> None:
        filled.house.send(delivery("d-arrived", "delivered", row_of(filled, "top").shipment_id))
        assert "Arrival, as of now" not in arrives.shown(filled.path("top"))


@pytest.fixture
def arrives(filled: Filled) -> Iterator[Visitor]:
    """An analyst at a process that has a model of arrival, whose outcomes became known an hour ago."""
    made, known = small_eta_model(), micros(filled.house.clock.now() - timedelta(hours=1))
    outcomes = {
        moment: Outcomes(told.groups, np.full(len(told.known), known), told.values)
        for moment, told in made.outcomes.items()
    }
    with filled.house.another(eta_model=replace(made, outcomes=outcomes)) as house:
        visitor = Visitor(house)
        yield visitor
        visitor.close()


def test_a_row_of_a_list_says_who_it_is_and_its_numbers_by_name() -> None:
    costs = {"expected_cost_minor": 14959, "late_probability": 0.54, "late_share": 0.14, "rate_minor": 6977}
    said = words.row({"accepted_share": 0.5, "carrier_id": "VELO", **costs}, currency="EUR")
    assert said.replace("\N{NO-BREAK SPACE}", " ") == (
        "VELO, accepted share 50 %, expected cost 149.59 EUR, late probability 54 %, 14 % late, rate 69.77 EUR"
    )
