"""Who is known by a token, and what becomes of whoever is not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from routing.policy import Policy
from serving.auth.people import NOBODY, Person, read_people
from serving.bootstrap import build
from serving.config import Settings
from serving.db.tables import AuditRow, OutgoingCallRow
from serving.errors import SettingsError
from serving.web.analyst import seal
from tests.serving.effects.calls import delivered, items_about, rebooked, tended
from tests.serving.house import House, Json, problem_in, shipment, staff
from tests.serving.web.visitor import Visitor

OWNERS = ("transport-operations", "duty-manager")
DIGEST = hashlib.sha256(b"a-secret").hexdigest()


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "people.yaml"
    path.write_text(text, encoding="utf-8")
    return path


class TestReadPeople:
    def test_a_person_is_known_by_their_token_alone(self, tmp_path: Path) -> None:
        path = written(tmp_path, f"dana:\n  token_sha256: {DIGEST}\n  roles: [duty-manager]\n")
        people = read_people(path, OWNERS)
        assert people.known_by("a-secret") == Person("dana", frozenset({"duty-manager"}))
        assert people.known_by(DIGEST) is people.known_by(None) is None
        assert (people.is_listed("dana"), people.is_listed("ben")) == (True, False)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("", "it lists nobody"),
            ("- dana\n", "it lists nobody"),
            ("dana: {roles: [duty-manager]}\n", "dana has no token_sha256 of 64 hex digits"),
            (f"dana: {{token_sha256: {DIGEST}, roles: []}}\n", r"dana has roles \[\], expected some of duty-manager"),
            (f"dana: {{token_sha256: {DIGEST}, roles: [king]}}\n", r"dana has roles \['king'\], expected some of"),
            (f"system: {{token_sha256: {DIGEST}, roles: [duty-manager]}}\n", "what the service itself is called"),
            (f"' dana': {{token_sha256: {DIGEST}, roles: [duty-manager]}}\n", "' dana' is no name of 1 to 60"),
            ("dana: [\n", "which cannot be read"),
            ("dana: {}\ndana: {}\n", "'dana' is given twice"),
            (
                f"dana: {{token_sha256: {DIGEST}, roles: [duty-manager]}}\n"
                f"ben: {{token_sha256: {DIGEST}, roles: [duty-manager]}}\neve: 3\n",
                "ben has the token of dana; eve has no token_sha256",
            ),
        ],
    )
    def test_everything_that_is_wrong_is_said_at_once(self, tmp_path: Path, text: str, found: str) -> None:
        with pytest.raises(SettingsError, match=found):
            read_people(written(tmp_path, text), OWNERS)

    def test_the_service_starts_with_the_people_it_is_given(self, tmp_path: Path) -> None:
        path = written(tmp_path, f"dana:\n  token_sha256: {DIGEST}\n  roles: [duty-manager]\n")
        database = f"sqlite:///{tmp_path}/triage.db"
        container = build(Settings(database_url=database, people=path))
        assert container.people.is_listed("dana")
        container.engine.dispose()
        bare = build(Settings(database_url=database))
        assert bare.people is NOBODY
        bare.engine.dispose()


@pytest.fixture
def house(sqlite_url: str, late_shipments: Policy) -> House:
    return House(sqlite_url, late_shipments, people=staff(dana=["duty-manager"]), api_token="the-service's-own-token")


class TestWhoCalls:
    def test_the_token_of_a_person_opens_the_api_and_names_them(self, house: House) -> None:
        headers = {"Authorization": "Bearer dana-token", "Idempotency-Key": "k"}
        with house:
            answer = house.api.post("/v1/triage", json={"shipment": shipment("SH-9")}, headers=headers)
            assert answer.status_code == 200, answer.text
            assert house.rows(AuditRow)[0].actor == "dana"

    @pytest.mark.parametrize(
        ("token", "actor", "status", "slug"),
        [
            ("dana-token", "ben", 403, "impersonation"),
            ("the-service's-own-token", "dana", 403, "impersonation"),
            ("nobody's", "dana", 401, "unauthorized"),
        ],
    )
    def test_nobody_acts_in_the_name_of_a_person_without_their_token(
        self, house: House, token: str, actor: str, status: int, slug: str
    ) -> None:
        headers = {"Authorization": f"Bearer {token}", "X-Actor": actor}
        with house:
            problem_in(house.api.post("/v1/reviews/rev_0/claim", headers=headers), status, slug)

    @pytest.mark.parametrize("actor", ["system", "System", "system:worker"])
    def test_nobody_acts_as_the_service_itself(self, house: House, actor: str) -> None:
        headers = {"Authorization": "Bearer the-service's-own-token", "X-Actor": actor}
        with house:
            problem_in(house.api.post("/v1/causes/cause_0/close", json={}, headers=headers), 403, "impersonation")
            here = {"Origin": "http://triage", "Sec-Fetch-Site": "same-origin"}
            answer = house.api.post("/sign-in", data={"name": actor, "token": "the-service's-own-token"}, headers=here)
            assert (answer.status_code, "the service itself" in answer.text) == (422, True)

    def test_where_nobody_is_listed_whoever_answers_is_believed(self, sqlite_url: str, late_shipments: Policy) -> None:
        headers = {"X-Actor": "ben"}
        with House(sqlite_url, late_shipments) as house:
            problem_in(house.api.post("/v1/reviews/rev_0/claim", headers=headers), 404, "unknown-review-item")

    def test_but_not_for_what_the_orchestrator_and_askers_say(self, house: House) -> None:
        headers = {"Authorization": "Bearer the-service's-own-token", "X-Actor": "erp", "Idempotency-Key": "k"}
        with house:
            answer = house.api.post("/v1/triage", json={"shipment": shipment("SH-9")}, headers=headers)
            assert answer.status_code == 200, answer.text


ANSWERS: list[tuple[str, Json]] = [
    ("/v1/reviews/rev_0/claim", {}),
    ("/v1/reviews/rev_0/release", {"claim_token": "t"}),
    ("/v1/reviews/rev_0/accept", {"claim_token": "t"}),
    ("/v1/reviews/rev_0/override", {"claim_token": "t", "branch": "notify", "reason_code": "better_option"}),
    ("/v1/reviews/rev_0/dismiss", {"claim_token": "t", "reason_code": "not_late"}),
    ("/v1/reviews/rev_0/settle", {"claim_token": "t", "happened": True}),
    ("/v1/reviews/rev_0/undo", {"claim_token": "t"}),
    ("/v1/reviews/bulk", {"items": [{"item_id": "rev_0", "claim_token": "t"}], "answer": "accept"}),
    ("/v1/calls/dec_0_rebook_1/undo", {"reason": "not wanted"}),
    ("/v1/causes/cause_0/confirm", {}),
    ("/v1/causes/cause_0/close", {}),
    ("/v1/causes/cause_0/decline", {}),
]


class TestWhoAnswers:
    def test_where_people_are_listed_a_name_in_a_header_answers_nothing(self, house: House) -> None:
        own = {"Authorization": "Bearer the-service's-own-token", "Idempotency-Key": "k"}
        with house:
            for path, body in ANSWERS:
                for named in ({"X-Actor": "mallory"}, {"X-Actor": "Dana"}, {}):
                    problem_in(house.api.post(path, json=body, headers=own | named), 401, "person-unknown")

    def test_what_spends_money_is_let_out_by_who_acts_for_the_owner(self, any_url: str, late_shipments: Policy) -> None:
        people = staff(dana=["transport-operations"], cora=["customer-service"], pat=["process-owner"])
        with House(any_url, late_shipments, people=people) as house:
            first, second = house.for_review("SH-1", risk=0.8), house.for_review("SH-2", risk=0.8)
            token = house.claimed(first, "cora")
            told = problem_in(house.answer(first, "accept", actor="cora", claim_token=token), 403, "role-missing")
            assert "to let out rebook, which spends money, takes process-owner or transport-op" in told["detail"]
            body = {"claim_token": token, "reason_code": "better_option"}
            problem_in(house.answer(first, "override", actor="cora", branch="rebook", **body), 403, "role-missing")
            assert house.count(OutgoingCallRow) == 0
            bulk = {"items": [{"item_id": first, "claim_token": token}], "answer": "accept"}
            assert house.said("/v1/reviews/bulk", bulk, by="cora").json()["refused"] == 1
            assert house.answer(first, "override", actor="cora", branch="notify", **body).status_code == 200

            taken = house.answer(second, "accept", actor="dana", claim_token=house.claimed(second, "dana"))
            assert taken.status_code == 200, taken.text
            third = house.for_review("SH-3", risk=0.8)
            taken = house.answer(third, "accept", actor="pat", claim_token=house.claimed(third, "pat"))
            assert taken.status_code == 200, taken.text

    def test_so_is_what_undoes_it(self, any_url: str, late_shipments: Policy) -> None:
        people = staff(dana=["transport-operations"], cora=["customer-service"])
        with House(any_url, late_shipments, people=people) as house:
            call_id = rebooked(house)
            delivered(house)
            path, body = f"/v1/calls/{call_id}/undo", {"reason": "not wanted"}
            told = problem_in(house.said(path, body, by="cora"), 403, "role-missing")
            assert "to undo rebook, which spends money, takes process-owner or transport-op" in told["detail"]

            house.advance(hours=3)
            tended(house)
            (item,) = items_about(house, call_id)
            token = house.claimed(item.item_id, "cora")
            problem_in(house.answer(item.item_id, "undo", actor="cora", claim_token=token), 403, "role-missing")
            with Visitor(house, "cora", "cora-token") as cora:
                answer = cora.post(f"/queue/{item.item_id}/undo", token=token)
            assert (answer.status_code, "Nothing was changed: cora acts for" in answer.text) == (403, True)
            assert house.count(OutgoingCallRow) == 1
            assert house.said(path, body, by="dana").json()["compensates"] == call_id

    def test_only_who_is_listed_signs_in_to_the_page(self, house: House) -> None:
        with house:
            own = "the-service's-own-token"
            here = {"Origin": "http://triage", "Sec-Fetch-Site": "same-origin"}
            answer = house.api.post("/sign-in", data={"name": "mallory", "token": own}, headers=here)
            assert (answer.status_code, "not among those who answer here" in answer.text) == (422, True)
            cookie = f"triage_analyst={seal('mallory', own)}"
            answer = house.api.post("/queue/next", headers={**here, "Cookie": cookie})
            assert answer.headers["location"].startswith("/sign-in")
            with Visitor(house, "dana", "dana-token") as dana:
                assert dana.post("/queue/next").headers["location"] == "/queue"

    def test_on_the_page_a_missing_role_is_told_and_changes_nothing(
        self, sqlite_url: str, late_shipments: Policy
    ) -> None:
        with House(sqlite_url, late_shipments, people=staff(cora=["customer-service"])) as house:
            path = f"/queue/{house.for_review('SH-1', risk=0.8)}"
            with Visitor(house, "cora", "cora-token") as cora:
                answer = cora.post(f"{path}/accept", token=cora.claimed(path))
            assert (answer.status_code, "Nothing was changed: cora acts for customer-service" in answer.text) == (
                403,
                True,
            )
            assert house.count(OutgoingCallRow) == 0
