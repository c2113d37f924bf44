"""The process that serves all sessions of this Python process: started by the first, ended with the last. Or the machine's own, where the user has one."""

import json
import logging
import os
import secrets
import subprocess
import threading
from dataclasses import dataclass
from typing import Any

from amplifier_core.llm_errors import ConfigurationError, ProviderUnavailableError

from .find_sidecar import PROVIDER, find_address, find_command, find_cwd

READY_SECONDS = 15.0
STOP_SECONDS = 5.0

logger = logging.getLogger("amplifier_module_openai_chatgpt")


@dataclass
class Running:
    """A process and how to reach it; ``process`` is None where somebody else runs it."""

    process: subprocess.Popen[bytes] | None
    target: str
    secret: str
    lost: bool = False

    @property
    def alive(self) -> bool:
        return not self.lost and (self.process is None or self.process.poll() is None)


class Sidecar:
    """``serve --grpc`` for every provider that holds it; safe to use from several threads and event loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: Running | None = None
        self._users: set[int] = set()
        self.served = False
        """Whether anything was ever asked through it."""

    @property
    def pid(self) -> int | None:
        running = self._running
        return running.process.pid if running and running.process else None

    def hold(self, user: object) -> Running:
        """The running process, started where none runs. Blocks while it starts. Raises the kernel's errors."""
        with self._lock:
            _refuse_fork()
            self._users.add(id(user))
            self.served = True
            if self._running is None or not self._running.alive:
                shared = find_address()
                self._running = Running(None, *shared) if shared else _start()
            return self._running

    def release(self, user: object) -> None:
        """Ends the process with its last user, if it is ours. Blocks until it has ended; twice without harm."""
        with self._lock:
            self._users.discard(id(user))
            if self._users or self._running is None:
                return
            running, self._running = self._running, None
            _stop(running.process)

    def discard(self, running: Running) -> None:
        """Ends a process whose connection broke, which tells of its death before the system does."""
        with self._lock:
            running.lost = True
            if self._running is running:
                self._running = None
                _stop(running.process)


_shared: dict[int, Sidecar] = {}


def shared_sidecar() -> Sidecar:
    """This process's own: a child that was forked before any session starts another."""
    return _shared.setdefault(os.getpid(), Sidecar())


def _refuse_fork() -> None:
    """gRPC ends a process that uses it on both sides of a fork, with a failed check and no exception."""
    if any(sidecar.served for pid, sidecar in _shared.items() if pid != os.getpid()):
        raise ConfigurationError(
            "this process was forked from one that had used openai-chatgpt, and gRPC does not survive that. Start it by spawn or forkserver "
            "(multiprocessing.set_start_method), or fork before the first session", provider=PROVIDER)


def _start() -> Running:
    command = find_command()
    secret = secrets.token_urlsafe(32)
    # An empty config: what mounts has its own from Mount, and nothing is read from the working directory.
    env = {**os.environ, "AMPLIFIER_CHATGPT_SECRET": secret, "AMPLIFIER_CHATGPT_CONFIG": json.dumps({})}
    pipe = subprocess.PIPE
    try:
        # Our end of its stdin stays open: it closes with us, however we die, and the sidecar ends.
        process = subprocess.Popen([*command, "serve", "--grpc"], stdin=pipe, stdout=pipe, stderr=pipe, cwd=find_cwd(), env=env)
    except OSError as error:
        raise ConfigurationError(f"the sidecar {command[0]} cannot be started: {error}", provider=PROVIDER) from error
    said: list[str] = []
    port: list[int] = []
    ready = threading.Event()
    threading.Thread(target=_read_port, args=(process.stdout, port, ready), daemon=True).start()
    listener = threading.Thread(target=_read_warnings, args=(process.stderr, said), daemon=True)
    listener.start()
    ready.wait(READY_SECONDS)
    if not port:
        _stop(process)
        listener.join(1)
        words = " ".join(said)[-500:] or "it said nothing"
        raise ProviderUnavailableError(f"the sidecar did not start: {words}", provider=PROVIDER)
    return Running(process, f"127.0.0.1:{port[0]}", secret)


def _read_port(stream: Any, port: list[int], ready: threading.Event) -> None:
    for line in stream:
        if line.startswith(b"READY:"):
            port.append(int(line[6:]))
            ready.set()
    ready.set()


def _read_warnings(stream: Any, said: list[str]) -> None:
    for line in stream:
        words = line.decode(errors="replace").strip()
        said.append(words)
        del said[:-20]
        if words:
            logger.warning("%s", words)


def _stop(process: subprocess.Popen[bytes] | None) -> None:
    if process is None:
        return
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    if process.stdin is not None:
        process.stdin.close()
    process.wait()
