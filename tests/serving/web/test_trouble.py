"""What goes wrong is said on a page to whoever asked for one, and in a problem document to programs."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.serving.health.test_health import lose_database
from tests.serving.house import problem_in
from tests.serving.web.filled import Filled
from tests.serving.web.visitor import OUR_ORIGIN, Visitor, note_of, words_of

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.mark.parametrize("path", ["/nothing/here", "/sign-out"])
def test_an_address_that_is_no_page_says_so_and_leads_back(dana: Visitor, path: str) -> None:
    answer = dana.get(path, accept=BROWSER)
    assert answer.status_code in (404, 405)
    assert "There is no such page" in answer.text
    assert f"Nothing is to be seen at {path}." in words_of(answer.text)
    assert '<a id="back" href="/queue">' in answer.text
    assert '<span class="name">dana</span>' in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_what_an_address_holds_that_is_not_known_is_named(dana: Visitor) -> None:
    answer = dana.get("/queue?about=boats", accept=BROWSER)
    said = words_of(answer.text)
    assert answer.status_code == 422
    assert "about: Input should be 'all', 'shipment', 'invoice' or 'shortage'; found 'boats'" in said
    assert "schema" not in said


def test_programs_are_told_in_a_document(dana: Visitor) -> None:
    problem_in(dana.get("/nothing/here"), 404, "not-found")
    problem_in(dana.get("/v1/nothing", accept=BROWSER), 404, "not-found")


def test_a_form_from_elsewhere_is_refused_in_words(dana: Visitor, filled: Filled) -> None:
    answer = dana._api.post("/queue/next", headers={"origin": "http://elsewhere", "accept": BROWSER})
    assert answer.status_code == 403
    assert "<h1>That was refused</h1>" in answer.text
    assert "This form was submitted from another site. Open the queue and try again." in words_of(answer.text)


def test_a_form_that_is_too_large_is_refused_in_words(dana: Visitor, filled: Filled) -> None:
    form = {"note": "x" * (filled.house.container.settings.body_limit_bytes + 1)}
    answer = dana._api.post(
        f"{filled.path('top')}/accept", data=form, headers={"origin": OUR_ORIGIN, "accept": BROWSER}
    )
    assert answer.status_code == 413
    assert "<h1>That was refused</h1>" in answer.text
    assert '<a id="back" href="/queue">' in answer.text
    problem_in(dana._api.post("/v1/events", data=form, headers={"accept": BROWSER}), 413, "content-too-large")


def test_while_the_database_is_away_what_was_typed_is_there_to_copy(dana: Visitor, filled: Filled) -> None:
    path, token = filled.path("top"), dana.claimed(filled.path("top"))
    lose_database(filled.house)
    form = {"token": token, "note": "ACE said yes <by phone>"}
    answer = dana._api.post(f"{path}/accept", data=form, headers={"origin": OUR_ORIGIN, "accept": BROWSER})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "Go back, see whether what you did was taken, and if not try again in a moment." in words_of(answer.text)
    assert "database" not in answer.text
    assert note_of(answer.text, "kept") == "ACE said yes <by phone>"


def test_a_fault_of_ours_shows_where_it_is_logged_and_nothing_of_it(dana: Visitor, filled: Filled) -> None:
    with filled.house.container.sessions.begin() as session:
        session.execute(text("UPDATE decisions SET body = '{'"))
    answer = dana.get(filled.path("top"), accept=BROWSER)
    said = words_of(answer.text)
    assert answer.status_code == 500
    assert "<h1>Something is wrong on our side</h1>" in answer.text
    assert "urn:uuid:" in said
    assert "JSON" not in said
