"""Open the database and bring its tables up to date."""

from importlib.resources import as_file, files
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from lifesign.errors import ConfigurationError, StorageError

__all__ = ["migrate", "open_engine"]

_BUSY_MILLISECONDS = 30_000
_MIGRATION_LOCK = 7_205_759_403_792_793  # any constant: PostgreSQL's advisory locks are named by a number
_BEGIN = "lifesign_begin"


def open_engine(url: str) -> Engine:
    """Return an engine; SQLite gets a write-ahead log, so that reading never waits for writing.

    Raises:
        ConfigurationError: the URL cannot be understood, or its driver is not installed.
    """
    try:
        engine = create_engine(make_url(url), pool_pre_ping=True)
    except ArgumentError as error:
        raise ConfigurationError(
            "database URL: expected something like sqlite:///monitor.db or postgresql+psycopg://host/name"
        ) from error
    except ImportError as error:
        raise ConfigurationError(f"database URL: the driver {error.name} is not installed") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def migrate(engine: Engine) -> None:
    """Apply the migrations that are missing; two processes may do so at the same moment.

    Raises:
        StorageError: the database cannot be reached or written.
    """
    try:
        with engine.connect() as connection:
            exclusive = connection.execution_options(**{_BEGIN: "IMMEDIATE"})
            with exclusive.begin():
                if engine.dialect.name == "postgresql":
                    exclusive.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
                _upgrade(exclusive)
    except OperationalError as error:
        where = engine.url.render_as_string(hide_password=True)
        raise StorageError(f"database {where} cannot be used: {error.orig}") from error
    except SQLAlchemyError as error:
        raise StorageError(f"database tables cannot be brought up to date: {error}") from error


def _upgrade(connection: Connection) -> None:
    with as_file(files("lifesign.evaluation.store") / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _prepare_sqlite(connection: Any, record: object) -> None:  # noqa: ARG001
    # The driver would begin transactions late and commit around DDL; _begin_sqlite does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get(_BEGIN, 'DEFERRED')}")
