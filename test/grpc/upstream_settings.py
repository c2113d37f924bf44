"""Mounts our class with each configuration that a user of the Python module may have, and asks once. A line of JSON a row."""

import asyncio
import json
import sys

from amplifier_core.message_models import ChatRequest, Message, ToolSpec

from amplifier_module_openai_chatgpt import ChatGPTProvider, trust_config


async def ask(row):
    try:
        provider = ChatGPTProvider(row["config"])
    except Exception as error:
        return type(error).__name__
    try:
        tools = [ToolSpec(**tool) for tool in row["tools"]]
        await provider.complete(ChatRequest(messages=[Message(role="user", content=row["marker"])], tools=tools or None))
        return "ok"
    except Exception as error:
        return type(error).__name__
    finally:
        await provider.close()


async def main():
    trust_config()
    keep = ChatGPTProvider({})
    keep._sidecar.hold(keep)
    for row in json.load(sys.stdin):
        print(json.dumps({"marker": row["marker"], "outcome": await ask(row)}), flush=True)
    await keep.close()


asyncio.run(main())
