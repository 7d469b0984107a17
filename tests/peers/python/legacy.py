"""What only the versions with a handshake have: ping, log levels, subscriptions by address, questions from the server."""

import anyio
from connection import Connection
from content import texts
from mcp import Client
from report import equal, holds

ELICITATION_SINCE = "2025-06-18"
"""The client refuses questions that its version does not have."""


async def legacy_checks(check, connection: Connection) -> None:
    """Runs the checks of the versions that begin with `initialize`."""
    await check("knows the server after the handshake", knows)
    await check("pings", pings)
    await check("subscribes to a resource and unsubscribes", subscribes)
    await check("receives log lines at the level that it set", lambda client: receives_logs(client, connection))
    await check("is asked for a sample while a tool runs", lambda client: is_sampled(client, connection))
    if connection.version >= ELICITATION_SINCE:
        await check("is asked for input while a tool runs", lambda client: is_asked(client, connection))
        await check("sees the defaults of a form", lambda client: sees_defaults(client, connection))


async def knows(client: Client) -> None:
    holds(client.server_info.name, "the server has no name")
    for name in ("tools", "resources", "prompts"):
        holds(getattr(client.server_capabilities, name) is not None, f"the server does not declare {name}")


async def pings(client: Client) -> None:
    equal((await client.send_ping()).model_dump(exclude_none=True), {})


async def subscribes(client: Client) -> None:
    equal((await client.subscribe_resource("test://watched-resource")).model_dump(exclude_none=True), {})
    equal((await client.unsubscribe_resource("test://watched-resource")).model_dump(exclude_none=True), {})


async def receives_logs(client: Client, connection: Connection) -> None:
    await client.set_logging_level("debug")
    before = len(connection.logged)
    result = await client.call_tool("test_tool_with_logging", {})
    holds(not result.is_error, "the tool failed")
    await anyio.sleep(0.2)
    lines = ["Tool execution started", "Tool processing data", "Tool execution completed"]
    equal(connection.logged[before:], [("info", line) for line in lines])


async def is_asked(client: Client, connection: Connection) -> None:
    asked = len(connection.asked)
    result = await client.call_tool("test_elicitation", {"message": "Please provide your information"})
    [answer] = texts(result)
    holds(answer.startswith("User response: ") and "accept" in answer and "testuser" in answer, answer)
    [(method, params)] = connection.asked[asked:]
    equal((method, params.message), ("elicitation/create", "Please provide your information"))
    equal(params.requested_schema["required"], ["username", "email"])


async def is_sampled(client: Client, connection: Connection) -> None:
    asked = len(connection.asked)
    result = await client.call_tool("test_sampling", {"prompt": "What is the capital?"})
    equal(texts(result), ["LLM response: Paris"])
    [(method, params)] = connection.asked[asked:]
    equal((method, params.max_tokens), ("sampling/createMessage", 100))


async def sees_defaults(client: Client, connection: Connection) -> None:
    asked = len(connection.asked)
    await client.call_tool("test_elicitation_sep1034_defaults", {})
    [(_, params)] = connection.asked[asked:]
    properties = params.requested_schema["properties"]
    equal(
        {name: value["default"] for name, value in properties.items()},
        {"name": "John Doe", "age": 30, "score": 95.5, "status": "active", "verified": True},
    )
