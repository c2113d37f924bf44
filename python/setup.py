"""Refuses to build a package without the sidecar in it; pyproject.toml says the rest."""

import sys
from pathlib import Path

from setuptools import setup

BUILDS = {"bdist_wheel", "editable_wheel", "install", "build_py"}
MAIN = Path(__file__).parent / "amplifier_module_openai_chatgpt" / "_sidecar" / "dist" / "cli" / "main.js"

if BUILDS & set(sys.argv) and not MAIN.exists():
    sys.exit("The sidecar is not built. Run npm ci && npm run build in the folder above, then install again.")

setup()
