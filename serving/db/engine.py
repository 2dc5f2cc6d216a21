"""Engines for the two databases the service runs on: SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from sqlite3 import OperationalError as SQLiteOperationalError
from time import sleep

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import StaticPool

from serving.errors import ServingError

BUSY_TIMEOUT_SECONDS = 15
_WRITE_AHEAD_TRIES = 500
_DEFERRED = "freight_deferred"
_LOCK_NOT_AVAILABLE = "55P03"


class DatabaseUrlError(ServingError):
    """A database URL names something the service does not run on."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(
            f"Database URL {url} cannot be used: {reason}. "
            f"Write e.g. sqlite:///var/triage.db or postgresql://user@host/database."
        )


def create_engine_for(url: str) -> Engine:
    """Return an engine with the durability and locking the service relies on.

    SQLite: write-ahead log, every commit flushed to the disk, foreign keys on; a transaction takes the write lock when
    it begins, so it waits for its turn instead of failing half way (reads that must not wait use `read_only`).
    PostgreSQL: psycopg 3, READ COMMITTED, connections tested before use.

    Parameters
    ----------
    url
        `sqlite:///file.db`, `sqlite://` (in memory, one connection, for tests) or `postgresql://user@host/database`.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseUrlError(repr(url), "it is not a database URL") from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _sqlite_engine(parsed)
    if backend == "postgresql":
        return _postgresql_engine(parsed)
    raise DatabaseUrlError(parsed.render_as_string(hide_password=True), f"'{backend}' is neither sqlite nor postgresql")


class DatabaseMissingError(ServingError):
    """There is no database at the place that was named."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"There is no database at {path}. Give the path of one with --database, or make one: `triage db upgrade`."
        )


@contextmanager
def engine_while(url: str, *, may_be_new: bool = False) -> Iterator[Engine]:
    """Give an engine for the length of one command, and close its connections afterwards; see `create_engine_for`.

    Raises
    ------
    DatabaseMissingError
        If there is no such file, unless it may be new: who only reads makes none.
    """
    if not may_be_new:
        require_file(url)
    engine = create_engine_for(url)
    try:
        yield engine
    finally:
        engine.dispose()


def require_file(url: str) -> None:
    """Make sure that a SQLite database is there; connecting would make one.

    Raises
    ------
    DatabaseMissingError
        If it is not.
    """
    parsed = make_url(url) if url.startswith("sqlite") else None
    if parsed is not None and not _is_in_memory(parsed) and not Path(str(parsed.database)).is_file():
        raise DatabaseMissingError(Path(str(parsed.database)))


def session_factory(engine: Engine) -> sessionmaker[Session]:
    """Return a maker of sessions whose rows stay readable after the commit."""
    return sessionmaker(engine, expire_on_commit=False)


def read_only(engine: Engine) -> Engine:
    """Return the same engine (and pool) for transactions that only read: on SQLite they take no write lock."""
    return engine.execution_options(**{_DEFERRED: True})


def as_of_now(engine: Engine) -> Engine:
    """Return the same engine (and pool) for transactions that only read, and see nothing that is committed meanwhile.

    All that such a transaction reads is of the moment of its first reading, also on PostgreSQL, where each statement
    of any other sees what was committed before it.
    """
    if engine.dialect.name == "sqlite":
        return read_only(engine)
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def is_taken(error: DBAPIError) -> bool:
    """Tell whether a statement failed because another transaction holds a row that it was not to wait for."""
    return getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE


def _sqlite_engine(url: URL) -> Engine:
    if _is_in_memory(url):
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, pool_size=10, max_overflow=20, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _is_in_memory(url: URL) -> bool:
    return url.database in (None, "", ":memory:")


def _prepare_sqlite(connection: SQLiteConnection, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN would be a deferred one
    _write_ahead(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _write_ahead(connection: SQLiteConnection) -> None:
    """Turn the write-ahead log on. SQLite does not wait for this lock by itself when two open a new file at once."""
    for is_last in (*(False,) * _WRITE_AHEAD_TRIES, True):
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except SQLiteOperationalError:
            if is_last:
                raise
            sleep(BUSY_TIMEOUT_SECONDS / _WRITE_AHEAD_TRIES)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    deferred = connection.get_execution_options().get(_DEFERRED, False)
    connection.exec_driver_sql("BEGIN DEFERRED" if deferred else "BEGIN IMMEDIATE")


def _postgresql_engine(url: URL) -> Engine:
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20, isolation_level="READ COMMITTED")
