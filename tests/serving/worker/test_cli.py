from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from routing.dispatch import brokers
from routing.dispatch.signing import Secret
from serving.worker.cli import register
from tests.routing.dispatch.fakes import NOON, SECRET
from tests.serving.worker.stores import SqlStore

LEASE = timedelta(seconds=60)


@pytest.fixture
def triage() -> typer.Typer:
    app = typer.Typer()
    register(app)
    return app


def invoke(app: typer.Typer, *arguments: str, columns: int = 200) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": str(columns), "TERM": "dumb"})
    return result.exit_code, result.output


def bury(store: SqlStore, call_id: str, reason: str = "HTTP 422: [bold]no[/bold]") -> None:
    store.put(call_id, f"shipment of {call_id}")
    (call,) = store.outbox.claim(target="orchestrator", owner="w1", limit=9, now=NOON, real_now=NOON, lease=LEASE)
    store.outbox.dead(call, reason=reason, now=NOON)


class TestNewSecret:
    def test_it_prints_one_that_can_be_used(self, triage: typer.Typer) -> None:
        code, said = invoke(triage, "new-secret")
        assert code == 0
        assert len(Secret.parse(said).key) == 32


class TestWorker:
    def arguments(self, database: Path, *more: str) -> list[str]:
        url = ["--target-url", "http://127.0.0.1:9/calls"]
        return ["worker", "--database", f"sqlite:///{database}", *url, "--secret", SECRET.text(), *more]

    def test_on_an_empty_outbox_it_ends_when_asked_to(
        self, triage: typer.Typer, sqlite: SqlStore, sqlite_file: Path
    ) -> None:
        assert invoke(triage, *self.arguments(sqlite_file, "--until-empty")) == (0, "nothing to do\n")

    def test_it_says_what_became_of_the_calls(self, triage: typer.Typer, sqlite: SqlStore, sqlite_file: Path) -> None:
        sqlite.put("c1", "s1")
        code, said = invoke(triage, *self.arguments(sqlite_file, "--once"))
        assert code == 0
        assert said.endswith("retried 1\n")
        assert "loopback" in str(sqlite.seen("c1").last_error)

    def test_with_simulated_time_a_call_of_that_time_is_due(
        self, triage: typer.Typer, sqlite: SqlStore, sqlite_file: Path
    ) -> None:
        sqlite.put("c1", "s1", due=NOON + timedelta(days=4000))
        assert invoke(triage, *self.arguments(sqlite_file, "--once"))[1].endswith("nothing to do\n")
        when = (NOON + timedelta(days=4001)).isoformat()
        code, said = invoke(triage, *self.arguments(sqlite_file, "--once", "--simulated-from", when, "--speed", "2"))
        assert (code, said.endswith("retried 1\n")) == (0, True)

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            (["--once", "--until-empty"], "not both"),
            (["--speed", "9"], "simulated-from"),
            (["--simulated-from", "yesterday"], "ISO 8601"),
            (["--simulated-from", "2026-03-01T00:00:00"], "no zone"),
            (["--simulated-from", "2026-03-01T00:00:00Z", "--speed", "0"], "above 0"),
            (["--secret", "hunter2"], "does not begin with whsec_"),
            (["--target-url", "ftp://x/"], "has the scheme"),
            (["--target-url", "nats://127.0.0.1"], "--subject is missing"),
            (["--target-url", "kafka://127.0.0.1:9092", "--topic", "a b"], "has the topic 'a b'"),
            (["--lease-seconds", "20"], "lease is 20 s"),
            (["--first-wait-seconds", "9", "--longest-wait-seconds", "8"], "at most longest"),
        ],
    )
    def test_what_cannot_work_is_refused_in_words(
        self, triage: typer.Typer, sqlite: SqlStore, sqlite_file: Path, options: list[str], problem: str
    ) -> None:
        code, said = invoke(triage, *self.arguments(sqlite_file, *options))
        assert code == 2
        assert problem in said
        assert "hunter2" not in said

    def test_a_library_that_is_not_installed_is_told(
        self, triage: typer.Typer, sqlite: SqlStore, sqlite_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "nats.aio.client", None)
        monkeypatch.delitem(sys.modules, "routing.dispatch.brokers.nats", raising=False)
        monkeypatch.delattr(brokers, "nats", raising=False)  # what another test has imported stands there too
        options = ["--target-url", "nats://127.0.0.1", "--subject", "freight.calls", "--once"]
        code, said = invoke(triage, *self.arguments(sqlite_file, *options))
        assert (code, "Install `freight-triage[brokers]`" in said) == (2, True)


class TestDeadLetters:
    def database(self, path: Path) -> list[str]:
        return ["--database", f"sqlite:///{path}"]

    def test_list_shows_each_and_takes_no_answer_for_markup(
        self, triage: typer.Typer, sqlite: SqlStore, sqlite_file: Path
    ) -> None:
        assert invoke(triage, "dead-letters", "list", *self.database(sqlite_file)) == (
            0,
            "There are no dead letters.\n",
        )
        bury(sqlite, "c1")
        code, said = invoke(triage, "dead-letters", "list", *self.database(sqlite_file))
        assert code == 0
        assert "[bold]no[/bold]" in said

    def test_list_shows_the_whole_id_in_a_narrow_terminal(
        self, triage: typer.Typer, sqlite: SqlStore, sqlite_file: Path
    ) -> None:
        call_id = "dec_9e4cdbf45b5312278c1587882c16be48_notify_compensate"
        bury(sqlite, call_id)
        _, said = invoke(triage, "dead-letters", "list", *self.database(sqlite_file), columns=80)
        assert "".join(line.split("│")[1].strip() for line in said.splitlines() if line.startswith("│")) == call_id

    def test_list_as_json_is_one_object_a_line(self, triage: typer.Typer, sqlite: SqlStore, sqlite_file: Path) -> None:
        bury(sqlite, "c1")
        bury(sqlite, "c2")
        _, said = invoke(triage, "dead-letters", "list", "--json", *self.database(sqlite_file))
        first, second = (json.loads(line) for line in said.splitlines())
        assert (first["call_id"], second["call_id"], first["attempts"]) == ("c1", "c2", 1)

    @pytest.mark.parametrize("name", ["system:worker", "", "a" * 300])
    def test_nobody_settles_one_in_the_name_of_the_service_or_of_nobody(
        self, triage: typer.Typer, sqlite: SqlStore, sqlite_file: Path, name: str
    ) -> None:
        bury(sqlite, "c1")
        where = self.database(sqlite_file)
        assert invoke(triage, "dead-letters", "dismiss", "c1", "--reason", "x", "--actor", name, *where)[0] == 2
        assert invoke(triage, "dead-letters", "replay", "c1", "--actor", name, *where)[0] == 2
        assert "c1" in invoke(triage, "dead-letters", "list", *where)[1]

    def test_replay_of_all_sends_each_again_and_says_which_it_could_not(
        self, triage: typer.Typer, sqlite: SqlStore, sqlite_file: Path
    ) -> None:
        bury(sqlite, "c1")
        bury(sqlite, "c2")
        where = self.database(sqlite_file)
        code, said = invoke(triage, "dead-letters", "replay", "c1", "c9", "--actor", "user:dana", *where)
        assert code == 1
        assert "c1 will be sent again" in said
        assert "'c9' is unknown" in said
        assert invoke(triage, "dead-letters", "replay", "--all", *where) == (0, "Call c2 will be sent again.\n")
        assert {row.subject: row.actor for row in sqlite.audit()}["call:c1"] == "user:dana"

    @pytest.mark.parametrize("arguments", [[], ["c1", "--all"]])
    def test_replay_wants_either_names_or_all(
        self, triage: typer.Typer, sqlite: SqlStore, sqlite_file: Path, arguments: list[str]
    ) -> None:
        code, said = invoke(triage, "dead-letters", "replay", *arguments, *self.database(sqlite_file))
        assert code == 2
        assert "or give --all" in said

    def test_dismiss_wants_a_reason_and_keeps_it(
        self, triage: typer.Typer, sqlite: SqlStore, sqlite_file: Path
    ) -> None:
        bury(sqlite, "c1")
        where = self.database(sqlite_file)
        assert invoke(triage, "dead-letters", "dismiss", "c1", *where)[0] == 2
        assert invoke(triage, "dead-letters", "dismiss", "c1", "--reason", " ", *where)[0] == 1
        assert invoke(triage, "dead-letters", "dismiss", "c1", "--reason", "booked by phone", *where) == (
            0,
            "Call c1 is dismissed.\n",
        )
        assert sqlite.seen("c1").status == "dismissed"
