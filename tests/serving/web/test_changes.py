"""What would change a decision, in the browser."""

from __future__ import annotations

from tests.serving.web.filled import Filled
from tests.serving.web.visitor import Visitor, words_of


def test_the_nearest_changes_stand_in_a_table(filled: Filled, dana: Visitor) -> None:
    said = words_of(dana.shown(f"{filled.path('top')}/changes"))
    assert "If this were not but it ends in" in said
    assert "late probability 82 % under 60 % review, split suggested" in said
    assert "rebook from (threshold) Transport operations can change it 60 % over 82 % review, split suggested" in said
    assert said.index("rebook from") < said.index("late probability"), "what somebody can change comes first"


def test_the_item_asks_for_them_when_they_are_opened_and_links_to_them(filled: Filled, dana: Visitor) -> None:
    page = dana.shown(filled.path("top"))
    assert f'<details hx-get="{filled.path("top")}/changes" hx-trigger="toggle once"' in page
    assert f'<a href="{filled.path("top")}/changes">' in page


def test_what_would_not_change_it_is_not_there(filled: Filled, dana: Visitor) -> None:
    """A guardrail sends it to a person, whatever else is known of it."""
    said = words_of(dana.shown(f"{filled.path('unknown carrier')}/changes"))
    assert "delivered or cancelled no yes none One thing at a time" in said
