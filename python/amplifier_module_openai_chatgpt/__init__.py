"""Amplifier provider module: serves a session through the TypeScript provider, in one process beside this one."""

import asyncio
import logging
from typing import Any

from amplifier_core import events as kernel_events
from amplifier_core.llm_errors import ConfigurationError

from .other_package import OTHER
from .provider import MOUNT_NAME, ChatGPTProvider
from .trust import trust_config

__amplifier_module_type__ = "provider"
__all__ = ["ChatGPTProvider", "mount", "trust_config"]

logger = logging.getLogger(__name__)

_EVENTS = [
    "llm:request", "llm:response", "llm:stream_block_start", "llm:stream_block_delta", "llm:stream_block_end", "llm:stream_aborted",
    "provider:retry", "provider:throttle", "provider:resolve", "provider:fallback", "provider:admission", "provider:tool_sequence_repaired",
    "provider:incomplete_continuation",
]


async def mount(coordinator: Any, config: dict[str, Any] | None = None) -> Any:
    """Registers the provider at once, starts the sidecar meanwhile, and answers the cleanup; twice without harm."""
    mounted = (coordinator.get("providers") or {}).get(MOUNT_NAME)
    if type(mounted).__module__.split(".")[0] == OTHER:
        raise ConfigurationError(
            f"{MOUNT_NAME} is mounted already, by the package {OTHER}. Uninstall one of the two, or take its entry out of the providers", provider=MOUNT_NAME)
    provider = ChatGPTProvider(config, coordinator)
    await coordinator.mount("providers", provider, name=MOUNT_NAME)
    # While the session is put together there is time: a first call need not wait, and the model's window is known.
    warming = asyncio.get_running_loop().create_task(_warm(provider))
    if hasattr(coordinator, "register_contributor"):
        # Loggers listen to the kernel's own events already.
        own = [event for event in _EVENTS if event not in kernel_events.ALL_EVENTS]
        coordinator.register_contributor("observability.events", "provider-openai-chatgpt", lambda: list(own))
        coordinator.register_contributor(
            "session.cost", "provider-openai-chatgpt", lambda: None if provider.cost_usd is None else {"cost_usd": str(provider.cost_usd)})

    async def cleanup() -> None:
        await asyncio.gather(warming, return_exceptions=True)
        await provider.close()

    return cleanup


async def _warm(provider: ChatGPTProvider) -> None:
    try:
        await provider.warm()
    except Exception as error:
        logger.warning("provider-openai-chatgpt: %s", error)
