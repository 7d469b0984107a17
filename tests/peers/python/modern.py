"""What only 2026-07-28 has: answers in several rounds, subscriptions, and no handshake."""

import anyio
from connection import Connection
from content import refused, texts
from mcp import Client
from mcp.client.subscriptions import ToolsListChanged
from report import equal, holds

ROUNDS = {
    "elicitation": ["elicitation/create"],
    "sampling": ["sampling/createMessage"],
    "list_roots": ["roots/list"],
    "request_state": ["elicitation/create"],
    "multiple_inputs": ["elicitation/create", "roots/list", "sampling/createMessage"],
    "multi_round": ["elicitation/create", "elicitation/create"],
}
"""Tool (after `test_input_required_result_`) and what it asks for."""


async def modern_checks(check, connection: Connection) -> None:
    """Runs the checks of the version without a handshake."""
    for kind, questions in ROUNDS.items():
        await check(
            f"answers what a tool asks back: {kind}",
            lambda client, kind=kind, questions=questions: answers(client, connection, kind, questions),
        )
    await check("answers the question of a prompt", lambda client: answers_prompt(client, connection))
    await check("is refused with a state that was tampered with", tampers)
    await check("is told which capability is missing", lambda _: lacks_capability(connection))
    await check("is sent no log line that it did not ask for", lambda client: stays_quiet(client, connection))
    await check("hears of a changed list of tools only when it listens", listens)


async def answers(client: Client, connection: Connection, kind: str, questions: list[str]) -> None:
    asked = len(connection.asked)
    result = await client.call_tool(f"test_input_required_result_{kind}", {})
    holds(not result.is_error, "the tool failed")
    holds(texts(result)[0], "the result is empty")
    equal(sorted(connection.asked_since(asked)), questions)
    if kind == "elicitation":
        equal(texts(result), ["Hello, Alice!"])


async def answers_prompt(client: Client, connection: Connection) -> None:
    asked = len(connection.asked)
    prompt = await client.get_prompt("test_input_required_result_prompt")
    holds(prompt.messages, "the prompt is empty")
    equal(connection.asked_since(asked), ["elicitation/create"])


async def tampers(client: Client) -> None:
    name = "test_input_required_result_tampered_state"
    first = await client.session.call_tool(name, {}, allow_input_required=True)
    holds(isinstance(first.request_state, str), "the tool sent no state")
    await refused(-32602, lambda: client.session.call_tool(name, {}, request_state=f"{first.request_state}-TAMPERED"))


async def lacks_capability(connection: Connection) -> None:
    async with connection.bare().client as client:
        error = await refused(-32021, lambda: client.call_tool("test_missing_capability", {}))
    holds(isinstance(error.data["requiredCapabilities"]["sampling"], dict), "the capability is not named")


async def stays_quiet(client: Client, connection: Connection) -> None:
    before = len(connection.logged)
    result = await client.call_tool("test_logging_tool", {})
    holds(not result.is_error, "the tool failed")
    await anyio.sleep(0.2)
    equal(connection.logged[before:], [])


async def listens(client: Client) -> None:
    async with client.listen(tools_list_changed=True) as subscription:
        equal(subscription.honored.tools_list_changed, True)
        await client.call_tool("test_trigger_prompt_change", {})
        await client.call_tool("test_trigger_tool_change", {})
        async for event in subscription:
            equal(event, ToolsListChanged())
            break
        else:
            raise AssertionError("the stream ended without an event")
    equal(texts(await client.call_tool("greet", {"name": "after"})), ["Hello, after!"])
