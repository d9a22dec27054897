"""A backup as a folder: `database.dump`, `events.jsonl`, `photos/`, `manifest.json`. Made beside live work."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, Engine, make_url, text

from qipan import __version__
from qipan.backup.manifest import Manifest, differences
from qipan.backup.tap import Tap, as_line, from_line
from qipan.hosting.embedded.postgres import bin_dir
from qipan.ids import new_id
from qipan.storage.database import make_engine
from qipan.storage.provision import SCHEMAS
from qipan.storage.tenant_roles import MAPPING
from qipan.storage.work import write_outbox

DUMP, EVENTS, PHOTOS, MANIFEST = "database.dump", "events.jsonl", "photos", "manifest.json"
SETTLE_SECONDS = 60.0
MOMENTS = 1000
"""How many moments of the database are tried. One takes some milliseconds, and does when nothing is published in it."""
AT_ONCE = 500
KEPT_SCHEMAS = (*SCHEMAS, MAPPING.partition(".")[0])


class BackupError(Exception):
    """A backup was not made or cannot be restored; the text says why and what to do."""


def create(admin_url: str, tap: Tap, photos: Path | None, into: Path, say: Callable[[str], None]) -> Manifest:
    """Write a backup into the folder `into`, which must not be there yet; only its owner can read it.

    The tap is closed: it has heard what there is to hear. Nothing is left when it fails.
    """
    if into.exists():
        raise BackupError(f"{into} is there already; a backup is written into a folder of its own")
    beside = into.with_name(f"{into.name}.unfinished")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(mode=0o700, parents=True)
    try:
        manifest = _fill(beside, admin_url, tap, photos, say)
        beside.rename(into)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return manifest


def _fill(
    folder: Path, admin_url: str, tap: Tap, photos: Path | None, say: Callable[[str], None]
) -> Manifest:
    say("waiting until what is on its way has arrived")
    undrained = tap.settle(SETTLE_SECONDS)
    engine = make_engine(admin_url, pool_size=1)
    try:
        with (folder / EVENTS).open("w") as out, _moment(engine, lambda: _hear(tap, out)) as (conn, snapshot):
            # What is published from here on tells of things that are not in the dump, which may take long.
            tap.close()
            say("dumping the database")
            _run(
                "pg_dump",
                admin_url,
                "--format=custom",
                f"--snapshot={snapshot}",
                f"--file={folder / DUMP}",
                *(f"--schema={schema}" for schema in KEPT_SCHEMAS),
            )
            at = conn.execute(text("SELECT now()")).scalar_one()
            rows, digests = contents(conn)
            revisions = _revisions(conn)
    finally:
        engine.dispose()
    with (folder / EVENTS).open() as lines:
        events = sum(1 for _ in lines)
    if photos is not None and photos.exists():
        say("copying photos")
        shutil.copytree(photos, folder / PHOTOS, ignore=_BEING_WRITTEN, copy_function=_copy_if_there)
    files = {str(file.relative_to(folder)): _sha256(file) for file in _files(folder)}
    manifest = Manifest(
        __version__, at.astimezone(UTC).isoformat(), revisions, rows, digests, events, undrained, files
    )
    (folder / MANIFEST).write_text(manifest.as_text())
    return manifest


def read(folder: Path) -> Manifest:
    """The manifest of a backup whose files are all as they were written; BackupError."""
    try:
        manifest = Manifest.from_text((folder / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise BackupError(f"{folder} holds no finished backup: {error}") from error
    there = {str(file.relative_to(folder)): file for file in _files(folder) if file.name != MANIFEST}
    changed = [
        name for name, mark in manifest.files.items() if name not in there or _sha256(there[name]) != mark
    ]
    if changed:
        raise BackupError(f"{folder} is damaged: {', '.join(sorted(changed)[:5])}")
    return manifest


def load(folder: Path, admin_url: str) -> list[str]:
    """Load a backup's database into an empty one; says what differs from the backup afterwards. BackupError."""
    manifest = read(folder)
    engine = make_engine(admin_url, pool_size=1)
    try:
        with engine.begin() as conn:
            held = [name for name, rows in contents(conn, marks=False)[0].items() if rows]
            if [name for name in held if name != MAPPING]:
                raise BackupError(
                    f"the database is not empty ({', '.join(held[:3])} …): restore into one that is, and look at both"
                )
            for schema in KEPT_SCHEMAS:
                conn.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
        _run("pg_restore", admin_url, "--exit-on-error", "--single-transaction", str(folder / DUMP))
        with engine.connect() as conn:
            return differences(manifest, *contents(conn))
    finally:
        engine.dispose()


def send_again(folder: Path, steward_url: str) -> int:
    """Put the events that were on their way into the steward's outbox, from which they leave once the broker is there.

    Whoever had handled one of them before the backup's moment does nothing again: the inbox knows it.
    """
    with (folder / EVENTS).open() as lines:
        events = [from_line(line) for line in lines]
    engine = make_engine(steward_url, pool_size=1)
    try:
        with engine.begin() as conn:
            for start in range(0, len(events), AT_ONCE):
                write_outbox(conn, "steward", events[start : start + AT_ONCE])
    finally:
        engine.dispose()
    return len(events)


def put_photos(folder: Path, photos: Path | None) -> int:
    """Put the photos back that are not there; how many."""
    put = 0
    for file in _files(folder / PHOTOS) if photos is not None else ():
        target = Path(str(photos)) / file.relative_to(folder / PHOTOS)
        if not target.exists():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy2(file, target)
            put += 1
    return put


@contextmanager
def scratch(admin_url: str) -> Iterator[str]:
    """The URL of an empty database on the same server, which is gone when the block ends."""
    name = f"qipan_rehearsal_{new_id().replace('-', '')}"
    engine = make_engine(admin_url, pool_size=1).execution_options(isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as conn:
            conn.execute(text("SET statement_timeout = 0"))
            conn.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
        try:
            yield make_url(admin_url).set(database=name).render_as_string(hide_password=False)
        finally:
            with engine.connect() as conn:
                conn.execute(text("SET statement_timeout = 0"))  # a large one takes its time
                conn.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    finally:
        engine.dispose()


def photos_folder(photos_url: str, var: Path) -> Path | None:
    """Where photos lie as files; None: in an object store, which is backed up there."""
    if not photos_url:
        return var / "photos"
    return Path(unquote(urlsplit(photos_url).path)) if photos_url.startswith("file://") else None


def contents(conn: Connection, *, marks: bool = True) -> tuple[dict[str, int], dict[str, str]]:
    """Rows of each table, and a mark of all that is in it, whatever the order."""
    rows: dict[str, int] = {}
    digests: dict[str, str] = {}
    mark = "coalesce(sum(hashtextextended(t::text, 0)), 0)" if marks else "0"
    conn.execute(text("SET LOCAL statement_timeout = 0"))
    for table in _tables(conn):
        count, digest = conn.execute(text(f"SELECT count(*), {mark} FROM {table} AS t")).one()
        rows[table], digests[table] = int(count), str(digest)
    return rows, digests


@contextmanager
def _moment(engine: Engine, hear: Callable[[], int]) -> Iterator[tuple[Connection, str]]:
    """One moment of the database, for this connection and for pg_dump, with all events heard that left before it.

    `hear` keeps what is heard until then and says how many that were. What is heard just after the moment may have left
    just before it or just after it; then it is kept, and the moment is another one, after it.
    """
    for _ in range(MOMENTS):
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as conn, conn.begin():
            conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            conn.execute(text("SET LOCAL statement_timeout = 0"))
            hear()
            snapshot = str(conn.execute(text("SELECT pg_export_snapshot()")).scalar_one())
            if hear() == 0:
                yield conn, snapshot
                return
    raise BackupError(
        "events follow one another too fast for a moment between them; try again when it is quieter"
    )


def _hear(tap: Tap, out: IO[str]) -> int:
    """Keep what was heard so far; how many."""
    return sum(bool(out.write(as_line(event))) for event in tap.taken())


def _tables(conn: Connection) -> list[str]:
    rows = conn.execute(
        text(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = ANY(:schemas) ORDER BY 1"
        ),
        {"schemas": list(KEPT_SCHEMAS)},
    )
    return [row[0] for row in rows]


def _revisions(conn: Connection) -> dict[str, str]:
    versions = [table for table in _tables(conn) if table.endswith(".alembic_version")]
    return {
        table.partition(".")[0]: str(conn.execute(text(f"SELECT version_num FROM {table}")).scalar())
        for table in versions
    }


def _run(program: str, admin_url: str, *words: str) -> None:
    url = make_url(admin_url).set(drivername="postgresql")
    path = bin_dir() / program
    if not path.exists():
        raise BackupError(f"{program} is not installed: it comes with PostgreSQL's client programs")
    # The whole address with its options; a password would be seen in the list of processes.
    address, mark, options = url._replace(password=None).render_as_string().partition("?")
    address += mark + options.replace("+", "%20")  # to PostgreSQL a plus is a plus
    command: Sequence[str] = [str(path), "--no-password", f"--dbname={address}", *words]
    password = {"PGPASSWORD": str(url.password)} if url.password is not None else {}
    environment: Mapping[str, Any] = {**os.environ, **password}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BackupError(f"{program} failed: {done.stderr.strip()[-1000:]}")


_BEING_WRITTEN = shutil.ignore_patterns("*.part")
"""Of photos: none that a report has."""


def _copy_if_there(source: str, target: str) -> str:
    """Copy a photo; one that was swept meanwhile is of no report."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)
    return target


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
