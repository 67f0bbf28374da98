"""Just enough of Python's database interface over apsw for SQLAlchemy to run the monitor's store.

The store's own statements then run on SQLite over any apsw file layer, such as one whose power can
be cut.  Transactions begin before the first change, as the standard library's module does it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import apsw
import apsw.ext

paramstyle = "qmark"
threadsafety = 1
apilevel = "2.0"
sqlite_version_info = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
sqlite_version = apsw.sqlite_lib_version()
PARSE_DECLTYPES = PARSE_COLNAMES = 0
RESULTS = re.compile(r"^\s*(SELECT|WITH|PRAGMA)|\bRETURNING\b", re.IGNORECASE)
Binary = bytes
CHANGES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class Error(Exception): ...


class Warning(Exception): ...  # noqa: A001


class InterfaceError(Error): ...


class DatabaseError(Error): ...


class DataError(DatabaseError): ...


class OperationalError(DatabaseError): ...


class IntegrityError(DatabaseError): ...


class InternalError(DatabaseError): ...


class ProgrammingError(DatabaseError): ...


class NotSupportedError(DatabaseError): ...


class Cursor:
    """Results of one statement, read at once."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: Any = None
        self._rows: list[Any] = []

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        return self._run(sql, [parameters])

    def executemany(self, sql: str, many: Iterable[Sequence[Any]]) -> Cursor:
        return self._run(sql, many)

    def _run(self, sql: str, many: Iterable[Sequence[Any]]) -> Cursor:
        db = self.connection.db
        try:
            if sql.lstrip().upper().startswith(CHANGES) and not db.in_transaction:
                db.execute("BEGIN")
            before = db.total_changes()
            rows: list[Any] = []
            for parameters in many:
                rows += db.execute(sql, tuple(parameters)).fetchall()
            self._rows = rows
            shape = self.connection.shape(sql) if RESULTS.search(sql) else []
            self.description = [(name, *[None] * 6) for name in shape] or None
            self.rowcount = db.total_changes() - before
            self.lastrowid = db.last_insert_rowid()
        except apsw.ConstraintError as error:
            raise IntegrityError(str(error)) from error
        except apsw.Error as error:
            raise OperationalError(str(error)) from error
        return self

    def fetchone(self) -> Any:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[Any]:
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    def fetchall(self) -> list[Any]:
        taken, self._rows = self._rows, []
        return taken

    def close(self) -> None: ...

    def __iter__(self) -> Any:
        return iter(self.fetchall())


class Connection:
    """One apsw connection."""

    isolation_level = ""

    def __init__(self, path: str, vfs: str) -> None:
        self.db = apsw.Connection(path, vfs=vfs)
        # The file layer in memory has no shared memory; an exclusive owner needs none.
        self.db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._shapes: dict[str, list[str]] = {}

    def shape(self, sql: str) -> list[str]:
        """Column names of a statement's result."""
        if sql not in self._shapes:
            info = apsw.ext.query_info(self.db, sql)
            self._shapes[sql] = [column[0] for column in info.description]
        return self._shapes[sql]

    def cursor(self) -> Cursor:
        return Cursor(self)

    def execute(self, sql: str) -> Cursor:
        return Cursor(self).execute(sql)

    def create_function(self, name: str, arguments: int, function: Any, **_: Any) -> None:
        self.db.create_scalar_function(name, function, arguments)

    def commit(self) -> None:
        if self.db.in_transaction:
            try:
                self.db.execute("COMMIT")
            except apsw.Error as error:
                raise OperationalError(str(error)) from error

    def rollback(self) -> None:
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")

    def close(self) -> None:
        self.db.close(True)
