"""What is the same in every version: tools, resources, prompts, completion, progress, cancellation."""

import base64
import json

import anyio
import mcp_types as types
from connection import MODERN, Connection
from mcp import Client, MCPError
from report import equal, holds

TOOLS = [
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_error_handling",
    "test_tool_with_progress",
    "json_schema_2020_12_tool",
    "test_custom_header",
    "greet",
    "slow_compute",
]

PROMPTS = [
    "test_simple_prompt",
    "test_prompt_with_arguments",
    "test_prompt_with_embedded_resource",
    "test_prompt_with_image",
]


async def content_checks(check, connection: Connection) -> None:
    """Runs the checks that every version shares."""
    for name, body in {
        "lists the tools, the simplest first": lists_tools,
        "calls tools with and without arguments": calls_tools,
        "receives an image, a sound and a resource": receives_kinds,
        "hands over a tool's own failure as a result": receives_failure,
        "refuses a tool that does not exist": refuses_unknown_tool,
        "refuses arguments that are missing or of the wrong type": refuses_arguments,
        "receives progress before the result, in order": receives_progress,
        "answers many calls at once, each with its own result": answers_many,
        "cancels a running call and goes on": cancels,
        "lists and reads resources": reads_resources,
        "lists and gets prompts": gets_prompts,
        "refuses a prompt that does not exist": refuses_unknown_prompt,
        "completes an argument": completes,
    }.items():
        await check(name, body)
    await check(
        "refuses a resource that does not exist, with the code of the version",
        lambda client: refuses_unknown_resource(client, -32602 if connection.version == MODERN else -32002),
    )


async def lists_tools(client: Client) -> None:
    names = [tool.name for tool in (await client.list_tools()).tools]
    equal(names[0], "test_simple_text")
    equal([name for name in TOOLS if name not in names], [])
    equal(len(names), len(set(names)))
    fixture = next(tool for tool in (await client.list_tools()).tools if tool.name == "json_schema_2020_12_tool")
    equal(fixture.input_schema["$schema"], "https://json-schema.org/draft/2020-12/schema")
    equal(fixture.input_schema["$defs"]["address"]["$anchor"], "address")
    equal(fixture.input_schema["additionalProperties"], False)


async def calls_tools(client: Client) -> None:
    equal(texts(await client.call_tool("test_simple_text")), ["This is a simple text response for testing."])
    equal(texts(await client.call_tool("greet", {"name": "Ada"})), ["Hello, Ada!"])
    equal(texts(await client.call_tool("greet", {"name": 'Å 東京 🚀 "\\\n'})), ['Hello, Å 東京 🚀 "\\\n!'])
    equal(texts(await client.call_tool("test_custom_header", {"value": "Grüße"})), ["Grüße"])


async def receives_kinds(client: Client) -> None:
    [image] = (await client.call_tool("test_image_content", {})).content
    equal((image.type, image.mime_type, base64.b64decode(image.data)[1:4]), ("image", "image/png", b"PNG"))
    [audio] = (await client.call_tool("test_audio_content", {})).content
    equal((audio.type, audio.mime_type), ("audio", "audio/wav"))
    [embedded] = (await client.call_tool("test_embedded_resource", {})).content
    resource = embedded.resource
    equal(
        (embedded.type, resource.uri, resource.mime_type, resource.text),
        ("resource", "test://embedded-resource", "text/plain", "This is an embedded resource content."),
    )
    mixed = (await client.call_tool("test_multiple_content_types", {})).content
    equal([item.type for item in mixed], ["text", "image", "resource"])
    equal(json.loads(mixed[2].resource.text), {"test": "data", "value": 123})


async def receives_failure(client: Client) -> None:
    result = await client.call_tool("test_error_handling", {})
    equal(result.is_error, True)
    equal(texts(result), ["This tool intentionally returns an error for testing"])


async def refuses_unknown_tool(client: Client) -> None:
    await refused(-32602, lambda: client.call_tool("no_such_tool", {}))


async def refuses_arguments(client: Client) -> None:
    valid = await client.call_tool("test_custom_header", {"value": "text"})
    holds(not valid.is_error, "valid arguments were refused")
    for arguments in ({}, {"value": {"not": "text"}}):
        try:
            result = await client.call_tool("test_custom_header", arguments)
        except MCPError as error:
            equal(error.code, -32602)
        else:
            equal(result.is_error, True)


async def receives_progress(client: Client) -> None:
    steps: list[tuple[float, float | None]] = []

    async def step(progress: float, total: float | None, _message: str | None) -> None:
        steps.append((progress, total))

    result = await client.call_tool("test_tool_with_progress", {}, progress_callback=step)
    holds(not result.is_error, "the tool failed")
    equal(steps, [(0, 100), (50, 100), (100, 100)])


async def answers_many(client: Client) -> None:
    answers: dict[int, list[str]] = {}

    async def ask(number: int) -> None:
        answers[number] = texts(await client.call_tool("greet", {"name": f"caller {number}"}))

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(ask, number)
    equal(answers, {number: [f"Hello, caller {number}!"] for number in range(20)})


async def cancels(client: Client) -> None:
    started = anyio.current_time()
    with anyio.move_on_after(0.3) as scope:
        await client.call_tool("slow_compute", {"seconds": 10, "label": "cancelled"})
    holds(scope.cancelled_caught, "the call was over before it was cancelled")
    equal(texts(await client.call_tool("greet", {"name": "again"})), ["Hello, again!"])
    holds(anyio.current_time() - started < 5, "the next call waited for the cancelled one")


async def reads_resources(client: Client) -> None:
    listed = {resource.uri: resource.mime_type for resource in (await client.list_resources()).resources}
    equal(listed.get("test://static-text"), "text/plain")
    equal(listed.get("test://static-binary"), "image/png")
    templates = (await client.list_resource_templates()).resource_templates
    holds("test://template/{id}/data" in [template.uri_template for template in templates], "no template")
    [text] = (await client.read_resource("test://static-text")).contents
    equal((text.mime_type, text.text), ("text/plain", "This is the content of the static text resource."))
    [binary] = (await client.read_resource("test://static-binary")).contents
    holds(base64.b64decode(binary.blob), "the bytes are empty")
    [templated] = (await client.read_resource("test://template/123/data")).contents
    equal(json.loads(templated.text), {"id": "123", "templateTest": True, "data": "Data for ID: 123"})


async def refuses_unknown_resource(client: Client, code: int) -> None:
    error = await refused(code, lambda: client.read_resource("test://no-such-resource"))
    equal(error.data, {"uri": "test://no-such-resource"})


async def gets_prompts(client: Client) -> None:
    names = [prompt.name for prompt in (await client.list_prompts()).prompts]
    equal([name for name in PROMPTS if name not in names], [])
    simple = await client.get_prompt("test_simple_prompt")
    equal((simple.messages[0].role, simple.messages[0].content.type), ("user", "text"))
    filled = await client.get_prompt("test_prompt_with_arguments", {"arg1": "one", "arg2": "two"})
    equal(filled.messages[0].content.text, "Prompt with arguments: arg1='one', arg2='two'")
    embedded = await client.get_prompt("test_prompt_with_embedded_resource", {"resourceUri": "test://static-text"})
    holds("resource" in [message.content.type for message in embedded.messages], "no resource in the prompt")
    pictured = await client.get_prompt("test_prompt_with_image")
    holds("image" in [message.content.type for message in pictured.messages], "no image in the prompt")


async def refuses_unknown_prompt(client: Client) -> None:
    await refused(-32602, lambda: client.get_prompt("no_such_prompt"))


async def completes(client: Client) -> None:
    reference = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
    completion = (await client.complete(reference, {"name": "arg1", "value": "test"})).completion
    holds(all(isinstance(value, str) for value in completion.values), "a value is no text")


async def refused(code: int, call) -> MCPError:
    """Awaits `call()`, which must end with the protocol error `code`."""
    try:
        result = await call()
    except MCPError as error:
        equal(error.code, code)
        return error
    raise AssertionError(f"got {result!r}, expected the error {code}")


def texts(result: types.CallToolResult) -> list[str]:
    """The texts of a result that consists of texts."""
    return [item.text for item in result.content]
