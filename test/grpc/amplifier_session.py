"""Runs our Python package in real sessions of amplifier-core; prints one JSON line a check."""

import asyncio
import json
import os
import signal
import sys
import time
import traceback

from amplifier_core import AmplifierSession, llm_errors
from amplifier_core.message_models import ChatRequest, Message, ToolSpec
from amplifier_core.validation import ProviderValidator

CONFIG = json.loads(sys.argv[1])
MODULE = "provider-openai-chatgpt"


class Loop:
    """The smallest orchestrator with a tool loop."""

    async def execute(self, prompt, context, providers, tools, hooks, coordinator=None, **_):
        await context.add_message({"role": "user", "content": prompt})
        provider = next(iter(providers.values()))
        specs = [ToolSpec(name=tool.name, description=tool.description, parameters=tool.input_schema) for tool in tools.values()]
        while True:
            messages = [Message.model_validate(message) for message in await context.get_messages()]
            response = await provider.complete(ChatRequest(messages=messages, tools=specs or None))
            await context.add_message({"role": "assistant", "content": [block.model_dump() for block in response.content]})
            calls = provider.parse_tool_calls(response)
            if not calls:
                return "".join(block.text for block in response.content if block.type == "text")
            for call in calls:
                result = await tools[call.name].execute(call.arguments)
                block = {"type": "tool_result", "tool_call_id": call.id, "output": result}
                await context.add_message({"role": "tool", "content": [block], "tool_call_id": call.id})


class Context:
    def __init__(self):
        self.messages = []

    async def add_message(self, message):
        self.messages.append(message)

    async def get_messages(self):
        return list(self.messages)

    async def get_messages_for_request(self, *_args, **_kwargs):
        return list(self.messages)

    async def set_messages(self, messages):
        self.messages = list(messages)

    async def clear(self):
        self.messages = []


class Look:
    name = "look"
    description = "Looks at a place"
    input_schema = {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]}

    async def execute(self, arguments):
        return f"a lantern at {arguments['at']}"


class Session:
    """A session with our module mounted through its entry point."""

    def __init__(self, **config):
        from amplifier_core.loader import ModuleLoader

        self.plan = {
            "session": {"orchestrator": "loop-test", "context": "context-test"},
            "providers": [{"module": MODULE, "config": {**CONFIG, **config}}],
            "tools": [],
        }

        class Loader(ModuleLoader):
            async def load(self, module_id, *args, **kwargs):
                parts = {"loop-test": ("orchestrator", Loop()), "context-test": ("context", Context())}
                if module_id not in parts:
                    return await super().load(module_id, *args, **kwargs)
                point, part = parts[module_id]

                async def mount(coordinator):
                    await coordinator.mount(point, part)

                return mount

        self.session = AmplifierSession(self.plan)
        self.session.coordinator.loader = Loader(coordinator=self.session.coordinator)
        self.events = []
        self.waiters = []

    async def __aenter__(self):
        await self.session.initialize()
        self.coordinator = self.session.coordinator
        self.provider = self.coordinator.get("providers")["openai-chatgpt"]
        await self.coordinator.mount("tools", Look(), name="look")

        async def note(event, data):
            from amplifier_core.models import HookResult

            self.events.append((event, dict(data)))
            for waiter in self.waiters:
                waiter(event)
            return HookResult(action="continue")

        for event in ("llm:request", "llm:response", "llm:stream_block_start", "llm:stream_block_delta", "llm:stream_block_end", "llm:stream_aborted"):
            self.coordinator.hooks.register(event, note, name=f"note-{event}")
        return self

    async def __aexit__(self, *_):
        await self.session.cleanup()

    def ask(self, text, **more):
        return self.provider.complete(ChatRequest(messages=[Message(role="user", content=text)], **more))

    async def begun(self, text):
        """A running call whose first delta has come."""
        came = asyncio.Event()
        self.waiters = [lambda event: came.set() if event == "llm:stream_block_delta" else None]
        task = asyncio.create_task(self.ask(text))
        await asyncio.wait({task, asyncio.create_task(came.wait())}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        assert came.is_set(), f"no delta came: {task}"
        return task


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def session_answers_with_a_tool_call():
    async with Session() as run:
        answer = await run.session.execute('call look {"at":"the door"}')
        assert "a lantern at the door" in answer, answer
        names = [event for event, _ in run.events]
        assert names[0] == "llm:request" and names[-1] == "llm:response", names
        assert names.count("llm:request") == names.count("llm:response") == 2, names
        deltas = [data["text"] for event, data in run.events if event == "llm:stream_block_delta" and data["block_type"] == "text"]
        assert len(deltas) > 1 and answer in "".join(deltas), deltas


async def kernel_validation_passes():
    import amplifier_module_provider_openai_chatgpt as package

    result = await ProviderValidator().validate(os.path.dirname(package.__file__), config=dict(CONFIG))
    assert result.passed, [check for check in result.checks if not check.passed]


async def models_and_info_come_across():
    async with Session() as run:
        assert run.provider.get_info().id == "openai-chatgpt"
        assert any(model.id == "gpt-5.5" for model in await run.provider.list_models())


async def merged_config_of_a_spawn_is_in_effect():
    async with Session(default_model="gpt-5.4", reasoning_effort="high", priority=0) as run:
        response = await run.ask("hello from a spawn")
        assert run.provider.get_info().defaults["model"] == "gpt-5.4"
        assert response.metadata["route"]["resolved_model"] == "gpt-5.4", response.metadata


async def thinking_keeps_its_provenance():
    async with Session() as run:
        response = await run.ask("please ponder")
        thinking = [block for block in response.content if block.type == "thinking"]
        assert thinking and thinking[0].content[2]["lane"] == "codex", response.content
        assert response.usage.total_tokens > 0 and response.finish_reason == "stop"


async def errors_are_the_kernels_own():
    async with Session() as run:
        try:
            await run.ask("please refuse")
        except llm_errors.ContextLengthError as error:
            assert error.retryable is False and error.provider, error
        else:
            raise AssertionError("nothing was raised")
        assert run.events[-1][0] == "llm:response" and run.events[-1][1]["status"] == "error", run.events


async def killed_sidecar_gives_a_retryable_error_and_comes_back():
    async with Session() as run:
        task = await run.begun("please stall")
        pid = run.provider.sidecar_pid
        os.kill(pid, signal.SIGKILL)
        try:
            await asyncio.wait_for(task, 5)
        except llm_errors.LLMError as error:
            assert isinstance(error, llm_errors.StreamError) and error.retryable, repr(error)
        else:
            raise AssertionError("nothing was raised")
        assert "and again" in str((await run.ask("and again")).content)
        assert run.provider.sidecar_pid != pid


async def cancelling_ends_the_call():
    async with Session() as run:
        task = await run.begun("please stall")
        started = time.monotonic()
        await run.coordinator.request_cancel(immediate=True)
        await run.coordinator.cancellation.trigger_callbacks()
        try:
            await asyncio.wait_for(task, 2)
        except llm_errors.AbortError:
            assert time.monotonic() - started < 0.25
        else:
            raise AssertionError("nothing was raised")
        run.coordinator.cancellation.reset()
        task = await run.begun("please stall")
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        assert "still here" in str((await run.ask("still here")).content)


async def cleanup_twice_leaves_no_process():
    run = Session()
    async with run:
        pid = run.provider.sidecar_pid
        assert alive(pid)
    await run.session.cleanup()
    await run.provider.close()
    assert not alive(pid)


async def many_mounts_leave_no_orphan():
    pids = []
    for _ in range(int(os.environ.get("MOUNTS", "5"))):
        async def one():
            async with Session() as run:
                pids.append(run.provider.sidecar_pid)
        await asyncio.gather(one(), one(), one(), one())
    assert len(set(pids)) == len(pids) and not any(alive(pid) for pid in pids), pids


CHECKS = [
    session_answers_with_a_tool_call, kernel_validation_passes, models_and_info_come_across, merged_config_of_a_spawn_is_in_effect,
    thinking_keeps_its_provenance, errors_are_the_kernels_own, killed_sidecar_gives_a_retryable_error_and_comes_back,
    cancelling_ends_the_call, cleanup_twice_leaves_no_process, many_mounts_leave_no_orphan,
]


async def main():
    wanted = sys.argv[2:]
    for check in CHECKS:
        if wanted and check.__name__ not in wanted:
            continue
        started = time.monotonic()
        try:
            await asyncio.wait_for(check(), float(os.environ.get("CHECK_SECONDS", "60")))
            failure = None
        except BaseException:
            failure = traceback.format_exc()
        print(json.dumps({"check": check.__name__, "failure": failure, "seconds": round(time.monotonic() - started, 2)}), flush=True)


asyncio.run(main())
