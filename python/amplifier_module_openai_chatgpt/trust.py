"""Whose word a mount's config is: somebody else's, unless the host program says in code that it built the plan itself."""

_trusted: set[str] = set()


def trust_config() -> None:
    """Says that every config this process mounts is the host program's own, so that it may set what only the user may:
    endpoints, keys, token files. Never call it for plans that are read from a project. No config key and no file can say it.
    """
    _trusted.add("config")


def is_config_trusted() -> bool:
    return "config" in _trusted
