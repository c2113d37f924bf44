"""The process beside the session: started when it is needed, started again when it has died."""

import asyncio
import json
import os
import secrets
import shutil
from typing import Any

import grpc.aio
from amplifier_core._grpc_gen import amplifier_module_pb2_grpc
from amplifier_core.llm_errors import ConfigurationError, ProviderUnavailableError

PROVIDER = "openai-chatgpt"
READY_SECONDS = 10.0
STOP_SECONDS = 5.0
_LIMIT = 64 * 1024 * 1024
_CHANNEL_OPTIONS = [("grpc.max_receive_message_length", _LIMIT), ("grpc.max_send_message_length", _LIMIT), ("grpc.enable_http_proxy", 0)]


class Sidecar:
    """One ``serve --grpc`` process and the channel to it."""

    def __init__(self, command: list[str] | None = None, cwd: str | None = None, config: dict[str, Any] | None = None) -> None:
        self._command = command or ["npx", "--no-install", "amplifier-chatgpt"]
        self._cwd = cwd
        self._config = config or {}
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._channel: grpc.aio.Channel | None = None
        self._stub: Any = None
        self._readers: list[asyncio.Task[None]] = []
        self._closed = False
        self.metadata: tuple[tuple[str, str], ...] = ()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def process(self) -> Any:
        return self._process

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def stub(self) -> Any:
        """The service's stub; starts the process where none runs."""
        async with self._starting:
            if self._closed:
                raise ProviderUnavailableError("the provider is closed", provider=PROVIDER, retryable=False)
            if not self.running:
                await self._stop()
                await self._start()
            return self._stub

    async def _start(self) -> None:
        program = shutil.which(self._command[0])
        if program is None:
            raise ConfigurationError(f"{self._command[0]} is not on the PATH. Install Node.js 20.18.1 or later, or set sidecar_command", provider=PROVIDER)
        secret = secrets.token_urlsafe(32)
        env = {**os.environ, "AMPLIFIER_CHATGPT_SECRET": secret, "AMPLIFIER_CHATGPT_CONFIG": json.dumps(self._config)}
        pipe = asyncio.subprocess.PIPE
        # Our end of its stdin stays open: it closes with us, however we die, and the sidecar ends.
        process = await asyncio.create_subprocess_exec(
            program, *self._command[1:], "serve", "--grpc", stdin=pipe, stdout=pipe, stderr=pipe, cwd=self._cwd, env=env
        )
        self._process = process
        said: list[str] = []
        self._readers = [asyncio.create_task(_drain(process.stderr, said))]
        try:
            port = await asyncio.wait_for(_read_port(process.stdout), READY_SECONDS)
        except (TimeoutError, asyncio.TimeoutError, EOFError) as error:
            await self._stop()
            words = " ".join(said)[-500:] or "it said nothing"
            raise ProviderUnavailableError(f"the sidecar did not start: {words}", provider=PROVIDER) from error
        except BaseException:
            await self._stop()
            raise
        self._readers.append(asyncio.create_task(_drain(process.stdout, [])))
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=_CHANNEL_OPTIONS)
        self._stub = amplifier_module_pb2_grpc.ProviderServiceStub(self._channel)
        self.metadata = (("x-amplifier-token", secret), ("x-amplifier-events", "1"))

    async def _stop(self) -> None:
        process, channel, readers = self._process, self._channel, self._readers
        self._process, self._channel, self._stub, self._readers = None, None, None, []
        if channel is not None:
            await channel.close()
        if process is not None:
            if process.returncode is None:
                _signal(process.terminate)
                try:
                    await asyncio.wait_for(process.wait(), STOP_SECONDS)
                except (TimeoutError, asyncio.TimeoutError):
                    _signal(process.kill)
            if process.stdin is not None:
                process.stdin.close()
            await process.wait()
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)

    async def discard(self, process: Any) -> None:
        """Ends a process whose connection broke, which tells of its death before the system does."""
        async with self._starting:
            if process is not None and self._process is process:
                await self._stop()

    async def close(self) -> None:
        """Ends the process; twice without harm."""
        async with self._starting:
            self._closed = True
            await self._stop()


def _signal(send: Any) -> None:
    try:
        send()
    except ProcessLookupError:
        pass


async def _read_port(stream: Any) -> int:
    while line := await stream.readline():
        if line.startswith(b"READY:"):
            return int(line[6:])
    raise EOFError("stdout closed before READY")


async def _drain(stream: Any, said: list[str]) -> None:
    while line := await stream.readline():
        said.append(line.decode(errors="replace").strip())
        del said[:-20]
