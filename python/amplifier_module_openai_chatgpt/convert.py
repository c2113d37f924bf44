"""The kernel's chat objects and errors, to and from its own protocol messages."""

import json
from typing import Any

import grpc
from amplifier_core import llm_errors
from amplifier_core._grpc_gen import amplifier_module_pb2 as pb
from amplifier_core.message_models import ChatRequest, ChatResponse, ToolCall
from amplifier_core.models import ConfigField, ModelInfo, ProviderInfo

PROVIDER = "openai-chatgpt"
_ROLES = {"system": 1, "user": 2, "assistant": 3, "tool": 4, "function": 5, "developer": 6}
_MOST_INT = 2**31 - 1
_VISIBILITY = {"developer": 1, "internal": 2, "user": 3}
_VISIBILITY_NAMES = {number: name for name, number in _VISIBILITY.items()}


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def write_lost_fields(request: ChatRequest) -> str | None:
    """As JSON what the protocol takes for absent: a zero, and the null that lifts the limit of silence."""
    lost: dict[str, Any] = {key: 0 for key in ("temperature", "top_p") if getattr(request, key) == 0}
    if request.timeout is None and "timeout" in request.model_fields_set:
        lost["timeout"] = None
    return json.dumps(lost) if lost else None


def write_request(request: ChatRequest) -> Any:
    """Raises ``InvalidRequestError`` for what has no form on the wire."""
    data = request.model_dump(by_alias=True, exclude_none=True)
    try:
        try:
            return _write_fields(data)
        except UnicodeEncodeError:
            return _write_fields(_well_formed(data))
    except (TypeError, ValueError, KeyError) as error:
        raise llm_errors.InvalidRequestError(f"the request cannot be written: {error}", provider=PROVIDER) from error


def _well_formed(value: Any) -> Any:
    """Half characters, as cut texts and odd file names have them, become U+FFFD, as they do in process."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_well_formed(key): _well_formed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_well_formed(item) for item in value]
    return value


def _write_fields(data: dict[str, Any]) -> Any:
    if data.get("max_output_tokens"):
        data["max_output_tokens"] = min(data["max_output_tokens"], _MOST_INT)
    plain = ("temperature", "top_p", "max_output_tokens", "conversation_id", "stream", "model", "stop", "reasoning_effort", "timeout")
    proto = pb.ChatRequest(
        messages=[_write_message(message) for message in data["messages"]],
        **{key: data[key] for key in plain if data.get(key)},
    )
    for tool in data.get("tools") or []:
        proto.tools.add(name=tool["name"], description=tool.get("description") or "", parameters_json=_dump(tool["parameters"]))
    if data.get("metadata"):
        proto.metadata_json = _dump(data["metadata"])
    choice = data.get("tool_choice")
    if choice:
        proto.tool_choice = choice if isinstance(choice, str) else _dump(choice)
    wanted = data.get("response_format")
    if wanted and wanted["type"] == "json_schema":
        schema = wanted.get("schema", wanted.get("json_schema", {}))
        proto.response_format.json_schema.schema_json = _dump(schema)
        proto.response_format.json_schema.strict = bool(wanted.get("strict"))
    elif wanted:
        setattr(proto.response_format, wanted["type"], True)
    return proto


def _write_message(message: dict[str, Any]) -> Any:
    proto = pb.Message(role=_ROLES[message["role"]], name=message.get("name") or "", tool_call_id=message.get("tool_call_id") or "")
    if message.get("metadata"):
        proto.metadata_json = _dump(message["metadata"])
    if isinstance(message["content"], str):
        proto.text_content = message["content"]
    else:
        proto.block_content.SetInParent()
        proto.block_content.blocks.extend(write_block(block) for block in message["content"])
    return proto


def write_block(block: dict[str, Any]) -> Any:
    kind = block["type"]
    proto = pb.ContentBlock(visibility=_VISIBILITY.get(block.get("visibility") or "", 0))
    if kind == "text":
        proto.text_block.text = block["text"]
        proto.text_block.SetInParent()
    elif kind == "thinking":
        proto.thinking_block.thinking = block["thinking"]
        proto.thinking_block.signature = block.get("signature") or ""
        proto.thinking_block.content = _dump(block["content"]) if block.get("content") else ""
        proto.thinking_block.SetInParent()
    elif kind == "redacted_thinking":
        proto.redacted_thinking_block.data = block["data"]
        proto.redacted_thinking_block.SetInParent()
    elif kind == "tool_call":
        proto.tool_call_block.CopyFrom(pb.ToolCallBlock(id=block["id"], name=block["name"], input_json=_dump(block["input"])))
    elif kind == "tool_result":
        proto.tool_result_block.CopyFrom(pb.ToolResultBlock(tool_call_id=block["tool_call_id"], output_json=_dump(block.get("content") or block["output"])))
    elif kind == "image":
        source = block["source"]
        proto.image_block.CopyFrom(pb.ImageBlock(media_type=source.get("media_type", ""), source_json=_dump(source)))
    elif kind == "reasoning":
        parts = {key: [_dump(item) for item in block[key]] for key in ("content", "summary")}
        proto.reasoning_block.CopyFrom(pb.ReasoningBlock(**parts))
    return proto


def read_response(proto: Any) -> ChatResponse:
    usage = proto.usage
    counts: dict[str, Any] = {"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens, "total_tokens": usage.total_tokens}
    for ours, theirs in (("reasoning_tokens", "reasoning_tokens"), ("cache_read_tokens", "cache_read_tokens"), ("cache_write_tokens", "cache_creation_tokens")):
        if usage.HasField(theirs):
            counts[ours] = getattr(usage, theirs)
    # Kernels before 2.0 have no such field.
    if cost := getattr(usage, "cost_usd", ""):
        counts["cost_usd"] = cost
    calls = [{"id": call.id, "name": call.name, "arguments": json.loads(call.arguments_json)} for call in proto.tool_calls]
    served = proto.degradation
    return ChatResponse.model_validate({
        "content": [read_block(block) for block in proto.content_blocks],
        "tool_calls": calls or None,
        "usage": counts if proto.HasField("usage") else None,
        "degradation": {"requested": served.requested, "actual": served.actual, "reason": served.reason} if proto.HasField("degradation") else None,
        "finish_reason": proto.finish_reason or None,
        "metadata": json.loads(proto.metadata_json) if proto.metadata_json else None,
    })


def read_block(proto: Any) -> dict[str, Any]:
    kind = proto.WhichOneof("block")
    block: dict[str, Any] = {"type": kind.removesuffix("_block")}
    value = getattr(proto, kind)
    if kind == "text_block":
        block["text"] = value.text
    elif kind == "thinking_block":
        block |= {"thinking": value.thinking, "signature": value.signature or None, "content": json.loads(value.content) if value.content else None}
    elif kind == "redacted_thinking_block":
        block["data"] = value.data
    elif kind == "tool_call_block":
        block |= {"id": value.id, "name": value.name, "input": json.loads(value.input_json)}
    elif kind == "tool_result_block":
        block |= {"tool_call_id": value.tool_call_id, "output": json.loads(value.output_json)}
    elif kind == "image_block":
        block["source"] = json.loads(value.source_json)
    elif kind == "reasoning_block":
        block |= {key: [json.loads(item) for item in getattr(value, key)] for key in ("content", "summary")}
    if proto.visibility in _VISIBILITY_NAMES:
        block["visibility"] = _VISIBILITY_NAMES[proto.visibility]
    return block


def write_response(response: ChatResponse) -> Any:
    proto = pb.ChatResponse()
    for block in response.content:
        proto.content_blocks.append(write_block(block.model_dump(exclude_none=True)))
    for call in response.tool_calls or []:
        proto.tool_calls.add(id=call.id, name=call.name, arguments_json=_dump(call.arguments))
    return proto


def read_tool_calls(response: ChatResponse) -> list[ToolCall]:
    """The kernel calls this one without awaiting it, so it can't ask the sidecar."""
    if response.tool_calls:
        return list(response.tool_calls)
    return [ToolCall(id=block.id, name=block.name, arguments=block.input) for block in response.content if block.type == "tool_call"]


def read_info(proto: Any) -> ProviderInfo:
    kinds = {1: "text", 2: "text", 3: "boolean", 4: "secret"}
    fields = [
        ConfigField(
            id=field.id, display_name=field.display_name, prompt=field.prompt, required=field.required, requires_model=field.requires_model,
            field_type="choice" if field.choices else kinds.get(field.field_type, "text"), choices=list(field.choices) or None,
            env_var=field.env_var or None, default=field.default_value or None, show_when=dict(field.show_when) or None,
        )
        for field in proto.config_fields
    ]
    return ProviderInfo(
        id=proto.id, display_name=proto.display_name, credential_env_vars=list(proto.credential_env_vars), capabilities=list(proto.capabilities),
        defaults=json.loads(proto.defaults_json or "{}"), config_fields=fields,
    )


def read_model(proto: Any) -> ModelInfo:
    pricing = getattr(proto, "pricing_json", "")
    return ModelInfo(
        id=proto.id, display_name=proto.display_name, context_window=proto.context_window, max_output_tokens=proto.max_output_tokens,
        capabilities=list(proto.capabilities), defaults=json.loads(proto.defaults_json or "{}"), **({"pricing": json.loads(pricing)} if pricing else {}),
    )


def is_lost(error: grpc.aio.AioRpcError) -> bool:
    """Whether the sidecar itself, and not the backend, is what failed."""
    ours = any(key == "amplifier-error-bin" for key, _ in error.trailing_metadata() or ())
    return error.code() == grpc.StatusCode.UNAVAILABLE and not ours


_FACTS = {"code": None, "request_id": None, "may_have_run": False, "partial": None}


def describe(error: llm_errors.LLMError, **facts: Any) -> llm_errors.LLMError:
    """Gives an error the attributes that the kernel's own lack. What may have run is not retryable: a loop would have it run and billed twice."""
    for name, default in _FACTS.items():
        setattr(error, name, facts.get(name) or getattr(error, name, default))
    if getattr(error, "may_have_run", False):
        error.retryable = False
    return error


def read_error(error: grpc.aio.AioRpcError, *, sent: bool = False, began: bool = False) -> llm_errors.LLMError:
    """The kernel's own exception for a failed call: ``sent`` tells whether the sidecar had begun to send it, ``began`` whether some of the answer had come."""
    for key, value in error.trailing_metadata() or ():
        if key == "amplifier-error-bin":
            return _typed(json.loads(value))
    return describe(_untyped(error, began), may_have_run=sent)


def _untyped(error: grpc.aio.AioRpcError, began: bool) -> llm_errors.LLMError:
    if error.code() == grpc.StatusCode.CANCELLED:
        return llm_errors.AbortError("the call was cancelled", provider=PROVIDER)
    if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
        return llm_errors.LLMTimeoutError("the deadline passed", provider=PROVIDER)
    if error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED:
        # gRPC's own word for a message over the channel's limit: the same request would be too large again.
        return llm_errors.InvalidRequestError(f"too large for the sidecar: {error.details()}", provider=PROVIDER, retryable=False)
    kind = llm_errors.StreamError if began else llm_errors.ProviderUnavailableError
    return kind(f"the sidecar went away: {error.details()}", provider=PROVIDER, retryable=True)


def _typed(data: dict[str, Any]) -> llm_errors.LLMError:
    kind = getattr(llm_errors, data["type"], llm_errors.LLMError)
    fields = {key: data[key] for key in ("provider", "model", "status_code", "retryable", "retry_after", "delay_multiplier") if data.get(key) is not None}
    if kind is llm_errors.InvalidToolCallError:
        fields = {key: value for key, value in fields.items() if key not in ("retry_after", "delay_multiplier")}
    return describe(kind(data["message"], **fields), code=data.get("code"), request_id=data.get("request_id"), may_have_run=data.get("may_have_run"))
