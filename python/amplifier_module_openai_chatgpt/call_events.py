"""A call's events on the session's hooks: under the session's own ids, and with an end whatever happens."""

import json
import time
from typing import Any

# The sidecar's host stamps these; the kernel stamps its own where they are missing.
_STAMPS = ("session_id", "parent_id", "timestamp")


class CallEvents:
    def __init__(self, coordinator: Any, own_name: str) -> None:
        self._hooks = getattr(coordinator, "hooks", None)
        ids = {key: getattr(coordinator, key, None) for key in ("session_id", "parent_id")}
        self._ids = {key: value for key, value in ids.items() if isinstance(value, str)}
        self._own_name = own_name
        self._started = time.monotonic()
        self._request: dict[str, Any] | None = None
        self._stream: str | None = None
        self.began = False
        """Whether some of the answer was shown."""
        self.sent = False
        """Whether the request was on its way to the backend."""

    async def emit(self, event: str, data: dict[str, Any]) -> None:
        if event == "llm:request":
            self._request = data
            self.sent = True
        elif event == "llm:response":
            self._request = None
        elif event == "llm:stream_block_start":
            self._stream = data.get("request_id")
            self.began = True
        elif event == "llm:stream_aborted":
            self._stream = None
        if self._hooks is not None:
            await self._hooks.emit(event, {**{key: value for key, value in data.items() if key not in _STAMPS}, **self._ids})

    async def emit_all(self, text: str) -> None:
        """The events in a message's ``metadata_json``, in their order."""
        for entry in json.loads(text).get("events", []):
            await self.emit(entry["event"], entry["data"])

    async def end(self, error: BaseException, *, cancelled: bool) -> None:
        """The end of a call that the sidecar gave none: it was cancelled, or the sidecar died."""
        if self._request is None:
            return
        kind, words = ("AbortError", "the call was cancelled") if cancelled else (type(error).__name__, str(error))
        request = self._request
        if self._stream is not None:
            await self.emit("llm:stream_aborted", {"request_id": self._stream, "error": {"type": kind, "msg": words}})
        await self.emit("llm:response", {
            "provider": request.get("provider", self._own_name), "model": request.get("model"), "status": "cancelled" if cancelled else "error",
            **({"operation": request["operation"]} if "operation" in request else {}), "duration_ms": round((time.monotonic() - self._started) * 1000), "error": words, "error_type": kind,
        })
