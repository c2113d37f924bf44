"""One Python client after its name: what it is asked, and what must be in the answer. Exits 1 with a sentence where that fails."""
import json
import os
import sys

BASE_URL, KEY, MODEL = os.environ["BASE_URL"], os.environ["KEY"], os.environ["MODEL"]
QUESTION = 'call read_file {"path":"a.txt"}'
TOOL = {"name": "read_file", "description": "Reads", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"], "additionalProperties": False}}


def expect(text, part="what a.txt holds"):
    if part not in str(text):
        sys.exit(f"answered {text!r}, expected {part!r} in it")


def openai_responses():
    from openai import OpenAI

    client = OpenAI(base_url=BASE_URL, api_key=KEY)
    tool = {"type": "function", "strict": True, **TOOL}
    first = client.responses.create(model=MODEL, input=QUESTION, tools=[tool])
    call = next(item for item in first.output if item.type == "function_call")
    output = {"type": "function_call_output", "call_id": call.call_id, "output": f"what {json.loads(call.arguments)['path']} holds"}
    expect(client.responses.create(model=MODEL, previous_response_id=first.id, input=[output], tools=[tool]).output_text)
    with client.responses.stream(model=MODEL, input="hello") as stream:
        expect(stream.get_final_response().output_text, "You said: hello")
    expect(client.models.retrieve(MODEL).id, MODEL)


def openai_chat():
    from openai import OpenAI

    client = OpenAI(base_url=BASE_URL, api_key=KEY)
    messages = [{"role": "user", "content": QUESTION}]
    tools = [{"type": "function", "function": TOOL}]
    message = client.chat.completions.create(model=MODEL, messages=messages, tools=tools).choices[0].message
    messages += [message, {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "what a.txt holds"}]
    expect(client.chat.completions.create(model=MODEL, messages=messages, tools=tools).choices[0].message.content)


def openai_agent():
    from openai import OpenAI

    client = OpenAI(base_url=BASE_URL, api_key=KEY, default_headers={"x-agent": "reviewer"})
    expect(client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hello"}]).choices[0].message.content, "You said: hello")


def langgraph(use_responses_api):
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI
    from langgraph.prebuilt import create_react_agent

    @tool
    def read_file(path: str) -> str:
        """Reads"""
        return f"what {path} holds"

    llm = ChatOpenAI(model=MODEL, base_url=BASE_URL, api_key=KEY, use_responses_api=use_responses_api, streaming=True)
    answer = create_react_agent(llm, [read_file]).invoke({"messages": [("user", QUESTION)]})
    content = answer["messages"][-1].content
    expect(content if isinstance(content, str) else "".join(part.get("text", "") for part in content))


CLIENTS = {
    "openai-responses": openai_responses,
    "openai-chat": openai_chat,
    "openai-agent": openai_agent,
    "langgraph-responses": lambda: langgraph(True),
    "langgraph-chat": lambda: langgraph(False),
}

CLIENTS[sys.argv[1]]()
