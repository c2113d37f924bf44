"""One mount in the sidecar, as one event loop reaches it."""

import asyncio
import json
import logging
import uuid
from typing import Any

import grpc.aio
from amplifier_core._grpc_gen import amplifier_module_pb2 as pb
from amplifier_core._grpc_gen import amplifier_module_pb2_grpc as services

from . import convert
from .sidecar import READY_SECONDS, Running, Sidecar

logger = logging.getLogger("amplifier_module_openai_chatgpt")
_LIMIT = 64 * 1024 * 1024
_CHANNEL_OPTIONS = [("grpc.max_receive_message_length", _LIMIT), ("grpc.max_send_message_length", _LIMIT), ("grpc.enable_http_proxy", 0)]


class SessionMount:
    def __init__(self, sidecar: Sidecar, running: Running, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...], mounted_with: str) -> None:
        self._sidecar = sidecar
        self._channel = channel
        self.running = running
        self.metadata = metadata
        self.mounted_with = mounted_with
        self.loop = asyncio.get_running_loop()
        self.stub = services.ProviderServiceStub(channel)

    @classmethod
    async def open(cls, sidecar: Sidecar, user: object, config: dict[str, Any], coordinator: Any, *, trusted: bool, written: dict[str, Any]) -> "SessionMount":
        """Mounts ``config``. A mount that fails is logged and tried again by its calls, which raise the reason."""
        running = await asyncio.to_thread(sidecar.hold, user)
        channel = grpc.aio.insecure_channel(running.target, options=_CHANNEL_OPTIONS)
        metadata = (("x-amplifier-token", running.secret), ("x-amplifier-events", "1"), ("x-amplifier-mount", str(uuid.uuid4())))
        texts = {key: json.dumps(value) for key, value in config.items()}
        mount = cls(sidecar, running, channel, metadata, json.dumps({**config, **written}, sort_keys=True, default=str))
        ids = (("session", getattr(coordinator, "session_id", None)), ("parent", getattr(coordinator, "parent_id", None)))
        own = tuple((f"x-amplifier-{key}", value) for key, value in ids if isinstance(value, str) and value.isascii())
        if trusted:
            own += (("x-amplifier-trust", "1"),)
        if written:
            own += (("x-amplifier-written", json.dumps(written, default=str)),)
        try:
            # Another one's sidecar may be starting again, which gRPC otherwise learns a second late.
            patience = {"wait_for_ready": True, "timeout": READY_SECONDS} if running.process is None else {}
            answer = await services.ModuleLifecycleStub(channel).Mount(pb.MountRequest(config=texts), metadata=metadata + own, **patience)
        except BaseException:
            await channel.close()
            raise
        if not answer.success:
            logger.warning("provider-openai-chatgpt: %s", answer.error)
        return mount

    def serves(self, config: dict[str, Any]) -> bool:
        """Whether it is still what ``config``, which hosts may change, asks for."""
        return self.running.alive and self.mounted_with == json.dumps(config, sort_keys=True, default=str)

    async def read_info(self) -> Any:
        return convert.read_info(await self.stub.GetInfo(pb.Empty(), metadata=self.metadata))

    async def close(self) -> None:
        try:
            if self.running.alive and self.loop is asyncio.get_running_loop():
                await services.ModuleLifecycleStub(self._channel).Cleanup(pb.Empty(), metadata=self.metadata, timeout=5)
        except grpc.aio.AioRpcError:
            logger.debug("the sidecar was gone before its mount was taken down")
        if self.loop is asyncio.get_running_loop():
            await self._channel.close()
