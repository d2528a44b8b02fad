"""Jobs and services on this machine, with no daemon: each job has its own small detached runner.

launcher.py   what the rest of the house sees
runner.py     holds a job's lock for life, waits for its turn, starts it, writes how it ended
turns.py      who may start: first come, first served, within what the machine has
services.py   programs that live as long as this process
request.py    the exact request: argument list, environment, resources
locks.py      a lock that a dead process cannot keep
"""

import os

from core.settings import Settings
from launchers.local.launcher import LocalLauncher


def create(settings: Settings) -> LocalLauncher:
    return LocalLauncher(settings.home, os.environ)
