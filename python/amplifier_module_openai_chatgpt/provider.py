"""The provider as a session sees it: the kernel's five methods, sign-in, and what hosts read from the object itself."""

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import grpc
from amplifier_core._grpc_gen import amplifier_module_pb2 as pb
from amplifier_core.llm_errors import AbortError, ConfigurationError, LLMError, StreamError
from amplifier_core.message_models import ChatRequest, ChatResponse, Message, ToolCall, Usage
from amplifier_core.models import ConfigField, ModelInfo, ProviderInfo

from . import convert, sign_in, trust
from .call_events import CallEvents
from .find_sidecar import COMMAND, CWD, read_config_fields, read_shown_options
from .partial_answer import PartialAnswer
from .session_mount import SessionMount, write_settings
from .sidecar import shared_sidecar

MOUNT_NAME = "openai-chatgpt"
_REFUSED = {"sidecar_command": COMMAND, "sidecar_cwd": CWD}
_LOOK_SECONDS = 0.1
"""How often a running call looks whether its session was cancelled."""
_CHECKPOINT = "openai-chatgpt:compaction"


@dataclass(frozen=True)
class Checkpoint:
    """What a history came to. ``message`` goes into it in place of the messages that the host lets go."""

    message: Message = field(repr=False)
    usage: Usage | None
    response_id: str | None


class ChatGPTProvider:
    """Serves a session through the sidecar of this process, which its first call starts.

    ``config`` is what a project may set of the mount's config, no secret among it. It may be changed: the next call follows.
    """

    name = MOUNT_NAME

    def __init__(self, config: dict[str, Any] | None = None, coordinator: Any = None) -> None:
        given = dict(config or {})
        write_settings(given)
        self._given = copy.deepcopy(given)
        self._shown = read_shown_options() & self._given.keys()
        self.config: dict[str, Any] = {key: copy.deepcopy(self._given[key]) for key in self._given if key in self._shown}
        for key, variable in _REFUSED.items():
            if key in self._given:
                raise ConfigurationError(f"{key} names a program to run, so no mount plan may say it: set {variable} in your environment", provider=MOUNT_NAME)
        self.cost_usd: Decimal | None = None
        self._coordinator = coordinator
        self._sidecar = shared_sidecar()
        self._opening: asyncio.Task[SessionMount] | None = None
        self._info: ProviderInfo | None = None
        self._replaced: list[SessionMount] = []
        self._calls: set[Any] = set()
        self._listening = False
        self._closed = False

    @property
    def priority(self) -> int:
        """The lower of two providers is asked first; 100 where the config says nothing that is a number."""
        try:
            return int(self.config.get("priority", 100))
        except (TypeError, ValueError):
            return 100

    @priority.setter
    def priority(self, value: int) -> None:
        self.config["priority"] = value

    @property
    def default_model(self) -> str | None:
        """What the config says, else what the sidecar has told; None until then."""
        return self.config.get("default_model") or (self._info.defaults.get("model") if self._info else None)

    @default_model.setter
    def default_model(self, value: str) -> None:
        self.config["default_model"] = value

    @property
    def reasoning_effort(self) -> str | None:
        return self.config.get("reasoning_effort")

    @reasoning_effort.setter
    def reasoning_effort(self, value: str | None) -> None:
        self.config["reasoning_effort"] = value

    @property
    def sidecar_pid(self) -> int | None:
        return self._sidecar.pid

    def get_info(self) -> ProviderInfo:
        """What the sidecar said last; before it was asked, what holds for every account."""
        ways = {"auth:oauth_pkce" if sign_in.is_plan(self._given) else "auth:oauth_device_code"}
        if self._info is None:
            defaults = {"model": self.config["default_model"]} if self.config.get("default_model") else {}
            capabilities = ["streaming", "tools", "thinking", "vision", "json_mode", *ways]
            fields = [ConfigField(**field) for field in read_config_fields()]
            return ProviderInfo(id=MOUNT_NAME, display_name="OpenAI ChatGPT", credential_env_vars=[], capabilities=capabilities, defaults=defaults, config_fields=fields)
        return self._info.model_copy(update={"capabilities": [*self._info.capabilities, *(ways - set(self._info.capabilities))]})

    def auth_status(self) -> str:
        """``authenticated``, ``expired`` or ``unauthenticated``, as the sign-in's own place has it now."""
        return sign_in.read_status(self._given)

    async def login(self, print_fn: Callable[[str], None] | None = None) -> bool:
        """Signs in; ``print_fn`` is told the address and the code to type there. True once somebody is signed in."""
        done = await asyncio.to_thread(sign_in.sign_in, self._given, print_fn)
        if done:
            await self._forget_mount()
        return done

    async def warm(self) -> None:
        """Starts what a first call would start, and learns the model's real window."""
        mount = await self._mount()
        try:
            await self._follow_info(mount)
        except grpc.aio.AioRpcError as error:
            raise convert.read_error(error) from error

    async def list_models(self) -> list[ModelInfo]:
        mount = await self._mount()
        try:
            listed = await mount.stub.ListModels(pb.Empty(), metadata=mount.metadata)
            await self._follow_info(mount)
        except grpc.aio.AioRpcError as error:
            raise convert.read_error(error) from error
        return [convert.read_model(model) for model in listed.models]

    def parse_tool_calls(self, response: ChatResponse) -> list[ToolCall]:
        return convert.read_tool_calls(response)

    async def complete(self, request: ChatRequest, **kwargs: Any) -> ChatResponse:
        """One answer. Its events go to the session's hooks as they come. Raises ``amplifier_core.llm_errors``, each with ``code``,
        ``request_id``, ``may_have_run`` and ``partial``, a ``ChatResponse`` of what had come.

        Fields of the request may come as keywords too, as loops send ``model``; the request's own win.
        """
        given = {key: value for key, value in kwargs.items() if key in ChatRequest.model_fields and getattr(request, key) is None and value is not None}
        if given:
            request = request.model_copy(update=given)
        return await self._call(request)

    async def compact(self, request: ChatRequest) -> Checkpoint:
        """A checkpoint of the request's messages, by a call of its own that streams nothing; the history stays as it was.

        Readable to the same account, lane and model family alone: elsewhere a call with it raises InvalidRequestError.
        """
        response = await self._call(request, (("x-amplifier-operation", "compaction"),))
        said = response.metadata or {}
        message = Message(role="assistant", content="", metadata={_CHECKPOINT: said.get(_CHECKPOINT)})
        return Checkpoint(message=message, usage=response.usage, response_id=said.get("response_id"))

    async def _call(self, request: ChatRequest, more: tuple[tuple[str, str], ...] = ()) -> ChatResponse:
        partial = PartialAnswer()
        try:
            return await self._send(request, more, partial)
        except LLMError as error:
            convert.describe(error, partial=partial.read())
            raise

    async def _send(self, request: ChatRequest, more: tuple[tuple[str, str], ...], partial: PartialAnswer) -> ChatResponse:
        cancellation = getattr(self._coordinator, "cancellation", None)
        self._listen(cancellation)
        _refuse_cancelled(cancellation)
        mount = await self._mount()
        if self._closed:
            raise AbortError("the provider was closed", provider=MOUNT_NAME)
        # A mount may take seconds, and a call that is not there yet cannot be ended.
        _refuse_cancelled(cancellation)
        events = CallEvents(self._coordinator, MOUNT_NAME)
        lost = convert.write_lost_fields(request)
        metadata = (*mount.metadata, *more, *((("x-amplifier-fields", lost),) if lost else ()))
        call = mount.stub.CompleteStreaming(convert.write_request(request), metadata=metadata)
        self._calls.add(call)
        try:
            async with _ended_by(cancellation, call):
                response = await _answer(call, events, partial)
        except grpc.aio.AioRpcError as error:
            if convert.is_lost(error):
                await asyncio.to_thread(self._sidecar.discard, mount.running)
            typed = convert.read_error(error, sent=events.sent, began=events.began)
            await events.end(typed, cancelled=isinstance(typed, AbortError))
            raise typed from error
        except asyncio.CancelledError as error:
            call.cancel()
            await events.end(error, cancelled=True)
            task = asyncio.current_task()
            if task is not None and not task.cancelling():
                raise convert.describe(AbortError("the session was cancelled", provider=MOUNT_NAME), may_have_run=events.sent) from None
            raise
        finally:
            self._calls.discard(call)
            call.cancel()
            await self._end_replaced()
        self._add_cost(response)
        with contextlib.suppress(grpc.aio.AioRpcError):
            await self._follow_info(mount)
        return response

    def _add_cost(self, response: ChatResponse) -> None:
        cost = getattr(response.usage, "cost_usd", None) if response.usage else None
        if cost is not None:
            self.cost_usd = (self.cost_usd or Decimal(0)) + Decimal(str(cost))

    async def _follow_info(self, mount: SessionMount) -> None:
        self._info = await mount.read_info()

    async def _mount(self) -> SessionMount:
        if self._closed:
            raise ConfigurationError("the provider is closed", provider=MOUNT_NAME)
        opening = self._opening
        loop = asyncio.get_running_loop()
        if opening is not None and opening.get_loop() is loop and (not opening.done() or _serves(opening, self._asked())):
            mount = await _opened(opening)
            if mount.serves(self._asked()):
                return mount
        if self._opening is opening:
            self._opening = loop.create_task(self._open())
            if opening is not None and opening.get_loop() is loop and opening.done() and not opening.cancelled() and opening.exception() is None:
                self._replaced.append(opening.result())
        current = self._opening
        assert current is not None
        return await _opened(current)

    def _kept(self) -> dict[str, Any]:
        """What the mount was given, but what was taken out of the config since."""
        return {key: value for key, value in self._given.items() if key in self.config or key not in self._shown}

    def _asked(self) -> dict[str, Any]:
        return {**self._kept(), **self.config}

    async def _open(self) -> SessionMount:
        # A role pin writes what a project may have said, whatever the host says of its own plan.
        written = {key: value for key, value in self.config.items() if key not in self._given or self._given[key] != value}
        return await SessionMount.open(self._sidecar, self, self._kept(), self._coordinator, trusted=trust.is_config_trusted(), written=written)

    async def _end_replaced(self) -> None:
        """Takes down mounts of an earlier config, once no call runs that may still be on one."""
        while self._replaced and not self._calls:
            await self._replaced.pop().close()

    async def _forget_mount(self) -> None:
        opening, self._opening = self._opening, None
        if opening is None or opening.get_loop() is not asyncio.get_running_loop():
            return
        with contextlib.suppress(Exception):
            await (await opening).close()

    def _listen(self, cancellation: Any) -> None:
        if self._listening or cancellation is None or not hasattr(cancellation, "on_cancel"):
            return
        self._listening = True

        async def cancel() -> None:
            for call in list(self._calls):
                call.cancel()

        with contextlib.suppress(Exception):
            cancellation.on_cancel(cancel)

    async def close(self) -> None:
        """Takes the mount down, and the sidecar with its last user; twice without harm."""
        self._closed = True
        for call in list(self._calls):
            call.cancel()
        await self._forget_mount()
        self._calls.clear()
        await self._end_replaced()
        await asyncio.to_thread(self._sidecar.release, self)


def _refuse_cancelled(cancellation: Any) -> None:
    if cancellation is not None and cancellation.is_immediate:
        raise AbortError("the session was cancelled", provider=MOUNT_NAME)


@contextlib.asynccontextmanager
async def _ended_by(cancellation: Any, call: Any) -> AsyncIterator[None]:
    """Cancels ``call`` once the session is cancelled at once: the kernel tells its listeners only where the host has them triggered."""
    async def watch() -> None:
        while not cancellation.is_immediate:
            await asyncio.sleep(_LOOK_SECONDS)
        call.cancel()

    watching = asyncio.create_task(watch()) if cancellation is not None else None
    try:
        yield
    finally:
        if watching is not None:
            watching.cancel()


async def _opened(opening: "asyncio.Task[SessionMount]") -> SessionMount:
    """The mount, which goes on for the others who wait where one of them is cancelled."""
    try:
        return await asyncio.shield(opening)
    except grpc.aio.AioRpcError as error:
        raise convert.read_error(error) from error


def _serves(opening: "asyncio.Task[SessionMount]", config: dict[str, Any]) -> bool:
    return not opening.cancelled() and opening.exception() is None and opening.result().serves(config)


async def _answer(call: Any, events: CallEvents, partial: PartialAnswer) -> ChatResponse:
    last = None
    async for message in call:
        last = message
        if message.content:
            continue
        partial.add(message)
        if message.metadata_json:
            await events.emit_all(message.metadata_json)
    if last is None or not last.content:
        raise convert.describe(StreamError("the answer ended without its last message", provider=MOUNT_NAME), may_have_run=events.sent)
    return convert.read_response(last)
