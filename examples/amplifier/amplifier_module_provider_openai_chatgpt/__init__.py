"""Amplifier provider module: starts the TypeScript provider beside the session and speaks gRPC to it."""

import logging
from typing import Any

from .provider import MOUNT_NAME, ChatGPTProvider
from .sidecar import Sidecar

__amplifier_module_type__ = "provider"
__all__ = ["ChatGPTProvider", "Sidecar", "mount"]

logger = logging.getLogger(__name__)

EVENTS = [
    "llm:request", "llm:response", "llm:stream_block_start", "llm:stream_block_delta", "llm:stream_block_end", "llm:stream_aborted",
    "provider:retry", "provider:throttle", "provider:resolve", "provider:fallback", "provider:tool_sequence_repaired",
    "provider:incomplete_continuation",
]


async def mount(coordinator: Any, config: dict[str, Any] | None = None) -> Any:
    """Starts the sidecar, registers the provider, and answers the cleanup; twice without harm.

    Two keys of ``config`` are ours: ``sidecar_command`` (a list, default ``["npx", "--no-install",
    "amplifier-chatgpt"]``) and ``sidecar_cwd``. The rest is the provider's own mount config.
    """
    settings = dict(config or {})
    sidecar = Sidecar(command=settings.pop("sidecar_command", None), cwd=settings.pop("sidecar_cwd", None), config=settings)
    try:
        provider = await ChatGPTProvider.start(sidecar, coordinator)
        await coordinator.mount("providers", provider, name=MOUNT_NAME)
    except BaseException:
        await sidecar.close()
        raise
    if hasattr(coordinator, "register_contributor"):
        coordinator.register_contributor("observability.events", "provider-openai-chatgpt", lambda: list(EVENTS))
    return provider.close
