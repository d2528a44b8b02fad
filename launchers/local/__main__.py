"""`python -m launchers.local ATTEMPT_FOLDER [LOCK_FD]`: the runner of one job."""

import os
import sys
from pathlib import Path

from launchers.local.runner import run


def main(arguments: list[str]) -> None:
    folder, *rest = arguments
    run(Path(folder), os.fdopen(int(rest[0]), "ab") if rest else None)


if __name__ == "__main__":
    main(sys.argv[1:])
