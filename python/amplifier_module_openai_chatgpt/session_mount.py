"""One mount in the sidecar, as one event loop reaches it."""

import asyncio
import json
import logging
import os
import uuid
from typing import Any

import grpc.aio
from amplifier_core._grpc_gen import amplifier_module_pb2 as pb
from amplifier_core._grpc_gen import amplifier_module_pb2_grpc as services
from amplifier_core.llm_errors import ConfigurationError

from . import convert
from .sidecar import READY_SECONDS, Running, Sidecar

logger = logging.getLogger("amplifier_module_openai_chatgpt")
_LIMIT = 64 * 1024 * 1024
_CHANNEL_OPTIONS = [("grpc.max_receive_message_length", _LIMIT), ("grpc.max_send_message_length", _LIMIT), ("grpc.enable_http_proxy", 0)]


def write_settings(config: dict[str, Any]) -> dict[str, str]:
    """Each value as JSON text; paths as their texts. Raises ``ConfigurationError`` that names the key which has none."""
    texts: dict[str, str] = {}
    for key, value in config.items():
        if not isinstance(key, str):
            raise ConfigurationError(f"the config's key {key!r} is no text", provider=convert.PROVIDER)
        try:
            texts[key] = json.dumps(value, default=os.fspath, allow_nan=False, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"config.{key} has no form in JSON: {error}", provider=convert.PROVIDER) from error
    return texts


class SessionMount:
    def __init__(self, sidecar: Sidecar, running: Running, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...], mounted_with: dict[str, str]) -> None:
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
        texts, changed = write_settings(config), write_settings(written)
        running = await asyncio.to_thread(sidecar.hold, user)
        channel = grpc.aio.insecure_channel(running.target, options=_CHANNEL_OPTIONS)
        metadata = (("x-amplifier-token", running.secret), ("x-amplifier-events", "1"), ("x-amplifier-mount", str(uuid.uuid4())))
        mount = cls(sidecar, running, channel, metadata, {**texts, **changed})
        ids = (("session", getattr(coordinator, "session_id", None)), ("parent", getattr(coordinator, "parent_id", None)))
        own = tuple((f"x-amplifier-{key}", value) for key, value in ids if isinstance(value, str) and value.isascii() and value.isprintable())
        if trusted:
            own += (("x-amplifier-trust", "1"),)
        if written:
            own += (("x-amplifier-written", json.dumps({key: json.loads(text) for key, text in changed.items()})),)
        try:
            # Another one's sidecar may be starting again, which gRPC otherwise learns a second late.
            patience = {"wait_for_ready": True, "timeout": READY_SECONDS} if running.process is None else {}
            answer = await services.ModuleLifecycleStub(channel).Mount(pb.MountRequest(config=texts), metadata=metadata + own, **patience)
        except BaseException:
            await channel.close()
            raise
        # What our own sidecar warns of is logged already.
        if not answer.success and running.process is None:
            logger.warning("provider-openai-chatgpt: %s", answer.error)
        return mount

    def serves(self, config: dict[str, Any]) -> bool:
        """Whether it is still what ``config``, which hosts may change, asks for."""
        return self.running.alive and self.mounted_with == write_settings(config)

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
