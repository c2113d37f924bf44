"""Calls our package as the code of the Amplifier application does; prints one JSON line a check.

What is expected stands beside the file that expects it, read in August 2026: amplifier-app-cli f16375f, loop-streaming e5438b4. Where
those are importable their own functions do it; elsewhere what we need of them is said again here.
"""

import asyncio
import json
import os
import sys
import time
import traceback

from amplifier_core.message_models import ChatRequest, Message

from amplifier_session import CONFIG, Session, alive

MODULE = "provider-openai-chatgpt"
try:
    from amplifier_app_cli import cost_history, provider_diagnostics, provider_loader
    from amplifier_app_cli.main import CommandProcessor
    from amplifier_app_cli.ui.display import format_throttle_warning
except ImportError:
    cost_history = provider_diagnostics = provider_loader = CommandProcessor = format_throttle_warning = None
try:
    import amplifier_module_loop_streaming as loop_streaming
except ImportError:
    loop_streaming = None


def load_class():
    """provider_loader.load_provider_class: the entry point's module, then its ``__all__`` for a name that ends in Provider."""
    if provider_loader:
        return provider_loader.load_provider_class(MODULE)
    import importlib
    from importlib.metadata import entry_points

    mount = next(point for point in entry_points(group="amplifier.modules") if point.name == MODULE).load()
    module = importlib.import_module(mount.__module__)
    return next(getattr(module, name) for name in module.__all__ if name.endswith("Provider"))


def make(provider_class):
    """provider_loader._try_instantiate_provider: one signature after the other, until no TypeError comes."""
    if provider_loader:
        return provider_loader._try_instantiate_provider(provider_class)
    for given in ({"api_key": "", "config": {}}, {"base_url": "http://placeholder", "config": {}}, {"host": "http://localhost:11434", "config": {}}, {"config": {}}):
        try:
            return provider_class(**given)
        except (TypeError, ValueError, RuntimeError):
            continue
    return None


def list_once():
    """provider_loader.get_provider_models: an event loop of its own for list and close."""
    if provider_loader:
        return provider_loader.get_provider_models(MODULE)

    async def list_and_close():
        provider = make(load_class())
        try:
            return await provider.list_models()
        finally:
            await provider.close()

    return asyncio.run(list_and_close())


def select(providers):
    """loop-streaming _select_provider: the lowest ``priority`` of attribute, else config, else 100; the first of equals."""
    if loop_streaming:
        return loop_streaming.StreamingOrchestrator({})._select_provider(providers)
    return min(providers.values(), key=lambda provider: provider.priority if hasattr(provider, "priority") else getattr(provider, "config", {}).get("priority", 100))


class Application(Session):
    orchestrator = "loop-streaming" if loop_streaming else Session.orchestrator


def provider_add_finds_the_class_and_asks_its_fields():
    # provider_loader.get_provider_info -> provider_config_utils.configure_provider: display_name, credential_env_vars and config_fields of a fresh object.
    provider = make(load_class())
    assert provider is not None and provider.sidecar_pid is None
    info = provider.get_info().model_dump()
    assert info["display_name"] == "OpenAI ChatGPT" and info["credential_env_vars"] == []
    fields = {field["id"]: field for field in info["config_fields"]}
    assert fields["auth_mode"]["choices"] == ["chatgpt_codex", "chatgpt_plan"] and fields["auth_mode"]["default"] == "chatgpt_codex", fields
    # provider_config_utils shows what depends on the plan to those who chose it alone, and takes none of them for a secret.
    assert {name for name, field in fields.items() if field["show_when"]} == {"token_file_path", "host_file_path", "app_name"}
    assert not [field for field in fields.values() if field["field_type"] == "secret" or field["required"]]
    # provider_config_utils takes the first choice of a field without a default where Enter is pressed: the service tier would be bought.
    assert not [field for field in fields.values() if field["field_type"] == "choice" and field["default"] is None], fields


def provider_models_lists_in_a_loop_of_its_own_each_time():
    # commands/provider.py provider_models: id, display_name, context_window, max_output_tokens, capabilities of each row.
    for _ in range(2):
        rows = [(model.id, model.display_name, model.context_window, model.max_output_tokens, model.capabilities) for model in list_once()]
        assert ("gpt-6.1-sol", "GPT-6.1 Sol", 872_000, 128_000) in [row[:4] for row in rows], rows
        assert all(row[4] for row in rows)


async def provider_test_in_a_session_takes_no_time():
    # provider_diagnostics.test_provider_connectivity: list_models of the mounted providers at once, within 15 s.
    async with Application() as run:
        if provider_diagnostics:
            result = await provider_diagnostics.test_provider_connectivity("ours", run.provider)
            assert result.ok and result.detail.endswith("available"), result
        else:
            assert len(await asyncio.wait_for(run.provider.list_models(), 15)) > 10


async def the_status_line_shows_model_and_priority():
    # main.py CommandProcessor._provider_model_for_display, _provider_priority_for_display.
    async with Application(priority="7") as run:
        await run.ask("hello")
        if CommandProcessor:
            shown = CommandProcessor._provider_model_for_display(run.provider), CommandProcessor._provider_priority_for_display(run.provider)
        else:
            shown = run.provider.get_info().defaults["model"], run.provider.priority
        assert shown == ("gpt-6.1-sol", 7), shown


async def of_two_providers_the_lower_priority_is_asked():
    class Other:
        name, asked = "other", 0

        def __init__(self, priority):
            self.config = {"priority": priority}

        def parse_tool_calls(self, _response):
            return []

    for ours, theirs in ((1, 2), (100, 2), (2, 2)):
        async with Application(priority=ours) as run:
            other = Other(theirs)
            await run.coordinator.mount("providers", other, name="other")
            chosen = select(run.coordinator.get("providers"))
            assert (chosen is run.provider) == (ours <= theirs), (ours, theirs, chosen)
            # A role's pin writes to what is mounted: session_spawner sets the preferred provider's priority to 0.
            run.provider.config["priority"] = 0
            assert select(run.coordinator.get("providers")) is run.provider


async def six_delegated_agents_log_under_their_own_sessions():
    # session_spawner gives children ids of their own and the parent's; hooks-logging writes each event to the folder of its session_id.
    ids = [f"root-{index:04x}_agent" for index in range(6)]
    children = [Application(session_id=name, parent_id="root") for name in ids]

    async def delegate(child, number):
        async with child as run:
            return await run.session.execute(f"agent {number} here")

    answers = await asyncio.gather(*(delegate(child, number) for number, child in enumerate(children)))
    assert [str(answer) for answer in answers] == [f"You said: agent {number} here" for number in range(6)], answers
    folders = {}
    for child in children:
        for event, data in child.events:
            folders.setdefault(data["session_id"], []).append((event, data))
    assert sorted(folders) == ids, folders.keys()
    for name, events in folders.items():
        assert {data.get("parent_id") for _, data in events} == {"root"}, events
        assert [event for event, _ in events][0] == "llm:request" and events[-1][0] == "llm:response", events


async def a_turn_with_a_tool_shows_in_events_as_displays_read_them():
    # hooks-streaming-ui and main.py read block_type, block_index and text of llm:stream_*, model, usage and duration_ms of llm:response.
    async with Application() as run:
        answer = await run.session.execute('call look {"at": "the door"}')
        assert "a lantern at the door" in str(answer), answer
        for event, data in run.events:
            wanted = {"llm:request": {"provider", "model", "message_count"}, "llm:response": {"provider", "model", "status", "duration_ms", "usage"},
                      "llm:stream_block_delta": {"request_id", "block_type", "block_index", "sequence", "text"}}.get(event, {"request_id"})
            assert wanted <= data.keys(), (event, data)
            assert data.get("model", "gpt-6.1-sol") == "gpt-6.1-sol", (event, data)
        assert [event for event, _ in run.events].count("llm:response") == 2


async def cancel_ends_the_turn_and_its_events():
    async with Application() as run:
        came = asyncio.Event()
        run.waiters = [lambda event: came.set() if event == "llm:stream_block_delta" else None]
        turn = asyncio.create_task(run.session.execute("please stall"))
        await asyncio.wait_for(came.wait(), 20)
        await run.coordinator.request_cancel(immediate=True)
        await run.coordinator.cancellation.trigger_callbacks()
        await asyncio.wait({turn}, timeout=5)
        assert turn.done()
        turn.cancelled() or turn.exception()
        assert run.events[-1][0] == "llm:response" and run.events[-1][1]["status"] == "cancelled", run.events[-1]
        assert run.events[-2][0] == "llm:stream_aborted", run.events[-2]


async def cost_is_summed_where_there_is_one_and_left_out_where_not():
    from decimal import Decimal
    from types import SimpleNamespace

    async with Application() as run:
        await run.ask("free")
        contributed = await run.coordinator.collect_contributions("session.cost")
        assert [value for value in contributed if value] == [], contributed
        for cost in ("0.25", "0.5"):
            run.provider._add_cost(SimpleNamespace(usage=SimpleNamespace(cost_usd=Decimal(cost))))
        contributed = await run.coordinator.collect_contributions("session.cost")
        assert [value for value in contributed if value] == [{"cost_usd": "0.75"}], contributed


async def login_tells_its_callback_where_to_go_and_the_next_call_is_signed_in(folder):
    # The original module's onboarding contract: login(print_fn), auth_status().
    from amplifier_module_openai_chatgpt import ChatGPTProvider

    provider = ChatGPTProvider(config=dict(CONFIG, token_file_path=f"{folder}/signed-in-here.json"))
    assert await asyncio.to_thread(provider.auth_status) == "unauthenticated"
    said = []
    assert await provider.login(said.append)
    words = "\n".join(said)
    assert f"{CONFIG['issuer']}/codex/device" in words, words
    assert await asyncio.to_thread(provider.auth_status) == "authenticated"
    answer = await provider.complete(ChatRequest(messages=[Message(role="user", content="signed in")]))
    assert answer.content[-1].text == "You said: signed in", answer.content
    pid = provider.sidecar_pid
    await provider.close()
    assert not alive(pid)
    with open(f"{folder}/signed-in-here.json") as record:
        ended = {**json.load(record), "expires_at": "2020-01-01T00:00:00+00:00", "refresh_token": None}
    with open(f"{folder}/ended.json", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as record:
        json.dump(ended, record)
    assert await asyncio.to_thread(ChatGPTProvider(config=dict(CONFIG, token_file_path=f"{folder}/ended.json")).auth_status) == "expired"


def a_throttle_event_reads_as_a_warning():
    if format_throttle_warning:
        said = format_throttle_warning({"provider": "openai-chatgpt", "model": "gpt-5.5", "reason": "rate_limit_exceeded", "retry_after": 2, "concurrency": 3, "delay": 2, "dimension": "requests", "remaining": 0})
        assert said == "Approaching openai-chatgpt rate limit \u2014 throttling for 2s", said


CHECKS = [
    provider_add_finds_the_class_and_asks_its_fields, provider_models_lists_in_a_loop_of_its_own_each_time, provider_test_in_a_session_takes_no_time,
    the_status_line_shows_model_and_priority, of_two_providers_the_lower_priority_is_asked, six_delegated_agents_log_under_their_own_sessions,
    a_turn_with_a_tool_shows_in_events_as_displays_read_them, cancel_ends_the_turn_and_its_events,
    cost_is_summed_where_there_is_one_and_left_out_where_not, login_tells_its_callback_where_to_go_and_the_next_call_is_signed_in,
    a_throttle_event_reads_as_a_warning,
]


def main():
    print(json.dumps({"real": {"application": bool(provider_loader), "loop": bool(loop_streaming)}}), flush=True)
    for check in CHECKS:
        if sys.argv[3:] and check.__name__ not in sys.argv[3:]:
            continue
        started = time.monotonic()
        try:
            done = check(sys.argv[2]) if check.__code__.co_argcount else check()
            if asyncio.iscoroutine(done):
                asyncio.run(asyncio.wait_for(done, 60))
            failure = None
        except BaseException:
            failure = traceback.format_exc()
        print(json.dumps({"check": check.__name__, "failure": failure, "seconds": round(time.monotonic() - started, 2)}), flush=True)


if __name__ == "__main__":
    main()
