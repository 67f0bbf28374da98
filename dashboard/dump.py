"""A PostgreSQL store in one file, by PostgreSQL's own programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy.engine import URL

from dashboard.errors import StoreError
from dashboard.schema import metadata
from dashboard.store_file import check_version


def dump(url: URL, file: Path) -> None:
    """Write a dump that `load` and ``pg_restore`` read.

    Raises
    ------
    StoreError
        ``pg_dump`` is not installed or fails.
    """
    _run(dump_line(url, file), url)


def dump_line(url: URL, file: Path) -> list[str]:
    """What `dump` runs: PostgreSQL copies one moment of a store, also while a monitor uses it."""
    address = _address(url)
    return ["pg_dump", "--format=custom", "--no-owner", f"--file={file}", f"--dbname={address}"]


def load(url: URL, file: Path) -> None:
    """Put a dump in the place of what is in the database, in one transaction.

    Raises
    ------
    StoreError
        Not installed, no dump, or of a newer rfproctor: then the database is as it was.
    """
    version = _run(["pg_restore", "--data-only", "--table=about", "--file=-", str(file)], url)
    found = [row.split(b"\t")[1] for row in version.splitlines() if row.startswith(b"schema\t")]
    if not found or not found[0].isdigit():
        raise StoreError("monitor.store_foreign", store=file)
    check_version(str(file), int(found[0]))
    script = _run(["pg_restore", "--no-owner", "--file=-", str(file)], url)
    gone = "".join(f"DROP TABLE IF EXISTS public.{name} CASCADE;\n" for name in metadata.tables)
    line = ["psql", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", _address(url)]
    _run(line, url, gone.encode() + script)


def _run(line: list[str], url: URL, given: bytes = b"") -> bytes:
    program = shutil.which(line[0])
    if program is None:
        raise StoreError("backup.no_program", program=line[0], line=" ".join(line))
    # In the environment, which other users cannot read, and not in the line, which they can.
    environment = {**os.environ, **({"PGPASSWORD": url.password} if url.password else {})}
    done = subprocess.run(
        [program, *line[1:]], input=given, env=environment, capture_output=True, check=False
    )
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise StoreError("backup.program", program=line[0], why=why)
    return done.stdout


def _address(url: URL) -> str:
    """Where it is, without the password."""
    plain = URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, url.query
    )
    return plain.render_as_string()
