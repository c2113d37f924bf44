"""The provider as a session sees it: five methods, events on the session's hooks, the kernel's own errors."""

import asyncio
import contextlib
import json
from typing import Any

import grpc
from amplifier_core._grpc_gen import amplifier_module_pb2 as pb
from amplifier_core.llm_errors import AbortError, StreamError
from amplifier_core.message_models import ChatRequest, ChatResponse, ToolCall
from amplifier_core.models import ModelInfo, ProviderInfo

from . import convert
from .sidecar import Sidecar

MOUNT_NAME = "openai-chatgpt"


class ChatGPTProvider:
    """Serves a session through a sidecar; a sidecar that died is started again by the next call."""

    name = MOUNT_NAME

    def __init__(self, sidecar: Sidecar, coordinator: Any, info: ProviderInfo) -> None:
        self._sidecar = sidecar
        self._coordinator = coordinator
        self._info = info
        self._calls: set[Any] = set()
        self._listening = False

    @classmethod
    async def start(cls, sidecar: Sidecar, coordinator: Any) -> "ChatGPTProvider":
        stub = await sidecar.stub()
        try:
            info = await stub.GetInfo(pb.Empty(), metadata=sidecar.metadata)
        except grpc.aio.AioRpcError as error:
            raise convert.read_error(error, began=False) from error
        return cls(sidecar, coordinator, convert.read_info(info))

    @property
    def sidecar_pid(self) -> int | None:
        return self._sidecar.pid

    def get_info(self) -> ProviderInfo:
        return self._info

    async def list_models(self) -> list[ModelInfo]:
        stub = await self._sidecar.stub()
        try:
            listed = await stub.ListModels(pb.Empty(), metadata=self._sidecar.metadata)
        except grpc.aio.AioRpcError as error:
            raise convert.read_error(error, began=False) from error
        return [convert.read_model(model) for model in listed.models]

    def parse_tool_calls(self, response: ChatResponse) -> list[ToolCall]:
        return convert.read_tool_calls(response)

    async def complete(self, request: ChatRequest, **kwargs: Any) -> ChatResponse:
        """One answer. Its events go to the session's hooks as they come. Raises ``amplifier_core.llm_errors``."""
        cancellation = getattr(self._coordinator, "cancellation", None)
        self._listen(cancellation)
        if cancellation is not None and cancellation.is_immediate:
            raise AbortError("the session was cancelled", provider=MOUNT_NAME)
        stub = await self._sidecar.stub()
        process = self._sidecar.process
        call = stub.CompleteStreaming(convert.write_request(request), metadata=self._sidecar.metadata)
        self._calls.add(call)
        last = None
        began = False
        try:
            async for message in call:
                # A delta's event may come a message ahead of its text.
                began = began or bool(message.content_blocks) or "llm:stream_block" in message.metadata_json
                last = message
                if not message.content and message.metadata_json:
                    await self._emit(message.metadata_json)
            if last is None or not last.content:
                raise StreamError("the answer ended without its last message", provider=MOUNT_NAME)
            return convert.read_response(last)
        except grpc.aio.AioRpcError as error:
            if convert.is_lost(error):
                await self._sidecar.discard(process)
            raise convert.read_error(error, began) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if call.cancelled() and task is not None and not task.cancelling():
                raise AbortError("the session was cancelled", provider=MOUNT_NAME) from None
            raise
        finally:
            self._calls.discard(call)
            call.cancel()

    async def _emit(self, text: str) -> None:
        hooks = getattr(self._coordinator, "hooks", None)
        if hooks is None:
            return
        for entry in json.loads(text).get("events", []):
            await hooks.emit(entry["event"], entry["data"])

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
        for call in list(self._calls):
            call.cancel()
        await self._sidecar.close()
