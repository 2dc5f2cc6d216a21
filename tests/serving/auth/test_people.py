"""Who is known by a token, and what becomes of whoever is not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from routing.policy import Policy
from serving.auth.people import NOBODY, Person, read_people
from serving.bootstrap import build
from serving.config import Settings
from serving.db.tables import AuditRow
from serving.errors import SettingsError
from tests.serving.house import House, problem_in, shipment, staff

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

    def test_whoever_has_no_token_of_their_own_is_believed(self, house: House) -> None:
        headers = {"Authorization": "Bearer the-service's-own-token", "X-Actor": "ben"}
        with house:
            problem_in(house.api.post("/v1/reviews/rev_0/claim", headers=headers), 404, "unknown-review-item")
