"""`GET /metrics`: what the service tells Prometheus."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.serving.house import House, problem_in


def figures(house: House) -> dict[str, float]:
    answer = house.api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


class TestMetrics:
    def test_they_tell_the_lag_and_what_waits(self, any_house: House) -> None:
        any_house.for_review("SH-1")
        any_house.claimed(any_house.for_review("SH-2"))
        any_house.announce("SH-3")
        any_house.decided("SH-3", risk=0.5)
        position = any_house.container.following.position
        with any_house.another() as other:
            other.announce("SH-4", "SH-5")
        found = figures(any_house)

        assert found["triage_record_log_position"] == position
        assert found["triage_record_log_behind_events"] == 2
        assert found["triage_database_up"] == 1
        assert (found["triage_review_items open"], found["triage_review_items claimed"]) == (1, 1)
        assert found["triage_outgoing_calls pending"] == 1
        assert found["process_resident_memory_bytes"] > 0

    def test_they_tell_which_reviews_are_overdue_and_which_are_due_soon(self, any_house: House) -> None:
        def reviews() -> tuple[float, float]:
            found = figures(any_house)
            return found["triage_policy_reviews overdue"], found["triage_policy_reviews due_soon"]

        assert reviews() == (0, 0)
        any_house.advance(days=(date(2027, 6, 30) - any_house.clock.now().date()).days)
        assert reviews() == (0, 1)
        any_house.advance(days=1)
        assert reviews() == (1, 0)

    def test_without_a_database_they_say_so_and_what_is_known(self, house: House) -> None:
        house.announce("SH-1")
        house.engine.dispose()
        path = Path(house.engine.url.database or "")
        path.rename(path.with_suffix(".gone"))
        path.mkdir()
        found = figures(house)

        assert found["triage_database_up"] == 0
        assert found["triage_record_log_position"] == 1
        assert "triage_record_log_behind_events" not in found

    def test_they_need_the_token_where_there_is_one(self, house: House) -> None:
        with house.another(api_token="0123456789abcdef") as guarded:
            problem_in(guarded.api.get("/metrics"), 401, "unauthorized")
            headers = {"Authorization": "Bearer 0123456789abcdef"}
            assert guarded.api.get("/metrics", headers=headers).status_code == 200
