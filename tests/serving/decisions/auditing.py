"""`triage audit` as a test calls it, and what whoever owns the database can do to the record."""

from __future__ import annotations

import typer
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from routing.canonical import canonical_json
from routing.decision import GENESIS
from serving.db.audit import Entry, entry_hash
from serving.db.tables import AuditRow, DecisionRow
from serving.decisions.audit_cli import register
from serving.decisions.verification import verify
from tests.serving.house import House


def triage_audit(*arguments: object) -> Result:
    """Run a command of `triage audit`."""
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


def forget_the_trail(house: House) -> None:
    """Let the audit trail note what the chain of decisions holds now, and chain its entries anew."""
    with house.container.sessions.begin() as session:
        for decision in session.scalars(select(DecisionRow)):
            note = {"sequence": decision.sequence, "hash": decision.hash, "branch": decision.branch}
            sealed = select(AuditRow).filter_by(subject=f"decision:{decision.decision_id}")
            session.scalars(sealed).one().new = canonical_json(note)
        previous = GENESIS
        for number, row in enumerate(session.scalars(select(AuditRow).order_by(AuditRow.position)), start=1):
            entry = Entry(row.at, row.actor, row.action, row.subject, row.old, row.new)
            row.position, row.hash = number, entry_hash(number, previous, entry)
            previous = row.hash


def problems_of(house: House, *statements: str) -> tuple[str, ...]:
    """Return what is found after some statements, which are undone again."""
    with house.engine.connect() as connection, Session(connection) as session:
        for statement in statements:
            session.execute(text(statement))
        found = verify(session).problems
        session.rollback()
    return found
