"""The other package that Amplifier finds under the name of ours: it mounts whichever comes first, and says nothing of the second."""

import sys
from importlib.metadata import entry_points

OTHER = "amplifier_module_provider_openai_chatgpt"


def find_other_package() -> dict[str, str] | None:
    """Its distribution's name, that of the one which is mounted, and the Python that has both; None where ours is alone."""
    found = [(point.module.split(".")[0], point.dist.name) for point in entry_points(group="amplifier.modules", name="provider-openai-chatgpt") if point.dist]
    others = [name for package, name in found if package != __package__]
    return {"package": others[0], "mounted": found[0][1], "python": sys.executable} if others else None
