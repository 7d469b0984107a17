"""FastMCP's client against the conformance fixture server, in every protocol version it speaks.

    fastmcp_client.py http URL
    fastmcp_client.py stdio COMMAND [ARGUMENT...]
"""

import json
import os
import sys
import warnings
from collections.abc import Callable

import anyio
import mcp.client.session
from connection import ANSWERS, LEGACY, MODERN
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from fastmcp.exceptions import ToolError
from mcp import MCPError
from report import Report, equal, holds


class Asked:
    """What the server asked and told the client."""

    def __init__(self) -> None:
        self.questions: list[str] = []
        self.logged: list[object] = []

    async def elicit(self, message: str, _kind, params, _context) -> dict:
        self.questions.append(message)
        names = params.requested_schema["properties"]
        return {name: value for name, value in ANSWERS.items() if name in names}

    async def log(self, message) -> None:
        self.logged.append(message.data)


async def run(kind: str, target: list[str]) -> int:
    """Runs all checks over one transport and gives the exit code."""
    report = Report()
    for version in [MODERN, *LEGACY, "auto"]:
        # The client always offers its newest version; this is the only way to make it offer an older one.
        mcp.client.session.LATEST_HANDSHAKE_VERSION = version if version in LEGACY else LEGACY[0]
        label = f"fastmcp {kind} {version}:"
        asked = Asked()
        try:
            async with connection(kind, target, version, asked) as client:
                await one_version(report, label, client, version, asked)
        except Exception:
            report.fail(f"{label} connects, stays connected and closes")
    return report.finish()


def connection(kind: str, target: list[str], version: str, asked: Asked) -> Client:
    transport = target[0]
    if kind == "stdio":
        # It asks for a real file.
        silence = open(os.devnull, "w")  # noqa: SIM115
        transport = StdioTransport(target[0], target[1:], keep_alive=False, log_file=silence)
    return Client(
        transport,
        mode="legacy" if version in LEGACY else version,
        timeout=15,
        elicitation_handler=asked.elicit,
        log_handler=asked.log,
    )


async def one_version(report: Report, label: str, client: Client, version: str, asked: Asked) -> None:
    negotiated = MODERN if version == "auto" else version

    async def check(name: str, body: Callable) -> None:
        await report.check(f"{label} {name}", lambda: body(client))

    async def speaks(client: Client) -> None:
        holds(await client.list_tools(), "no tools")
        equal(client.protocol_version, negotiated)

    await check(f"speaks {negotiated}", speaks)
    await check("lists the tools, the simplest first", lists_tools)
    await check("calls tools with and without arguments", calls_tools)
    await check("raises a tool's own failure", raises_failure)
    await check("refuses a tool that does not exist", refuses_unknown_tool)
    await check("refuses arguments that are missing", refuses_arguments)
    await check("receives progress before the result, in order", receives_progress)
    await check("answers many calls at once, each with its own result", answers_many)
    await check("waits for a slow call, as a task where it can be one", waits)
    await check("lists and reads resources", reads_resources)
    await check("lists and gets prompts", gets_prompts)
    await check("completes an argument", completes)
    if negotiated == MODERN:
        await check("answers what a tool asks back", lambda client: answers_rounds(client, asked))
    else:
        await check("pings", pings)
        await check("receives log lines", lambda client: receives_logs(client, asked))
        if negotiated > LEGACY[-1]:
            await check("is asked for input while a tool runs", lambda client: is_asked(client, asked))


async def lists_tools(client: Client) -> None:
    names = [tool.name for tool in await client.list_tools()]
    equal(names[0], "test_simple_text")
    holds("greet" in names and "slow_compute" in names, names)


async def calls_tools(client: Client) -> None:
    equal(text(await client.call_tool("test_simple_text")), "This is a simple text response for testing.")
    equal(text(await client.call_tool("greet", {"name": "Ada"})), "Hello, Ada!")
    equal(text(await client.call_tool("test_custom_header", {"value": "Grüße"})), "Grüße")


async def raises_failure(client: Client) -> None:
    try:
        result = await client.call_tool("test_error_handling", {})
    except ToolError as error:
        equal(str(error), "This tool intentionally returns an error for testing")
    else:
        raise AssertionError(f"got {result!r}, expected a tool error")


async def refuses_unknown_tool(client: Client) -> None:
    try:
        result = await client.call_tool("no_such_tool", {})
    except MCPError as error:
        equal(error.code, -32602)
    else:
        raise AssertionError(f"got {result!r}, expected the error -32602")


async def refuses_arguments(client: Client) -> None:
    equal(text(await client.call_tool("test_custom_header", {"value": "text"})), "text")
    try:
        result = await client.call_tool("test_custom_header", {})
    except ToolError as error:
        holds(str(error), "the refusal says nothing")
    except MCPError as error:
        equal(error.code, -32602)
    else:
        raise AssertionError(f"got {result!r}, expected a refusal")


async def receives_progress(client: Client) -> None:
    steps: list[tuple[float, float | None]] = []

    async def step(progress: float, total: float | None, _message: str | None) -> None:
        steps.append((progress, total))

    await client.call_tool("test_tool_with_progress", {}, progress_handler=step)
    equal(steps, [(0, 100), (50, 100), (100, 100)])


async def answers_many(client: Client) -> None:
    answers: dict[int, str] = {}

    async def ask(number: int) -> None:
        answers[number] = text(await client.call_tool("greet", {"name": f"caller {number}"}))

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(ask, number)
    equal(answers, {number: f"Hello, caller {number}!" for number in range(20)})


async def waits(client: Client) -> None:
    result = await client.call_tool("slow_compute", {"seconds": 0.3, "label": "slow"})
    holds(not result.is_error and text(result), "the slow call failed")


async def reads_resources(client: Client) -> None:
    listed = [str(resource.uri) for resource in await client.list_resources()]
    holds("test://static-text" in listed and "test://static-binary" in listed, listed)
    [content] = await client.read_resource("test://static-text")
    equal((content.mime_type, content.text), ("text/plain", "This is the content of the static text resource."))
    templates = [template.uri_template for template in await client.list_resource_templates()]
    holds("test://template/{id}/data" in templates, templates)
    [templated] = await client.read_resource("test://template/123/data")
    equal(json.loads(templated.text), {"id": "123", "templateTest": True, "data": "Data for ID: 123"})


async def gets_prompts(client: Client) -> None:
    names = [prompt.name for prompt in await client.list_prompts()]
    holds("test_simple_prompt" in names, names)
    filled = await client.get_prompt("test_prompt_with_arguments", {"arg1": "one", "arg2": "two"})
    equal(filled.messages[0].content.text, "Prompt with arguments: arg1='one', arg2='two'")


async def completes(client: Client) -> None:
    reference = mcp.types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
    completion = await client.complete(reference, {"name": "arg1", "value": "test"})
    holds(all(isinstance(value, str) for value in completion.values), "a value is no text")


async def answers_rounds(client: Client, asked: Asked) -> None:
    before = len(asked.questions)
    result = await client.call_tool("test_input_required_result_elicitation", {})
    equal(text(result), "Hello, Alice!")
    equal(asked.questions[before:], ["What is your name?"])


async def pings(client: Client) -> None:
    equal(await client.ping(), True)


async def receives_logs(client: Client, asked: Asked) -> None:
    await client.set_logging_level("debug")
    before = len(asked.logged)
    await client.call_tool("test_tool_with_logging", {})
    await anyio.sleep(0.2)
    equal(asked.logged[before:], ["Tool execution started", "Tool processing data", "Tool execution completed"])


async def is_asked(client: Client, asked: Asked) -> None:
    before = len(asked.questions)
    answer = text(await client.call_tool("test_elicitation", {"message": "Please provide your information"}))
    holds(answer.startswith("User response: ") and "testuser" in answer, answer)
    equal(asked.questions[before:], ["Please provide your information"])


def text(result) -> str:
    """The only text of a result."""
    [item] = result.content
    return item.text


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("http", "stdio"):
        sys.exit(__doc__)
    warnings.simplefilter("ignore")
    sys.exit(anyio.run(run, sys.argv[1], sys.argv[2:]))
