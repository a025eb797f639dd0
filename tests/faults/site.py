"""The nursery under the product's own supervisor, with a worker that knows the chores of the tests.

Run as a program with the settings in the environment; Ctrl-C ends it.
"""

from __future__ import annotations

import sys

from app.cli.speech import say
from app.hosting.accounts import Account
from app.hosting.folders import make_home, only_start
from app.hosting.launch import start_servers
from app.hosting.processes import Command
from app.hosting.supervisor import Service, StopAsked, Supervisor
from app.hosting.web import answers, child_environment, prepare_command, web_command
from app.settings import Settings, read_settings

WORKERS, SCHEDULERS = 2, 1


def main() -> None:
    """Run until a signal asks to end."""
    settings = read_settings()
    make_home(settings.home)
    try:
        with only_start(settings.home), Supervisor(say) as supervisor:
            settings = start_servers(supervisor, settings)
            supervisor.run(prepare_command(settings, demo=False))
            supervisor.start(
                Service(web_command(settings), lambda: answers(settings), attempts=None)
            )
            for part, number in (("worker", WORKERS), ("scheduler", SCHEDULERS)):
                for one in range(number):
                    supervisor.start(
                        Service(chores(settings, part, one), lambda: True, attempts=None)
                    )
            supervisor.watch()
    except StopAsked:
        pass


def chores(settings: Settings, part: str, number: int) -> Command:
    """A worker or scheduler as the tests have them."""
    words = [sys.executable, "-m", "tests.support.chores", part]
    own = (
        Account(0, 0)
        if settings.home.stat().st_uid == 0
        else Account(settings.home.stat().st_uid, settings.home.stat().st_gid)
    )
    return Command(f"{part}{number}", words, child_environment(settings), own, settings.home)


if __name__ == "__main__":
    main()
