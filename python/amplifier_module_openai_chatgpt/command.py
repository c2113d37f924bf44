"""``amplifier-chatgpt``: the provider's own command line, for sign-in and status, on the Node and the sidecar of this package."""

import os
import subprocess
import sys

from .find_sidecar import find_command


def main() -> None:
    command = [*find_command(), *sys.argv[1:]]
    if os.name == "nt":
        sys.exit(subprocess.call(command))
    os.execvp(command[0], command)
