"""The other package that Amplifier finds under the name of ours: it mounts whichever comes first, and says nothing of the second."""

import re
import sys
from importlib.metadata import entry_points

OTHER = "amplifier_module_provider_openai_chatgpt"


def find_other_package() -> dict[str, str] | None:
    """Its distribution's name, that of the one which is mounted, and the Python that has both; None where ours is alone."""
    points = [point for point in entry_points(group="amplifier.modules", name="provider-openai-chatgpt") if point.dist]
    # A folder on Python's path may call itself anything, and the name goes into a command.
    found = [(point.module.split(".")[0], point.dist.name) for point in points if re.fullmatch(r"[A-Za-z0-9][\w.-]*", point.dist.name)]
    others = [name for package, name in found if package != __package__]
    return {"package": others[0], "mounted": found[0][1], "python": sys.executable} if others else None
