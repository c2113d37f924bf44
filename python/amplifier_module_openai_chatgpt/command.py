"""``amplifier-chatgpt``: the provider's own command line, for sign-in and status, on the Node and the sidecar of this package."""

import json
import os
import subprocess
import sys

from .find_sidecar import find_command
from .other_package import find_other_package


def main() -> None:
    command = [*find_command(), *sys.argv[1:]]
    # The command line is a Node program: what else this Python has it is told.
    env = {**os.environ, "AMPLIFIER_CHATGPT_OTHER_PACKAGE": json.dumps(find_other_package())} if "doctor" in sys.argv else os.environ
    if os.name == "nt":
        sys.exit(subprocess.call(command, env=env))
    os.execvpe(command[0], command, env)
