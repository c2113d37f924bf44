"""One Amplifier session with a tool call: against the package's stand-in server, or with --account as you are signed in.

    python examples/amplifier/session.py [--account] [PROMPT]
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from amplifier_core import AmplifierSession, HookResult
from amplifier_core.loader import ModuleLoader
from amplifier_core.message_models import ChatRequest, Message, ToolSpec
from amplifier_module_openai_chatgpt import trust_config

DIST = Path(__file__).resolve().parents[2] / "dist"


class Loop:
    """The smallest orchestrator with a tool loop; a session of yours names its own."""

    async def execute(self, prompt: str, context: Any, providers: dict[str, Any], tools: dict[str, Any], hooks: Any, **_: Any) -> str:
        await context.add_message({"role": "user", "content": prompt})
        provider = providers["openai-chatgpt"]
        specs = [ToolSpec(name=tool.name, description=tool.description, parameters=tool.input_schema) for tool in tools.values()]
        while True:
            messages = [Message.model_validate(message) for message in await context.get_messages()]
            response = await provider.complete(ChatRequest(messages=messages, tools=specs))
            await context.add_message({"role": "assistant", "content": [block.model_dump() for block in response.content]})
            calls = provider.parse_tool_calls(response)
            if not calls:
                return "".join(block.text for block in response.content if block.type == "text")
            for call in calls:
                result = {"type": "tool_result", "tool_call_id": call.id, "output": await tools[call.name].execute(call.arguments)}
                await context.add_message({"role": "tool", "content": [result], "tool_call_id": call.id})


class Context:
    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = []

    async def add_message(self, message: dict[str, Any]) -> None:
        self._messages.append(message)

    async def get_messages(self) -> list[dict[str, Any]]:
        return list(self._messages)

    async def get_messages_for_request(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
        return list(self._messages)

    async def set_messages(self, messages: list[dict[str, Any]]) -> None:
        self._messages = list(messages)

    async def clear(self) -> None:
        self._messages.clear()


class Look:
    name = "look"
    description = "Says what is at a place"
    input_schema = {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]}

    async def execute(self, arguments: dict[str, Any]) -> str:
        return f"a lantern at {arguments.get('at')}"


class Loader(ModuleLoader):
    """Finds modules by their entry points, and this file's own orchestrator and context."""

    async def load(self, module_id: str, *args: Any, **kwargs: Any) -> Any:
        own = {"loop-example": ("orchestrator", Loop), "context-example": ("context", Context)}
        if module_id not in own:
            return await super().load(module_id, *args, **kwargs)
        point, make = own[module_id]

        async def mount(coordinator: Any) -> None:
            await coordinator.mount(point, make())

        return mount


async def run(prompt: str, config: dict[str, Any]) -> None:
    session = AmplifierSession({
        "session": {"orchestrator": "loop-example", "context": "context-example"},
        "providers": [{"module": "provider-openai-chatgpt", "config": config}],
        "tools": [],
    })
    session.coordinator.loader = Loader(coordinator=session.coordinator)
    await session.initialize()
    try:
        await session.coordinator.mount("tools", Look(), name="look")

        async def note(event: str, data: dict[str, Any]) -> HookResult:
            print(f"{event}: {data['model']}, {data['status']}, {data['duration_ms']:.0f} ms")
            return HookResult(action="continue")

        session.coordinator.hooks.register("llm:response", note, name="example")
        print(await session.execute(prompt))
    finally:
        await session.cleanup()


def start_twin(folder: str) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """The stand-in server in a process of its own, and the config of somebody signed in at it."""
    twin = subprocess.Popen(["node", str(DIST / "twin" / "serve.js")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    where = json.loads(twin.stdout.readline())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    asked = urllib.request.Request(f"{where['url']}/__twin/issueTokens", data=b"[]", headers={"content-type": "application/json"}, method="POST")
    tokens = json.load(opener.open(asked))["result"]
    path = os.path.join(folder, "tokens.json")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        json.dump({"auth_mode": "oauth", **tokens}, file)
    return twin, {"base_url": where["base_url"], "issuer": where["issuer"], "token_file_path": path}


def main() -> None:
    words = sys.argv[1:]
    os.environ.setdefault("AMPLIFIER_CHATGPT_SIDECAR_COMMAND", json.dumps(["node", str(DIST / "cli" / "main.js")]))
    # This program builds its plan itself; one that takes plans from projects must not say so.
    trust_config()
    config: dict[str, Any] = {}
    prompt = " ".join(word for word in words if word != "--account") or 'call look {"at":"the door"}'
    if "--account" in words:
        asyncio.run(run(prompt, config))
        return
    with tempfile.TemporaryDirectory() as folder:
        twin, signed_in = start_twin(folder)
        try:
            asyncio.run(run(prompt, {**config, **signed_in}))
        finally:
            twin.stdin.close()
            twin.wait()


main()
