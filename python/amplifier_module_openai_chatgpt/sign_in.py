"""Who is signed in, and signing in, through the provider's own command line and with the mount's own settings."""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from .find_sidecar import find_command
from .trust import is_config_trusted


def is_plan(config: dict[str, Any]) -> bool:
    return (config.get("lane") or config.get("auth_mode")) in ("plan", "chatgpt_plan")


def read_status(config: dict[str, Any]) -> str:
    """``authenticated``, ``expired`` or ``unauthenticated``."""
    done = subprocess.run([*find_command(), "status", "--json"], capture_output=True, text=True, env=_environment(config), cwd=tempfile.gettempdir())
    try:
        said = json.loads(done.stdout)
    except ValueError:
        return "unauthenticated"
    if not said.get("signed_in"):
        return "unauthenticated"
    until = said.get("expires_at")
    if until and datetime.fromisoformat(until.replace("Z", "+00:00")) <= datetime.now(timezone.utc):
        return "expired"
    return "authenticated"


def sign_in(config: dict[str, Any], print_fn: Callable[[str], None] | None) -> bool:
    """Runs ``login``; its lines go to ``print_fn``, or to stderr without one."""
    way = ["--plan"] if is_plan(config) else ["--device"]
    pipe = subprocess.PIPE if print_fn else None
    with subprocess.Popen([*find_command(), "login", *way], stdout=subprocess.DEVNULL, stderr=pipe, text=True, env=_environment(config), cwd=tempfile.gettempdir()) as process:
        if print_fn and process.stderr:
            for line in process.stderr:
                if line.strip():
                    print_fn(line.rstrip())
    return process.returncode == 0


def _environment(config: dict[str, Any]) -> dict[str, str]:
    """The user's own, with what a sign-in depends on of this mount; the command line judges it as the mount's own call does."""
    names = ("base_url", "issuer", "client_id", "ca_file", "lane", "auth_mode", "api_key", "account", "token_store", "token_file_path", "redis_url", "redis_allow_plaintext", "host_file_path", "app_name")
    own = {key: config[key] for key in names if config.get(key) is not None}
    return {**os.environ, "AMPLIFIER_CHATGPT_CALLER_CONFIG": json.dumps(own), "AMPLIFIER_CHATGPT_CALLER_TRUST": "1" if is_config_trusted() else "0"}
