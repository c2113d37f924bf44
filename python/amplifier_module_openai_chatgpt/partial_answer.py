"""What had come of an answer before it broke off."""

from typing import Any

from amplifier_core.message_models import ChatResponse

from . import convert

_JOINED = {"text": "text", "thinking": "thinking"}


class PartialAnswer:
    def __init__(self) -> None:
        self._blocks: list[dict[str, Any]] = []

    def add(self, message: Any) -> None:
        """Takes what is new in a message before the last: a piece of text or thinking, or a whole tool call."""
        for proto in message.content_blocks:
            block = convert.read_block(proto)
            field = _JOINED.get(block["type"])
            last = self._blocks[-1] if self._blocks else None
            if field and last and last["type"] == block["type"]:
                last[field].append(block[field])
            else:
                self._blocks.append({**block, field: [block[field]]} if field else block)

    def read(self) -> ChatResponse | None:
        """None where nothing had come."""
        blocks = [{**block, _JOINED[block["type"]]: "".join(block[_JOINED[block["type"]]])} if block["type"] in _JOINED else block for block in self._blocks]
        calls = [{"id": block["id"], "name": block["name"], "arguments": block["input"]} for block in blocks if block["type"] == "tool_call"]
        return ChatResponse.model_validate({"content": blocks, "tool_calls": calls or None}) if blocks else None
