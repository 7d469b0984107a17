"""A connection of the official Python client, and a record of what it was asked and told."""

import mcp_types as types
from mcp import Client
from mcp.client.stdio import StdioServerParameters

MODERN = "2026-07-28"
LEGACY = ["2025-11-25", "2025-06-18", "2025-03-26"]

ANSWERS = {
    "username": "testuser",
    "email": "test@example.com",
    "name": "Alice",
    "ok": True,
    "color": "blue",
    "context": "tea",
}


class Connection:
    """`client` is not yet connected: enter it."""

    def __init__(self, kind: str, target: list[str], version: str, *, capable: bool = True) -> None:
        self.kind = kind
        self.target = target
        self.version = version
        self.asked: list[tuple[str, object]] = []
        self.logged: list[tuple[str, object]] = []
        mode = version if version in (MODERN, "auto") else "legacy"
        server = target[0] if kind == "http" else StdioServerParameters(command=target[0], args=target[1:])
        answers = {
            "elicitation_callback": self._elicit,
            "sampling_callback": self._sample,
            "list_roots_callback": self._roots,
        }
        self.client = Client(
            server,
            mode=mode,
            read_timeout_seconds=15,
            logging_callback=self._log,
            **(answers if capable else {}),
        )

    def bare(self) -> "Connection":
        """A second connection like this one, of a client that answers no question."""
        return Connection(self.kind, self.target, self.version, capable=False)

    def asked_since(self, start: int) -> list[str]:
        """What the server asked for, after the first `start` questions."""
        return [method for method, _ in self.asked[start:]]

    async def _elicit(self, _context, params: types.ElicitRequestParams) -> types.ElicitResult:
        self.asked.append(("elicitation/create", params))
        return types.ElicitResult(action="accept", content=ANSWERS)

    async def _sample(self, _context, params: types.CreateMessageRequestParams) -> types.CreateMessageResult:
        self.asked.append(("sampling/createMessage", params))
        text = types.TextContent(type="text", text="Paris")
        return types.CreateMessageResult(role="assistant", content=text, model="test-model")

    async def _roots(self, _context) -> types.ListRootsResult:
        self.asked.append(("roots/list", None))
        return types.ListRootsResult(roots=[types.Root(uri="file:///srv/data", name="data")])

    async def _log(self, params: types.LoggingMessageNotificationParams) -> None:
        self.logged.append((params.level, params.data))
