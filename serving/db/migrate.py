"""Moves a database to the tables of this program. The migrations travel inside the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from serving.db.engine import read_only
from serving.db.tables import Base
from serving.errors import DatabaseNotMigratedError

_ADVISORY_LOCK = 7_304_115_001


def upgrade(engine: Engine) -> None:
    """Move the database to the newest revision, in one transaction; another process that tries the same waits."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        command.upgrade(_config(connection), "head")


def require_head(engine: Engine) -> None:
    """Make sure that the database is at the newest revision.

    Raises
    ------
    DatabaseNotMigratedError
        If it is older or newer than the program.
    """
    found, expected = current(engine), head()
    if found != expected:
        raise DatabaseNotMigratedError(found, expected)


def current(engine: Engine) -> str | None:
    """Return the revision the database is at; None if it was never migrated."""
    with read_only(engine).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """Return the newest revision this program carries."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def differences(engine: Engine) -> list[object]:
    """Return how the database differs from the declared tables; empty when the migrations are complete."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(str(files("serving.db"))) / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
