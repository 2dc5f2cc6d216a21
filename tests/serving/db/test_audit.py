"""The audit trail is one gapless chain, whoever writes it, and knows nothing of what was rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from serving.db.audit import audit, kept_entries, verify_entries
from serving.db.engine import create_engine_for, session_factory
from tests.serving.house import NOW


@pytest.fixture
def engine(any_url: str) -> Iterator[Engine]:
    engine = create_engine_for(any_url)
    yield engine
    engine.dispose()


def note(session: Session, *subjects: str) -> None:
    for subject in subjects:
        audit(session, at=NOW, actor="dana", action="a", subject=subject)


def subjects(engine: Engine) -> list[str]:
    """Return the subjects of all entries, whose chain must be whole."""
    with session_factory(engine)() as session:
        found = list(kept_entries(session))
    assert list(verify_entries(found, heads={})) == []
    return [each.entry.subject for each in found]


def test_it_continues_from_transaction_to_transaction(engine: Engine) -> None:
    for names in (("1", "2"), (), ("3",)):
        with session_factory(engine).begin() as session:
            note(session, *names)
    assert subjects(engine) == ["1", "2", "3"]


def test_what_a_savepoint_undid_is_left_out_with_all_within_it(engine: Engine) -> None:
    with session_factory(engine).begin() as session:
        note(session, "before")
        with session.begin_nested():
            note(session, "kept")
        undone = session.begin_nested()
        with session.begin_nested():
            note(session, "within")
        note(session, "undone")
        undone.rollback()
        note(session, "after")
    assert subjects(engine) == ["before", "kept", "after"]


def test_what_was_left_without_a_commit_does_not_come_with_the_next_one(engine: Engine) -> None:
    session = session_factory(engine)()
    for leave in (session.rollback, session.close):
        note(session, "left")
        leave()
    note(session, "done")
    session.commit()
    note(session, "and again")
    session.commit()
    session.close()
    assert subjects(engine) == ["done", "and again"]


def test_many_at_once_make_one_chain(engine: Engine) -> None:
    def write(name: int) -> None:
        for turn in range(4):
            with session_factory(engine).begin() as session:
                note(session, f"{name}:{turn}", f"{name}:{turn}:again")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(set(subjects(engine))) == 32
