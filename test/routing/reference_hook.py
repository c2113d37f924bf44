"""Runs a routing hook for Python in sessions of amplifier-core: reads JSON lines of inputs, prints one of answers each.

Input: matrix (the file's text), name, config (of the hook), providers (name to model ids), specs (of the mount plan), agents, events.
"""

import asyncio
import json
import pathlib
import sys
import tempfile

from amplifier_core import AmplifierSession
from amplifier_core.models import HookResult

from amplifier_module_hooks_routing import mount


class Model:
    def __init__(self, name):
        self.id = name


class Lister:
    def __init__(self, models):
        self.models = models

    async def list_models(self):
        return [Model(name) for name in self.models]

    def get_info(self):
        return None


async def run(case):
    plan = {"session": {"orchestrator": "none", "context": "none"}, "providers": case["specs"], "agents": case["agents"]}
    coordinator = AmplifierSession(plan).coordinator
    emitted = []

    async def note(event, data):
        emitted.append([event, {key: value for key, value in data.items() if key not in ("session_id", "parent_id", "timestamp")}])
        return HookResult(action="continue")

    for event in ("routing:matrix-loaded", "routing:intent-clamped", "routing:role-pin-reasserted"):
        coordinator.hooks.register(event, note, priority=999, name="note")
    for name, models in case["providers"].items():
        await coordinator.mount("providers", Lister(models), name=name)
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, f"{case['name']}.yaml").write_text(case["matrix"])
        try:
            await mount(coordinator, {"default_matrix": case["name"], "custom_routing_dirs": [folder], **case.get("config", {})})
            for event in case["events"]:
                await coordinator.hooks.emit(event, {})
        except Exception as error:  # the answer of a hook that refuses
            return {"error": type(error).__name__}
    resolver = coordinator.get_capability("model_role_resolver")
    return {
        "agents": coordinator.config["agents"],
        "known_roles": list(resolver.known_roles) if resolver else None,
        "emitted": sorted(emitted, key=json.dumps),
        "file": folder,
    }


async def main():
    for line in sys.stdin:
        print(json.dumps(await run(json.loads(line))), flush=True)


asyncio.run(main())
