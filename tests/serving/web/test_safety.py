"""Nothing from elsewhere runs in the pages, and nobody elsewhere submits their forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.serving.house import Api, House, staff
from tests.serving.web.filled import SCRIPT_ID, Filled
from tests.serving.web.visitor import OUR_ORIGIN, Visitor, words_of

TOKEN = "0123456789abcdef"
MOVES = ["/sign-in", "/sign-out", "/queue/next", *(f"/queue/rev_0/{verb}" for verb in ("claim", "extend", "release"))]
MOVES += [f"/queue/rev_0/{verb}" for verb in ("accept", "override", "dismiss")]


class TestHeaders:
    @pytest.mark.parametrize("path", ["/", "/queue", "/queue?show=done", "/queue/rev_0", "/budgets", "/sign-in", "top"])
    def test_every_page_lets_only_our_own_files_run(self, filled: Filled, dana: Visitor, path: str) -> None:
        headers = dana.get(filled.path("top") if path == "top" else path).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["form-action"] == "'self'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"

    def test_a_refused_move_has_them_too(self, filled: Filled, dana: Visitor) -> None:
        answer = dana.post(f"{filled.path('claimed')}/claim")
        assert answer.status_code == 409
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]

    def test_pages_hold_no_inline_script_style_or_handler(self, filled: Filled, dana: Visitor) -> None:
        dana.claimed(filled.path("top"))
        for page in (dana.shown("/queue?show=all"), dana.shown(filled.path("top")), dana.shown("/sign-in")):
            assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", page)

    def test_pages_load_nothing_from_elsewhere(self, dana: Visitor) -> None:
        for address in re.findall(r'(?:src|href|action)="([^"]*)"', dana.shown("/queue")):
            assert not urlsplit(address).netloc, address


class TestEscaping:
    @pytest.mark.parametrize("path", ["/queue", "script"])
    def test_a_shipment_id_that_is_a_script_is_shown_and_not_run(
        self, filled: Filled, dana: Visitor, path: str
    ) -> None:  # fmt: skip
        page = dana.shown(filled.path("script") if path == "script" else path)
        assert "<script>document" not in page
        assert SCRIPT_ID in words_of(page)

    def test_a_note_with_markup_is_shown_as_written(self, filled: Filled, dana: Visitor) -> None:
        note = '</textarea><script>alert(1)</script>"><img src=x>'
        token = dana.claimed(filled.path("top"))
        refused = dana.post(f"{filled.path('top')}/dismiss", token=token, note=note)
        dana.post(f"{filled.path('top')}/dismiss", token=token, note=note, dismiss_reason="not_late")
        for page in (refused.text, dana.shown(filled.path("top"))):
            assert "<script>alert" not in page
            assert "<img src=x" not in page

    def test_a_name_with_markup_is_shown_as_written(self, filled: Filled) -> None:
        with Visitor(filled.house, "<b>Bobby</b>") as bobby:
            page = bobby.shown("/queue")
        assert "<b>Bobby" not in page
        assert "<b>Bobby</b>" in words_of(page.replace("&lt;b&gt;", "&lt;b&gt;"))


class TestForms:
    @pytest.mark.parametrize("path", MOVES)
    @pytest.mark.parametrize("origin", ["https://evil.example", "http://triage.evil.example", "null", "", None])
    def test_a_form_from_elsewhere_is_refused(self, dana: Visitor, path: str, origin: str | None) -> None:
        assert dana.post(path, origin=origin, name="eve", token="x").status_code == 403

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
    def test_what_the_browser_says_of_the_site_goes_before_the_origin(
        self, filled: Filled, dana: Visitor, site: str
    ) -> None:  # fmt: skip
        headers = {"origin": OUR_ORIGIN, "sec-fetch-site": site}
        with_name = {"name": "eve"}
        assert dana._api.post("/sign-in", data=with_name, headers=headers).status_code == 403

    def test_the_browsers_word_alone_is_enough(self, dana: Visitor) -> None:
        answer = dana._api.post("/sign-out", headers={"sec-fetch-site": "same-origin"})
        assert answer.status_code == 303

    def test_a_refused_form_changes_nothing(self, filled: Filled, dana: Visitor) -> None:
        before = filled.house.audited()
        dana.post(f"{filled.path('top')}/claim", origin="https://evil.example")
        assert filled.house.audited() == before


class TestSigningIn:
    def test_it_leads_back_to_where_one_was(self, passer_by: Visitor) -> None:
        answer = passer_by.post("/sign-in", name="Dana", then="/queue?show=done")
        assert (answer.status_code, answer.headers["location"]) == (303, "/queue?show=done")
        for page in ("/budgets", "/causes/cause_0"):
            assert passer_by.post("/sign-in", name="Dana", then=page).headers["location"] == page
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie

    @pytest.mark.parametrize(
        "then", ["https://evil.example", "//evil.example", "/queue//evil", "/\\evil", "/v1/reviews"]
    )
    def test_it_leads_to_no_other_place(self, passer_by: Visitor, then: str) -> None:
        assert passer_by.post("/sign-in", name="Dana", then=then).headers["location"] == "/queue"

    @pytest.mark.parametrize("name", ["", "   ", "x" * 61, "Da\x07na", "Da\nna"])
    def test_a_name_that_cannot_be_kept_is_asked_for_again(self, passer_by: Visitor, name: str) -> None:
        answer = passer_by.post("/sign-in", name=name)
        assert answer.status_code == 422
        assert "Give a name of 1 to 60 printable characters" in answer.text

    def test_signed_out_one_is_nobody(self, filled: Filled, dana: Visitor) -> None:
        dana.post("/sign-out")
        assert dana.post("/queue/next").headers["location"].startswith("/sign-in")

    @pytest.mark.parametrize("cookie", ["", "x", "ZGFuYQ==.0000", "é.é", "....", "ZGFuYQ=="])
    def test_a_cookie_that_somebody_made_up_is_nobody(self, filled: Filled, cookie: str) -> None:
        header = {"cookie": f"triage_analyst={cookie}".encode(), "origin": OUR_ORIGIN}
        with Api(filled.house.container) as api:
            assert api.post("/queue/next", headers=header).headers["location"].startswith("/sign-in")


class TestWhereTheServiceHasAToken:
    @pytest.fixture
    def guarded(self, filled: Filled) -> Iterator[House]:
        with filled.house.another(api_token=TOKEN) as house:
            yield house

    @pytest.fixture
    def stranger(self, guarded: House) -> Iterator[Visitor]:
        with Visitor(guarded, None) as visitor:
            yield visitor

    @pytest.mark.parametrize("path", ["/queue", "/queue/rev_0", "/budgets"])
    def test_nobody_looks_without_signing_in(self, stranger: Visitor, path: str) -> None:
        answer = stranger.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(f"/sign-in?then=%2F{path.split('/')[1]}")

    def test_a_wrong_token_is_refused(self, stranger: Visitor) -> None:
        answer = stranger.post("/sign-in", name="eve", token="wrong")
        assert answer.status_code == 422
        assert "That is not the token of this service" in answer.text
        assert "set-cookie" not in answer.headers

    def test_the_right_one_opens_the_queue_and_stands_on_no_page(self, guarded: House) -> None:
        with Visitor(guarded, "dana", TOKEN) as visitor:
            assert TOKEN not in visitor.shown("/queue") + visitor.shown("/sign-in")

    def test_a_cookie_of_a_service_without_one_is_nobody(self, dana: Visitor, guarded: House) -> None:
        answer = guarded.api.get("/queue", headers={"cookie": f"triage_analyst={dana.cookie()}"})
        assert answer.status_code == 303

    def test_a_refresh_after_signing_out_leaves_the_page_as_it_is(self, stranger: Visitor) -> None:
        answer = stranger.get("/queue", **{"HX-Request": "true"})
        assert (answer.status_code, answer.text) == (204, "")


class TestPeopleWithATokenOfTheirOwn:
    @pytest.fixture(params=[None, TOKEN])
    def staffed(self, filled: Filled, request: pytest.FixtureRequest) -> Iterator[House]:
        with filled.house.another(people=staff(ben=["duty-manager"]), api_token=request.param) as house:
            yield house

    @pytest.mark.parametrize(
        ("name", "token", "said"),
        [
            ("ben", TOKEN, "ben has a token of their own"),
            ("ben", "wrong", "ben has a token of their own"),
            ("eve", "ben-token", "That is the token of ben"),
        ],
    )
    def test_nobody_signs_in_under_their_name_or_with_their_token_but_they(
        self, staffed: House, name: str, token: str, said: str
    ) -> None:
        with Visitor(staffed, None) as visitor:
            answer = visitor.post("/sign-in", name=name, token=token)
            assert (answer.status_code, said in answer.text) == (422, True)
            assert "set-cookie" not in answer.headers

    def test_they_sign_in_with_it(self, staffed: House) -> None:
        with Visitor(staffed, "ben", "ben-token") as visitor:
            assert "ben" in words_of(visitor.shown("/queue"))
            assert "Your own token" in visitor.shown("/sign-in")

    def test_a_cookie_in_their_name_from_before_is_nobody(self, filled: Filled, staffed: House) -> None:
        with Visitor(filled.house, "ben") as before:
            cookie = before.cookie()
        headers = {"cookie": f"triage_analyst={cookie}", "origin": OUR_ORIGIN}
        assert staffed.api.post("/queue/next", headers=headers).headers["location"].startswith("/sign-in")


class TestAssets:
    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("htmx.js", "text/javascript"),
            ("page.js", "text/javascript"),
            ("page.css", "text/css"),
            ("icon.svg", "image/"),
        ],
    )
    def test_a_page_names_them_by_content_so_they_are_kept_for_good(
        self, dana: Visitor, name: str, kind: str
    ) -> None:  # fmt: skip
        address = re.search(rf'"(/assets/{name}\?v=[0-9a-f]{{12}})"', dana.shown("/queue"))
        assert address
        answer = dana.get(address[1])
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"

    def test_another_content_is_asked_for_again(self, dana: Visitor) -> None:
        assert dana.get("/assets/page.css?v=old").headers["cache-control"] == "no-cache"

    @pytest.mark.parametrize("name", ["page.py", "..%2Fpages.py", "templates"])
    def test_nothing_else_is_served(self, dana: Visitor, name: str) -> None:
        assert dana.get(f"/assets/{name}").status_code == 404


def test_the_pages_are_no_part_of_the_api(dana: Visitor) -> None:
    paths = dana.get("/openapi.json").json()["paths"]
    assert not [path for path in paths if path.startswith(("/queue", "/budgets", "/sign", "/assets")) or path == "/"]
