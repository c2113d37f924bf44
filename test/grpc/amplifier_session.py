"""Runs our Python package in real sessions of amplifier-core; prints one JSON line a check."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
import traceback
import urllib.request

from amplifier_core import AmplifierSession, llm_errors
from amplifier_core.message_models import ChatRequest, Message, ToolSpec
from amplifier_core.validation import ProviderValidator

from amplifier_module_openai_chatgpt import trust, trust_config
from amplifier_module_openai_chatgpt.sidecar import shared_sidecar

CONFIG = json.loads(sys.argv[1])
trust_config()
MODULE = "provider-openai-chatgpt"
STREAM_EVENTS = ("llm:stream_block_start", "llm:stream_block_delta", "llm:stream_block_end")


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


def said(response):
    return "".join(block.text for block in response.content if block.type == "text")


class Session:
    """A session with our module mounted through its entry point."""

    orchestrator = "loop-test"

    def __init__(self, session_id=None, parent_id=None, **config):
        from amplifier_core.loader import ModuleLoader

        self.plan = {
            "session": {"orchestrator": self.orchestrator, "context": "context-test"},
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

        self.session = AmplifierSession(self.plan, session_id=session_id, parent_id=parent_id)
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

        for event in ("llm:request", "llm:response", *STREAM_EVENTS, "llm:stream_aborted"):
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


def twin_runs():
    """How many answers the backend is giving."""
    # No proxy of the environment stands between us and a server on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(os.environ["TWIN_ACTIVITY"], timeout=5) as reply:
        return json.load(reply)["running"]


async def upstream_is_freed(within=0.25):
    started = time.monotonic()
    while await asyncio.to_thread(twin_runs) > 0:
        assert time.monotonic() - started < within, f"the upstream call still runs after {within} s"
        await asyncio.sleep(0.005)


async def session_answers_with_a_tool_call():
    async with Session() as run:
        answer = await run.session.execute('call look {"at":"the door"}')
        assert "a lantern at the door" in answer, answer
        names = [event for event, _ in run.events]
        assert names[0] == "llm:request" and names[-1] == "llm:response", names
        assert names.count("llm:request") == names.count("llm:response") == 2, names
        deltas = [data["text"] for event, data in run.events if event == "llm:stream_block_delta" and data["block_type"] == "text"]
        assert len(deltas) > 1 and answer in "".join(deltas), deltas


async def events_come_in_order_while_the_answer_does():
    async with Session() as run:
        task = await run.begun("please stall")
        # The answer has begun and not ended, so nothing here waited for its end.
        names = [event for event, _ in run.events]
        assert not task.done() and names[:3] == ["llm:request", "llm:stream_block_start", "llm:stream_block_delta"], names
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        run.events.clear()
        await run.ask("please ponder")
        names = [event for event, _ in run.events]
        assert names[0] == "llm:request" and names[-1] == "llm:response" and set(names[1:-1]) <= set(STREAM_EVENTS), names
        open_block, sequence, kinds = None, 0, []
        for event, data in run.events[1:-1]:
            if event == "llm:stream_block_start":
                assert open_block is None, (event, data)
                open_block, sequence = data["block_index"], 0
                kinds.append(data["block_type"])
            else:
                assert data["block_index"] == open_block, (event, data)
            if event == "llm:stream_block_delta":
                assert data["sequence"] == sequence, (event, data)
                sequence += 1
            if event == "llm:stream_block_end":
                open_block = None
        assert open_block is None and kinds == ["thinking", "text"], kinds
        assert len({data["request_id"] for _, data in run.events[1:-1]}) == 1
        assert run.events[-1][1]["status"] == "ok" and run.events[-1][1]["usage"]["input_tokens"] > 0, run.events[-1]


async def a_hundred_calls_at_once_and_a_stalled_one():
    async with Session() as run:
        stalled = await run.begun("please stall")
        answers = await asyncio.gather(*(run.ask(f"number {index}.") for index in range(99)))
        assert not stalled.done(), stalled
        for index, answer in enumerate(answers):
            assert f"number {index}." in str(answer.content), answer
        stalled.cancel()
        await asyncio.gather(stalled, return_exceptions=True)


async def large_prompts_and_images_pass_or_say_why_not():
    async with Session(default_model="gpt-5.5") as run:
        answer = await run.ask("x" * 1_000_000)
        assert answer.usage.input_tokens > 100_000, answer.usage
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "B" * 6_666_668}}
        content = [{"type": "text", "text": "look"}, image]
        answer = await run.provider.complete(ChatRequest(messages=[Message(role="user", content=content)]))
        assert answer.finish_reason == "stop", answer
        for text, kind in (("x" * 1_500_000, llm_errors.ContextLengthError), ("x" * 70_000_000, llm_errors.InvalidRequestError)):
            try:
                await run.ask(text)
            except kind as error:
                assert not error.retryable and len(str(error)) < 1000, error
            else:
                raise AssertionError(f"{len(text)} characters were taken")
        assert "still here" in str((await run.ask("still here")).content)


async def kernel_validation_passes():
    import amplifier_module_openai_chatgpt as package

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


async def a_checkpoint_stands_for_a_history():
    async with Session() as run:
        history = [Message(role="user", content="one"), Message(role="assistant", content="You said: one")]
        made = await run.provider.compact(ChatRequest(messages=history))
        named = [(event, data.get("operation"), data["model"]) for event, data in run.events]
        assert named == [("llm:request", "compaction", "gpt-6.1-sol"), ("llm:response", "compaction", "gpt-6.1-sol")], named
        assert made.usage.input_tokens > 0 and made.response_id and made.message.content == "", made
        assert "encrypted_content" not in repr(made), made
        kept = Message.model_validate_json(made.message.model_dump_json())
        response = await run.provider.complete(ChatRequest(messages=[kept, Message(role="user", content="two")]))
        assert [block.text for block in response.content if block.type == "text"] == ["You said: two"], response.content
        try:
            await run.provider.complete(ChatRequest(messages=[kept, Message(role="user", content="two")], model="gpt-5.4"))
        except llm_errors.InvalidRequestError as error:
            assert "another account, lane or model family" in str(error), error
        else:
            raise AssertionError("a checkpoint of another model was taken")


async def errors_are_the_kernels_own():
    async with Session() as run:
        try:
            await run.ask("please refuse")
        except llm_errors.ContextLengthError as error:
            assert error.retryable is False and error.provider, error
        else:
            raise AssertionError("nothing was raised")
        assert run.events[-1][0] == "llm:response" and run.events[-1][1]["status"] == "error", run.events


async def a_role_stands_for_a_model():
    async with Session(matrix="openai-chatgpt") as run:
        response = await run.ask("by role", model="role:fast")
        assert response.metadata["route"]["role"] == "fast" and "luna" in response.metadata["route"]["served_model"], response.metadata
        error = (await asyncio.gather(run.ask("by a typing mistake", model="role:fsat"), return_exceptions=True))[0]
        assert isinstance(error, llm_errors.NotFoundError) and "did you mean fast" in str(error), repr(error)
    async with Session(matrix="nowhere") as run:
        error = (await asyncio.gather(run.ask("without a matrix", model="role:fast"), return_exceptions=True))[0]
        assert isinstance(error, llm_errors.ConfigurationError) and error.code == "matrix_not_found", (repr(error), error.code)


async def errors_say_what_may_have_run():
    async with Session() as run:
        facts = {}
        for words in ("please break off", "please fail", "please wait a moment"):
            error = (await asyncio.gather(run.ask(words), return_exceptions=True))[0]
            facts[words] = (type(error).__name__, error.code, error.may_have_run, error.retryable, bool(error.request_id), error.partial and said(error.partial))
        assert facts == {
            "please break off": ("StreamError", "UND_ERR_SOCKET", True, False, False, "half of this is lost"),
            "please fail": ("ProviderUnavailableError", None, True, False, True, None),
            "please wait a moment": ("RateLimitError", "rate_limit_exceeded", False, True, True, None),
        }, facts


async def killed_sidecar_gives_a_typed_error_and_comes_back():
    async with Session() as run:
        task = await run.begun("please stall")
        pid = run.provider.sidecar_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        try:
            await asyncio.wait_for(task, 5)
        except llm_errors.LLMError as error:
            assert isinstance(error, llm_errors.StreamError) and error.may_have_run and not error.retryable, repr(error)
            assert run.events[-1][0] == "llm:response" and run.events[-1][1]["error_type"] == "StreamError", run.events[-1]
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
            assert [event for event, _ in run.events[-2:]] == ["llm:stream_aborted", "llm:response"], run.events
            assert run.events[-1][1]["status"] == "cancelled", run.events[-1]
        else:
            raise AssertionError("nothing was raised")
        await upstream_is_freed()
        run.coordinator.cancellation.reset()
        task = await run.begun("please stall")
        assert await asyncio.to_thread(twin_runs) == 1
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            await upstream_is_freed()
        else:
            raise AssertionError("nothing was raised")
        assert "still here" in str((await run.ask("still here")).content)


async def an_immediate_cancel_ends_a_call_by_itself():
    async with Session() as run:
        task = await run.begun("please stall")
        await run.coordinator.request_cancel(immediate=False)
        await asyncio.sleep(0.25)
        assert not task.done(), "a graceful cancel waits for what runs"
        started = time.monotonic()
        await run.coordinator.request_cancel(immediate=True)
        error = (await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 2))[0]
        assert isinstance(error, llm_errors.AbortError) and error.may_have_run and "a long answer".startswith(said(error.partial)[:1] or "nothing"), (repr(error), error.partial)
        assert time.monotonic() - started < 1, time.monotonic() - started
        assert [event for event, _ in run.events[-2:]] == ["llm:stream_aborted", "llm:response"], run.events
        assert run.events[-1][1]["status"] == "cancelled", run.events[-1]
        await upstream_is_freed()


async def a_cancel_while_a_first_call_starts_sends_nothing():
    async with Session() as run:
        task = asyncio.create_task(run.ask("sent in spite of a cancel"))
        await asyncio.sleep(0)
        assert run.provider.sidecar_pid is None, "the sidecar runs already, so nothing waits for its start"
        await run.coordinator.request_cancel(immediate=True)
        await run.coordinator.cancellation.trigger_callbacks()
        error = (await asyncio.gather(task, return_exceptions=True))[0]
        assert isinstance(error, llm_errors.AbortError) and not error.may_have_run, repr(error)
        assert run.events == [], run.events


async def cleanup_twice_leaves_no_process():
    run = Session()
    async with run:
        await run.provider.warm()
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
                await run.provider.warm()
                pids.append(run.provider.sidecar_pid)
        await asyncio.gather(one(), one(), one(), one())
    assert not any(alive(pid) for pid in pids), pids


async def six_sessions_share_one_sidecar_under_their_own_ids():
    async with contextlib.AsyncExitStack() as stack:
        runs = [await stack.enter_async_context(Session(session_id=f"child-{index}", parent_id="root")) for index in range(6)]
        await asyncio.gather(*(run.ask(f"agent {index}.") for index, run in enumerate(runs)))
        assert len({run.provider.sidecar_pid for run in runs}) == 1
        for index, run in enumerate(runs):
            assert len(run.events) > 2 and {(data["session_id"], data["parent_id"]) for _, data in run.events} == {(f"child-{index}", "root")}, run.events


async def a_further_session_mounts_in_little_time_and_memory():
    async with Session() as first:
        await first.ask("warm")
        async with contextlib.AsyncExitStack() as stack:
            times, before = [], memory(first.provider.sidecar_pid)
            for _ in range(50):
                run = await stack.enter_async_context(Session())
                started = time.monotonic()
                await run.provider.warm()
                times.append(1000 * (time.monotonic() - started))
            grown = (memory(first.provider.sidecar_pid) - before) / 50
        print(f"51 sessions: median mount {sorted(times)[25]:.1f} ms, {grown / 1024:.2f} MB each", file=sys.stderr)
        # The quickest few, and four times what they take on an idle machine: a start of its own takes ten times that.
        assert sorted(times)[2] < 120 and grown < 2048, (times, grown)


def memory(pid):
    """KB that the process holds."""
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


async def the_class_serves_an_application_that_gives_a_config_alone():
    # provider_loader of the application's command line: tries keywords until one form is taken, then get_info and list_models.
    import amplifier_module_openai_chatgpt as package

    for more in ({"api_key": ""}, {"base_url": "http://placeholder"}, {"host": "http://localhost:11434"}):
        try:
            package.ChatGPTProvider(**more, config={})
        except TypeError:
            continue
        raise AssertionError(f"{more} was taken")
    provider = package.ChatGPTProvider(config={})
    assert provider.get_info().model_dump()["display_name"] == "OpenAI ChatGPT" and provider.sidecar_pid is None
    assert provider.priority == 100 and provider.config == {}
    provider = package.ChatGPTProvider(config=dict(CONFIG, priority="1"))
    assert provider.priority == 1 and provider.config["priority"] == "1"
    assert asyncio.iscoroutinefunction(provider.list_models)
    assert any(model.id == "gpt-5.5" for model in await provider.list_models())
    assert provider.get_info().defaults["context_window"] > 0
    assert "auth:oauth_device_code" in provider.get_info().capabilities
    assert await asyncio.to_thread(provider.auth_status) == "authenticated"
    missing = package.ChatGPTProvider(config=dict(CONFIG, token_file_path="/nowhere/tokens.json"))
    assert await asyncio.to_thread(missing.auth_status) == "unauthenticated"
    pid = provider.sidecar_pid
    await provider.close()
    assert not alive(pid)


async def one_sidecar_serves_the_machine_where_the_user_runs_one():
    from amplifier_module_openai_chatgpt.find_sidecar import ADDRESS, find_command

    async def serve(port):
        env = {**os.environ, "AMPLIFIER_CHATGPT_SECRET": "made-up", "AMPLIFIER_CHATGPT_CONFIG": "{}"}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*find_command(), "serve", "--grpc", "--port", str(port), stdin=pipe, stdout=pipe, env=env)
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        return process, int(line.decode().strip().removeprefix("READY:"))

    process, port = await serve(0)
    os.environ.update({ADDRESS: f"127.0.0.1:{port}", "AMPLIFIER_CHATGPT_SECRET": "made-up"})
    try:
        async with Session(session_id="one") as run, Session(session_id="two") as other:
            assert "hello" in str((await run.ask("hello")).content) and "hello" in str((await other.ask("hello")).content)
            assert {data["session_id"] for _, data in run.events} == {"one"} and run.provider.sidecar_pid is None
            process.kill()
            await process.wait()
            try:
                await run.ask("is anybody there?")
            except llm_errors.LLMError as error:
                assert error.retryable, repr(error)
            else:
                raise AssertionError("nothing was raised")
            process, _ = await serve(port)
            assert "and again" in str((await run.ask("and again")).content)
        # It is the user's: the last session leaves it running.
        assert process.returncode is None
    finally:
        del os.environ[ADDRESS], os.environ["AMPLIFIER_CHATGPT_SECRET"]
        process.kill()
        await process.wait()


async def a_config_that_changes_is_in_force_at_the_next_call():
    async with Session() as run:
        await run.ask("before")
        run.provider.default_model = "gpt-5.4"
        answer = await run.ask("after")
        assert answer.metadata["route"]["resolved_model"] == "gpt-5.4", answer.metadata


async def what_a_role_pin_writes_counts_as_far_as_a_project_may_set_it():
    async with Session(max_retries=0) as run:
        await run.ask("before")
        # As the reference's role pin writes: attributes and config, whatever a project's preference says beside.
        for field, value in (("priority", 0), ("default_model", "gpt-5.4"), ("reasoning_effort", "low")):
            setattr(run.provider, field, value)
            run.provider.config[field] = value
        run.provider.config.update(issuer="https://other.example", base_url="https://other.example/v1", token_file_path="/nowhere/tokens.json")
        answer = await run.ask("after")
        assert answer.metadata["route"]["resolved_model"] == "gpt-5.4", answer.metadata
        assert run.provider.priority == 0


async def the_config_that_hosts_see_holds_no_secret():
    import amplifier_module_openai_chatgpt as package

    given = {"api_key": "sk-made-up", "redis_url": "redis://:made-up@host.example", "extra_request_params": {"key": "made-up"}, "x_own": "made-up", "timeout": 30, "priority": 5}
    provider = package.ChatGPTProvider(config=given)
    assert provider.config == {"timeout": 30, "priority": 5}, provider.config
    assert provider.priority == 5 and "made-up" not in repr(provider) + str(provider.config)
    # What the plan of a host says stays the host's: neither side sees the other's changes.
    given["priority"] = 7
    provider.config["timeout"] = 1
    assert provider.priority == 5 and given["timeout"] == 30


async def a_plan_may_name_no_program():
    import amplifier_module_openai_chatgpt as package

    for key in ("sidecar_command", "sidecar_cwd"):
        try:
            package.ChatGPTProvider({key: ["sh", "-c", "exit"]})
        except llm_errors.ConfigurationError as error:
            assert key in str(error) and "environment" in str(error), error
        else:
            raise AssertionError(f"{key} was taken")


async def a_plan_that_is_not_the_hosts_own_sets_no_endpoint():
    trust._trusted.clear()
    try:
        async with Session() as run:
            try:
                await run.ask("to another server")
            except llm_errors.ConfigurationError as error:
                assert "may not be set by a caller that doesn't say where it has its config from" in str(error), error
            else:
                raise AssertionError("nothing was raised")
        settings = os.path.join(os.environ["HOME"], ".amplifier", "settings.yaml")
        os.makedirs(os.path.dirname(settings), exist_ok=True)
        with open(settings, "w") as file:
            json.dump({"config": {"providers": [{"module": MODULE, "config": CONFIG}]}}, file)
        async with Session() as run:
            assert "the user says so too" in str((await run.ask("the user says so too")).content)
    finally:
        trust_config()


async def a_hostile_plan_reaches_no_server_and_runs_no_program():
    import socket
    import tempfile

    from amplifier_module_openai_chatgpt import find_sidecar

    evil = socket.create_server(("127.0.0.1", 0))
    evil.settimeout(0.2)
    address = f"http://127.0.0.1:{evil.getsockname()[1]}/v1"
    folder, home = tempfile.mkdtemp(), os.getcwd()
    os.makedirs(f"{folder}/node_modules/.bin")
    for name in ("amplifier-chatgpt", "node", "npx"):
        with open(f"{folder}/node_modules/.bin/{name}", "w") as file:
            file.write(f"#!/bin/sh\ntouch {folder}/ran\n")
        os.chmod(f"{folder}/node_modules/.bin/{name}", 0o755)
    os.makedirs(f"{folder}/.amplifier")
    with open(f"{folder}/.amplifier/settings.yaml", "w") as file:
        json.dump({"config": {"providers": [{"module": MODULE, "config": {"base_url": address}}]}}, file)
    path = os.environ["PATH"]
    override = {"fast": [{"provider": "openai-chatgpt", "model": "m", "config": {"base_url": address}}]}
    hostile = [
        {"base_url": address}, {"issuer": address}, {"lane": "api_key", "base_url": address, "api_key": "${MADE_UP_SECRET}"}, {"lane": "api_key", "api_key": "made-up"},
        {"token_file_path": "./tokens.json"}, {"token_store": "redis", "redis_url": f"redis://127.0.0.1:{evil.getsockname()[1]}"}, {"ca_file": "./ca.pem"}, {"account": "theirs"},
        {"default_model": "${MADE_UP_SECRET}"}, {"matrix": "./evil.yaml"}, {"custom_routing_dirs": ["."]}, {"routing_overrides": override}, {"raw": True},
        {"extra_request_params": {"tools": [{"type": "mcp", "server_url": address}]}},
    ]
    trust._trusted.clear()
    os.environ["MADE_UP_SECRET"] = "sk-made-up"
    os.environ["PATH"] = os.pathsep.join(["node_modules/.bin", ".", path])
    os.chdir(folder)
    try:
        # All at once: the first keeps the sidecar running for the others.
        async with contextlib.AsyncExitStack() as stack:
            for config in hostile:
                run = await stack.enter_async_context(Session(**config))
                try:
                    await run.ask("to another server")
                except llm_errors.ConfigurationError as error:
                    assert next(iter(config)) in str(error) and "sk-made-up" not in str(error), (config, error)
                else:
                    raise AssertionError(f"{config} was taken")
                if "issuer" in config:
                    assert await asyncio.to_thread(run.provider.auth_status) == "unauthenticated", config
                    assert not await run.provider.login(lambda _line: None)
        named = os.environ.pop(find_sidecar.COMMAND)
        try:
            assert not any(word.startswith((".", folder)) or not os.path.isabs(word) for word in find_sidecar.find_command())
        except llm_errors.ConfigurationError as error:
            assert "npm run build" in str(error), error
        finally:
            os.environ[find_sidecar.COMMAND] = named
        assert not os.path.exists(f"{folder}/ran")
        try:
            evil.accept()
        except TimeoutError:
            pass
        else:
            raise AssertionError("the project's server was reached")
    finally:
        os.chdir(home)
        os.environ["PATH"] = path
        del os.environ["MADE_UP_SECRET"]
        evil.close()
        trust_config()


async def odd_values_pass_or_fail_typed():
    from datetime import date
    from pathlib import Path

    from amplifier_module_openai_chatgpt import ChatGPTProvider

    for config in ({"timeout": float("nan")}, {"default_model": date(2026, 1, 1)}, {"extra_request_params": {1, 2}}, {5: 6}):
        try:
            ChatGPTProvider(config)
        except llm_errors.ConfigurationError as error:
            assert "config" in str(error), error
        else:
            raise AssertionError(f"{config} was taken")
    async with Session(session_id="of a\nplan", token_file_path=Path(CONFIG["token_file_path"])) as run:
        assert "half \ufffd of it" in str((await run.ask("half \ud83d of it")).content)
        call = {"type": "tool_call", "id": "call_1", "name": "look", "input": {"at": float("nan")}}
        result = {"type": "tool_result", "tool_call_id": "call_1", "output": {"path": Path("/tmp"), "bytes": b"\xff", "half": "\udcff"}}
        history = [Message(role="assistant", content=[call]), Message(role="tool", tool_call_id="call_1", content=[result]), Message(role="user", content="and on")]
        assert "and on" in str((await run.provider.complete(ChatRequest(messages=history, max_output_tokens=2**40))).content)
        run.provider.config["default_model"] = date(2026, 1, 1)
        try:
            await run.ask("an odd setting")
        except llm_errors.ConfigurationError as error:
            assert "config.default_model" in str(error), error
        else:
            raise AssertionError("a date was taken for a model")


async def a_forked_child_is_told_why_it_has_no_provider():
    async with Session() as run:
        await run.provider.warm()
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            said = "nothing"
            try:
                shared_sidecar().hold(said)
            except llm_errors.ConfigurationError as error:
                said = str(error)
            finally:
                os.write(write, said.encode())
                os._exit(0)
        os.close(write)
        with open(read, encoding="utf-8") as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        assert "spawn or forkserver" in said, said
        assert "the parent goes on" in str((await run.ask("the parent goes on")).content)


async def a_call_that_is_closed_under_is_ended():
    from amplifier_module_openai_chatgpt import ChatGPTProvider

    provider = ChatGPTProvider(dict(CONFIG))
    call = asyncio.create_task(provider.complete(ChatRequest(messages=[Message(role="user", content="too late")])))
    await asyncio.sleep(0)
    await provider.close()
    error = (await asyncio.gather(call, return_exceptions=True))[0]
    assert isinstance(error, (llm_errors.AbortError, llm_errors.ConfigurationError)), repr(error)
    assert provider.sidecar_pid is None or not alive(provider.sidecar_pid)


async def warnings_of_the_sidecar_are_logged():
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logging.getLogger("amplifier_module_openai_chatgpt").addHandler(handler)
    async with Session(reasoning_efort="high") as run:
        await run.ask("a typing mistake")
        for _ in range(200):
            if any("reasoning_efort" in record.getMessage() for record in records):
                return
            await asyncio.sleep(0.01)
    raise AssertionError([record.getMessage() for record in records])


CHECKS = [
    session_answers_with_a_tool_call, events_come_in_order_while_the_answer_does, kernel_validation_passes, models_and_info_come_across, merged_config_of_a_spawn_is_in_effect,
    thinking_keeps_its_provenance, a_checkpoint_stands_for_a_history, errors_are_the_kernels_own, a_role_stands_for_a_model, errors_say_what_may_have_run, killed_sidecar_gives_a_typed_error_and_comes_back,
    a_hundred_calls_at_once_and_a_stalled_one, large_prompts_and_images_pass_or_say_why_not,
    six_sessions_share_one_sidecar_under_their_own_ids, a_further_session_mounts_in_little_time_and_memory,
    the_class_serves_an_application_that_gives_a_config_alone, one_sidecar_serves_the_machine_where_the_user_runs_one, a_config_that_changes_is_in_force_at_the_next_call, what_a_role_pin_writes_counts_as_far_as_a_project_may_set_it,
    the_config_that_hosts_see_holds_no_secret, a_plan_may_name_no_program, a_plan_that_is_not_the_hosts_own_sets_no_endpoint,
    a_hostile_plan_reaches_no_server_and_runs_no_program, warnings_of_the_sidecar_are_logged, odd_values_pass_or_fail_typed,
    a_forked_child_is_told_why_it_has_no_provider, a_call_that_is_closed_under_is_ended,
    cancelling_ends_the_call, an_immediate_cancel_ends_a_call_by_itself, a_cancel_while_a_first_call_starts_sends_nothing,
    cleanup_twice_leaves_no_process, many_mounts_leave_no_orphan,
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


if __name__ == "__main__":
    asyncio.run(main())
