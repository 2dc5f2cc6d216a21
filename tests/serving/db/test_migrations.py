"""Migrations make exactly the declared tables, on an empty database and beside another process."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError
from typer.testing import CliRunner

from serving.cli import app
from serving.db.engine import create_engine_for
from serving.db.migrate import _config, current, differences, head, require_head, upgrade
from serving.db.tables import Base
from serving.errors import DatabaseNotMigratedError
from tests.serving.conftest import BOTH_DATABASES


@pytest.fixture(params=BOTH_DATABASES)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without tables; on PostgreSQL a schema of its own."""
    if request.param == "sqlite_url":
        engine = create_engine_for(f"sqlite:///{tmp_path}/empty.db")
        yield engine
        engine.dispose()
        return
    url = request.getfixturevalue("postgresql_url")
    owner = create_engine_for(url)
    with owner.begin() as connection:
        connection.execute(text("CREATE SCHEMA fresh"))
    engine = create_engine_for(f"{url}?options=-csearch_path%3Dfresh")
    yield engine
    engine.dispose()
    with owner.begin() as connection:
        connection.execute(text("DROP SCHEMA fresh CASCADE"))
    owner.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


class TestUpgrade:
    def test_makes_the_declared_tables_and_no_others(self, empty: Engine) -> None:
        upgrade(empty)

        assert differences(empty) == []
        assert tables(empty) == set(Base.metadata.tables)
        assert current(empty) == head()

    def test_twice_changes_nothing(self, empty: Engine) -> None:
        upgrade(empty)
        with empty.begin() as connection:
            connection.execute(
                text("INSERT INTO rejected_events (received_at, reason, body) VALUES ('2026-03-02 06:00:00', 'r', 'b')")
            )
        upgrade(empty)
        with empty.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM rejected_events")).scalar_one() == 1

    def test_by_two_processes_at_once_is_done_once(self, empty: Engine) -> None:
        with ThreadPoolExecutor(2) as pool:
            others = [create_engine_for(empty.url.render_as_string(hide_password=False)) for _ in range(2)]
            list(pool.map(upgrade, others))
            for other in others:
                other.dispose()
        assert differences(empty) == []

    def test_back_leaves_no_table(self, empty: Engine) -> None:
        upgrade(empty)
        with empty.begin() as connection:
            command.downgrade(_config(connection), "base")
        assert tables(empty) == set()


_DECISION = (
    "INSERT INTO decisions (sequence, decision_id, subject_version, shipment_id, moment, branch, mode, decided_at, "
    "body, previous_hash, hash) "
    "VALUES (7, 'dec_7', 'v', 'SH-1', 'm', 'notify', 'm', '2026-03-02 06:00:00', '{}', 'p', 'h')"
)
_CALL = (
    "INSERT INTO outgoing_calls (call_id, decision_id, shipment_id, branch, target, body, status, attempts, "
    "created_at, next_attempt_at) "
    "VALUES ('c', 'dec_7', 'SH-1', 'notify', 't', '{}', 'pending', 0, '2026-03-02 06:00:00', "
    "'2026-03-02 06:00:00')"
)
_USE = (
    "INSERT INTO budget_uses (budget, used_at, amount_millionths, call_id, sequence) "
    "VALUES ('b', '2026-03-02 06:00:00', 1, 'c', 7)"
)


def test_the_order_of_calls_moves_to_the_calls_and_back(empty: Engine) -> None:
    with empty.begin() as connection:
        command.upgrade(_config(connection), "0003")
        for statement in (_DECISION, _CALL, _USE):
            connection.execute(text(statement))
    upgrade(empty)
    with empty.begin() as connection:
        assert connection.execute(text("SELECT sequence FROM outgoing_calls")).scalar_one() == 7
        command.downgrade(_config(connection), "0003")
        assert connection.execute(text("SELECT sequence FROM budget_uses")).scalar_one() == 7


def test_what_was_decided_before_subjects_had_types_is_about_shipments(empty: Engine) -> None:
    with empty.begin() as connection:
        command.upgrade(_config(connection), "0003")
        for statement in (_DECISION, _CALL):
            connection.execute(text(statement))
    upgrade(empty)
    with empty.begin() as connection:
        for table in ("decisions", "outgoing_calls"):
            found = connection.execute(text(f"SELECT subject_type, subject_id FROM {table}")).one()
            assert tuple(found) == ("shipment", "SH-1")
        command.downgrade(_config(connection), "0007")
        assert connection.execute(text("SELECT shipment_id FROM decisions")).scalar_one() == "SH-1"


def test_decisions_of_before_name_their_bundle_and_uses_their_type(empty: Engine) -> None:
    digest = "a" * 64
    body = f'{{"policy":{{"digest":"{digest}","name":"x"}}}}'
    with empty.begin() as connection:
        command.upgrade(_config(connection), "0008")
        for sequence, (kind, text_of) in enumerate([("invoice", body), ("shipment", "{}")], 1):
            connection.execute(
                text(
                    "INSERT INTO decisions (sequence, decision_id, subject_version, subject_type, subject_id, moment,"
                    " branch, mode, decided_at, body, previous_hash, hash) VALUES (:n, :id, :id, :kind, 'x', 'm', 'b',"
                    " 'm', '2026-03-01', :body, 'h', 'h')"
                ),
                {"n": sequence, "id": f"dec-{sequence}", "kind": kind, "body": text_of},
            )
            connection.execute(
                text(
                    "INSERT INTO outgoing_calls (call_id, decision_id, subject_type, subject_id, branch, target, body,"
                    " status, attempts, created_at, next_attempt_at, effect) VALUES (:id, :id, :kind, 'x', 'b', 't',"
                    " '{}', 'pending', 0, '2026-03-01', '2026-03-01', 'intended')"
                ),
                {"id": f"dec-{sequence}", "kind": kind},
            )
            connection.execute(
                text(
                    "INSERT INTO budget_uses (budget, used_at, amount_millionths, call_id)"
                    " VALUES ('messages', '2026-03-01', 1, :id)"
                ),
                {"id": f"dec-{sequence}"},
            )
    upgrade(empty)
    with empty.connect() as connection:
        named = connection.execute(text("SELECT policy_digest FROM decisions ORDER BY sequence")).scalars().all()
        types = connection.execute(text("SELECT subject_type FROM budget_uses ORDER BY call_id")).scalars().all()
    assert (named, types) == ([digest, None], ["invoice", "shipment"])


def test_a_call_of_before_took_of_nobodys_own_and_now_may_take_of_several(empty: Engine) -> None:
    with empty.begin() as connection:
        command.upgrade(_config(connection), "0003")
        for statement in (_DECISION, _CALL, _USE):
            connection.execute(text(statement))
    upgrade(empty)
    of_a_carrier = (
        "INSERT INTO budget_uses (subject_type, budget, key_facts, key_digest, key_values, used_at, amount_millionths,"
        " call_id) VALUES ('shipment', 'b', 'carrier_id', 'd', '[\"NWX\"]', '2026-03-02 06:00:00', 1, 'c')"
    )
    with empty.begin() as connection:
        connection.execute(text(of_a_carrier))
    with pytest.raises(IntegrityError), empty.begin() as connection:
        connection.execute(text(of_a_carrier))
    with empty.connect() as connection:
        uses = connection.execute(text("SELECT key_facts, key_values FROM budget_uses ORDER BY position")).all()
    assert [tuple(use) for use in uses] == [("", ""), ("carrier_id", '["NWX"]')]
    with empty.begin() as connection:
        command.downgrade(_config(connection), "0010")
        assert connection.execute(text("SELECT count(*) FROM budget_uses")).scalar_one() == 1


_AT = "'2026-03-01 00:00:00'"
_HELD = {
    "looks": {"playbook": "'p'", "shipment_id": "'SH-1'", "key": "'NWX'", "looked_at": _AT, "shows": "true"},
    "causes": {
        "cause_id": "'c'", "playbook": "'p'", "key": "'NWX'", "decision_id": "'dec_7'", "title": "'t'",
        "because": "'b'", "runbook": "'[]'", "owner": "'o'", "answer_by": _AT, "declared_at": _AT, "status": "'over'",
    },
    "cause_children": {
        "cause_id": "'c'", "shipment_id": "'SH-1'", "decision_id": "'dec_7'", "held_at": _AT, "looked_at": _AT,
        "value_at_stake_minor": "7", "status": "'held'", "waits_for": "'m'",
    },
}  # fmt: skip
"""One row of each table of causes, as a release before wrote them."""


def _called(call_id: str, goes_with: str) -> str:
    return (
        "INSERT INTO outgoing_calls (call_id, decision_id, subject_type, subject_id, branch, target, body, status, "
        "attempts, created_at, next_attempt_at, effect, goes_with) VALUES "
        f"('{call_id}', 'dec_7', 'shipment', 'SH-1', 'notify', 't', '{{}}', 'joined', 0, '2026-03-02 06:00:00', "
        f"'2026-03-02 06:00:00', 'intended', {goes_with})"
    )


def test_what_a_message_takes_moves_to_the_message_and_back(empty: Engine) -> None:
    with empty.begin() as connection:
        command.upgrade(_config(connection), "0003")
        connection.execute(text(_DECISION))
        command.upgrade(_config(connection), "0015")
        for statement in (
            _called("a", "'m'"),
            _called("b", "NULL"),
            "INSERT INTO messages (call_id, subject_type, subject_id, branch, target, by, by_digest, decision_id, "
            "opened_at, sends_at, cases) VALUES ('m', 'shipment', 'm', 'notify', 't', '{}', 'd', 'dec_7', "
            "'2026-03-02 06:00:00', '2026-03-02 06:30:00', 1)",
            *(
                "INSERT INTO budget_uses (subject_type, budget, key_facts, key_digest, key_values, used_at, "
                f"amount_millionths, call_id) VALUES ('shipment', 'b', '', '', '', '2026-03-02 06:00:00', 1, '{call}')"
                for call in "ab"
            ),
        ):
            connection.execute(text(statement))
    upgrade(empty)
    asked = text("SELECT call_id FROM budget_uses ORDER BY position")
    with empty.begin() as connection:
        assert connection.execute(asked).scalars().all() == ["m", "b"]
        command.downgrade(_config(connection), "0015")
        assert connection.execute(asked).scalars().all() == ["a", "b"]


def test_looks_causes_and_children_of_before_are_about_shipments(empty: Engine) -> None:
    with empty.begin() as connection:
        command.upgrade(_config(connection), "0010")
        connection.execute(text(_DECISION.replace("shipment_id", "subject_id")))
        for table, row in _HELD.items():
            connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})"))
    upgrade(empty)
    assert differences(empty) == []
    with empty.connect() as connection:
        for table, row in _HELD.items():
            names = ", ".join(name.replace("shipment_id", "subject_id") for name in row if name != "shows")
            kept = ", ".join(value for name, value in row.items() if name != "shows")
            found = connection.execute(text(f"SELECT subject_type, {names} FROM {table}")).one()
            assert [str(value).removesuffix("+00:00").removesuffix(".000000") for value in found] == [
                "shipment",
                *kept.replace("'", "").split(", "),
            ]
    with empty.begin() as connection:
        command.downgrade(_config(connection), "0010")
        found = connection.execute(text("SELECT shipment_id, value_at_stake_minor FROM cause_children")).one()
        assert tuple(found) == ("SH-1", 7)
        assert connection.execute(text("SELECT shipment_id FROM looks")).scalar_one() == "SH-1"


def test_an_invoice_of_the_same_id_is_held_beside_a_shipment_and_never_taken_for_one(empty: Engine) -> None:
    upgrade(empty)
    with empty.begin() as connection:
        connection.execute(text(_DECISION.replace("shipment_id", "subject_id").replace("hash) ", "hash, subject_type) ")
                                .replace("'h')", "'h', 'shipment')")))  # fmt: skip
        for table, row in _HELD.items():
            for kind in ("shipment", "invoice")[: 1 if table == "causes" else 2]:
                about = {name.replace("shipment_id", "subject_id"): value for name, value in row.items()}
                about["subject_type"] = f"'{kind}'"
                written = f"INSERT INTO {table} ({', '.join(about)}) VALUES ({', '.join(about.values())})"
                connection.execute(text(written))
        connection.execute(text("DELETE FROM looks"))
    with pytest.raises(RuntimeError, match="1 rows of cause_children are not about"), empty.begin() as connection:
        command.downgrade(_config(connection), "0010")


def test_what_is_about_an_invoice_is_never_taken_for_a_shipment(empty: Engine) -> None:
    upgrade(empty)
    about_an_invoice = (
        _DECISION.replace("shipment_id", "subject_id")
        .replace("hash) ", "hash, subject_type) ")
        .replace("'h')", "'h', 'invoice')")
    )
    with empty.begin() as connection:
        connection.execute(text(about_an_invoice))
    with pytest.raises(RuntimeError, match="1 rows of decisions are not about shipments"), empty.begin() as connection:
        command.downgrade(_config(connection), "0007")


def test_back_to_before_overdue_reviews_takes_them_alone(empty: Engine) -> None:
    bundle = (
        "INSERT INTO policy_bundles (digest, name, version, content_hash, text, kept_at, subject_type)"
        f" VALUES ('d', 'n', 1, 'h', 't', {_AT}, 'shipment')"
    )
    review = (
        "INSERT INTO overdue_reviews (overdue_id, subject_type, policy_digest, part, due, owner, title, meanwhile,"
        f" decision_id, call_id, opened_at) VALUES ('o', 'shipment', 'd', 'costs', '2026-03-01', 'w', 't', 'm',"
        f" 'dec_7', 'c', {_AT})"
    )
    with empty.begin() as connection:
        command.upgrade(_config(connection), "0003")
        for statement in (_DECISION, _CALL):
            connection.execute(text(statement))
    upgrade(empty)
    for _ in range(2):  # there, back, and there again
        with empty.begin() as connection:
            connection.execute(text(bundle))
            connection.execute(text(review))
        with empty.begin() as connection:
            command.downgrade(_config(connection), "0012")
        assert set(Base.metadata.tables) - tables(empty) == {"overdue_reviews", "messages"}
        with empty.begin() as connection:
            for kept in ("SELECT decision_id FROM decisions", "SELECT decision_id FROM outgoing_calls"):
                assert connection.execute(text(kept)).scalar_one() == "dec_7"
            connection.execute(text("DELETE FROM policy_bundles"))
        upgrade(empty)
        assert differences(empty) == []
        with empty.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM overdue_reviews")).scalar_one() == 0


class TestDifferences:
    def test_are_found_when_a_column_is_missing(self, empty: Engine) -> None:
        upgrade(empty)
        with empty.begin() as connection:
            connection.execute(text("ALTER TABLE review_items DROP COLUMN note"))
        assert "note" in str(differences(empty))


class TestRequireHead:
    def test_is_content_with_a_migrated_one(self, empty: Engine) -> None:
        upgrade(empty)
        require_head(empty)

    def test_refuses_an_empty_one_with_the_command(self, empty: Engine) -> None:
        with pytest.raises(DatabaseNotMigratedError, match=r"at revision None, expected .* Run `triage db upgrade`"):
            require_head(empty)

    def test_refuses_a_newer_one(self, empty: Engine) -> None:
        upgrade(empty)
        with empty.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(DatabaseNotMigratedError, match="at revision 9999"):
            require_head(empty)


def test_the_command_upgrades_and_says_to_what(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/triage.db"
    result = CliRunner().invoke(app, ["db", "upgrade", "--database", url])

    assert (result.exit_code, result.stdout) == (0, f"The database is at revision {head()}.\n")
    assert (tmp_path / "new" / "triage.db").exists()
