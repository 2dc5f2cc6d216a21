"""`GET /healthz` and `GET /readyz`: alive, and able to work, part by part."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from routing.policy import Policy
from serving.clock import ManualClock
from serving.db.engine import create_engine_for
from serving.db.tables import EventRow
from serving.scores.absent import AbsentModel
from tests.serving.house import House, problem_in


def ready(house: House) -> tuple[httpx.Response, dict[str, Any]]:
    answer = house.api.get("/readyz")
    return answer, {check["name"]: check for check in answer.json()["checks"]}


def lose_database(house: House) -> None:
    house.engine.dispose()
    path = Path(house.engine.url.database or "")
    path.rename(path.with_suffix(".gone"))
    for beside in ("-wal", "-shm"):
        Path(f"{path}{beside}").unlink(missing_ok=True)
    path.mkdir()  # what cannot be opened as a file


class TestHealthz:
    def test_a_living_process_answers(self, house: House) -> None:
        answer = house.api.get("/healthz")
        assert (answer.status_code, answer.json()) == (200, {"status": "alive"})

    def test_it_answers_without_a_database(self, house: House) -> None:
        lose_database(house)
        assert house.api.get("/healthz").status_code == 200

    def test_it_needs_no_token(self, house: House) -> None:
        with house.another(api_token="0123456789abcdef") as guarded:
            assert guarded.api.get("/healthz").status_code == 200
            assert guarded.api.get("/readyz").status_code == 200


class TestReadyz:
    def test_all_is_well(self, any_house: House) -> None:
        any_house.announce("SH-1")
        (event,) = any_house.rows(EventRow)
        answer, checks = ready(any_house)

        assert (answer.status_code, answer.json()["ready"]) == (200, True)
        assert list(checks) == ["database", "state", "model", "policy"]
        assert checks["model"]["reason"] == "fake version 7"
        assert checks["state"]["reason"] == f"knows the record log to position {event.position}"

    def test_a_database_that_is_gone_is_told_and_hides_no_other_part(self, house: House) -> None:
        lose_database(house)
        answer, checks = ready(house)

        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        assert not checks["database"]["ok"]
        assert checks["database"]["reason"] == "the database does not answer (OperationalError)"
        assert checks["model"]["ok"]
        assert checks["policy"]["reason"] == checks["database"]["reason"], "what is in force stands in the database"

    def test_a_database_that_was_never_migrated_is_told_with_the_command(self, tmp_path: Path, house: House) -> None:
        with house.engine.begin() as connection:
            connection.execute(text("DELETE FROM alembic_version"))
        answer, checks = ready(house)

        assert answer.status_code == 503
        assert "Run `triage db upgrade`" in checks["database"]["reason"]

    def test_how_far_another_process_is_ahead_is_told(self, any_house: House) -> None:
        with any_house.another() as other:
            any_house.announce("SH-0")
            other.announce("SH-1", "SH-2")
            (first, *_) = any_house.rows(EventRow)
            answer, checks = ready(any_house)

            assert answer.status_code == 200
            assert checks["state"]["reason"] == f"knows the record log to position {first.position}, 2 events behind"
            assert "behind" not in ready(other)[1]["state"]["reason"]

    def test_a_process_that_is_far_behind_is_not_ready(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("serving.health.service.MOST_BEHIND", 1)
        with house.another() as other:
            other.announce("SH-1", "SH-2")
        answer, checks = ready(house)

        assert answer.status_code == 503
        assert "2 events behind, and is learning them" in checks["state"]["reason"]
        house.container.following.catch_up()
        assert ready(house)[0].status_code == 200

    def test_a_missing_model_is_told(self, house: House) -> None:
        with house.another(model=AbsentModel()) as bare:
            answer, checks = ready(bare)
        assert answer.status_code == 503
        assert "Every case goes to a person" in checks["model"]["reason"]
        assert "--model none" in checks["model"]["reason"]

    def test_a_service_that_is_to_judge_no_shipments_is_ready_and_says_so(self, house: House) -> None:
        with house.another(model=AbsentModel(is_meant=True)) as bare:
            answer, checks = ready(bare)
        assert answer.status_code == 200
        assert "no shipment is scored" in checks["model"]["reason"]

    def test_a_policy_past_its_review_date_is_told_and_the_service_goes_on(
        self, house: House, late_shipments: Policy
    ) -> None:
        with house.another(clock=ManualClock(datetime(2027, 6, 30, tzinfo=UTC))) as on_time:
            said = []
            for days in (-15, 1, 14, 1):  # 15 June, when it is too early; 16 June; the day itself; the day after
                on_time.advance(days=days)
                answer, checks = ready(on_time)
                assert answer.status_code == 200
                said.append(checks["policy"]["reason"].removeprefix("late_shipments version 1"))
        assert said == [
            "",
            ", soon to be reviewed: the bundle by 2027-06-30 (process-owner)",
            ", soon to be reviewed: the bundle by 2027-06-30 (process-owner)",
            ", past its review date: the bundle by 2027-06-30 (process-owner)",
        ]


class TestCallsWithoutADatabase:
    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/v1/reviews"), ("GET", "/v1/reviews/rev_0"), ("GET", "/v1/decisions/dec_0"), ("POST", "/v1/events")],
    )
    def test_say_that_nothing_was_changed_and_when_to_try_again(self, house: House, method: str, path: str) -> None:
        lose_database(house)
        options = {"content": b"[3]", "headers": {"content-type": "application/json"}} if method == "POST" else {}
        answer = house.api.request(method, path, **options)

        problem = problem_in(answer, 503, "database-unavailable")
        assert "nothing was changed" in problem["detail"]
        assert problem["instance"].startswith("urn:uuid:")
        assert answer.headers["Retry-After"] == "1"

    def test_a_decision_is_not_made(self, house: House) -> None:
        house.announce("SH-1")
        lose_database(house)
        problem_in(house.triage("SH-1"), 503, "database-unavailable")

    def test_a_score_is_still_told(self, house: House) -> None:
        house.announce("SH-1")
        lose_database(house)
        assert house.api.post("/v1/score/delay", json={"shipment_id": "SH-1"}).json()["probability"] == 0.5

    @pytest.mark.service
    def test_on_postgresql_too(self, postgresql_url: str, late_shipments: Policy) -> None:
        name = postgresql_url.rpartition("/")[2]
        server = create_engine_for(postgresql_url.replace(name, "postgres")).execution_options(
            isolation_level="AUTOCOMMIT"
        )
        with House(postgresql_url, late_shipments) as house, server.connect() as connection:
            house.announce("SH-1")
            connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
            connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))
            try:
                answer, checks = ready(house)
                refused = house.triage("SH-1", key="k")
            finally:
                connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
            afterwards = house.triage("SH-1", key="k")
        server.dispose()

        assert answer.status_code == 503
        assert not checks["database"]["ok"]
        problem_in(refused, 503, "database-unavailable")
        assert afterwards.status_code == 200
