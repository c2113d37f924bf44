"""What had come of an answer before it broke off."""

from typing import Any

from amplifier_core.message_models import ChatResponse

from . import convert

_JOINED = ("text", "thinking")
"""Kinds whose pieces stand in a field of the same name."""


class PartialAnswer:
    def __init__(self) -> None:
        self._blocks: list[dict[str, Any]] = []

    def add(self, message: Any) -> None:
        """Takes what is new in a message before the last: a piece of text or thinking, or a whole tool call."""
        for proto in message.content_blocks:
            block = convert.read_block(proto)
            kind = block["type"]
            if kind not in _JOINED:
                self._blocks.append(block)
            elif self._blocks and self._blocks[-1]["type"] == kind:
                self._blocks[-1][kind].append(block[kind])
            else:
                self._blocks.append({**block, kind: [block[kind]]})

    def read(self) -> ChatResponse | None:
        """None where nothing had come."""
        blocks = [{**block, kind: "".join(block[kind])} if (kind := block["type"]) in _JOINED else block for block in self._blocks]
        calls = [{"id": block["id"], "name": block["name"], "arguments": block["input"]} for block in blocks if block["type"] == "tool_call"]
        return ChatResponse.model_validate({"content": blocks, "tool_calls": calls or None}) if blocks else None
