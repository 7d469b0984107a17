"""The official Python client against the conformance fixture server, in every protocol version it speaks.

    sdk_client.py http URL
    sdk_client.py stdio COMMAND [ARGUMENT...]
"""

import sys
import warnings

import anyio
import mcp.client.session
from connection import LEGACY, MODERN, Connection
from content import content_checks
from legacy import legacy_checks
from mcp import Client
from modern import modern_checks
from report import Report, equal, holds


async def run(kind: str, target: list[str]) -> int:
    """Runs all checks over one transport and gives the exit code."""
    report = Report()
    for version in [MODERN, *LEGACY]:
        label = f"python {kind} {version}:"
        # The client always offers its newest version; this is the only way to make it offer an older one.
        mcp.client.session.LATEST_HANDSHAKE_VERSION = LEGACY[0] if version == MODERN else version
        connection = Connection(kind, target, version)
        try:
            async with connection.client as client:
                await one_version(report, label, client, connection)
        except Exception:
            report.fail(f"{label} connects, stays connected and closes")
    await automatic(report, kind, target)
    return report.finish()


async def one_version(report: Report, label: str, client: Client, connection: Connection) -> None:
    async def speaks() -> None:
        # A pinned version is only asked for with the first request.
        holds((await client.list_tools()).tools, "no tools")
        equal(client.protocol_version, connection.version)

    async def check(name: str, body) -> None:
        await report.check(f"{label} {name}", lambda: body(client))

    await report.check(f"{label} connects and speaks this version", speaks)
    await content_checks(check, connection)
    if connection.version == MODERN:
        await modern_checks(check, connection)
    else:
        await legacy_checks(check, connection)


async def automatic(report: Report, kind: str, target: list[str]) -> None:
    async def chooses() -> None:
        async with Connection(kind, target, "auto").client as client:
            equal(client.protocol_version, MODERN)

    await report.check(f"python {kind} auto: chooses {MODERN}", chooses)


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("http", "stdio"):
        sys.exit(__doc__)
    warnings.simplefilter("ignore")
    sys.exit(anyio.run(run, sys.argv[1], sys.argv[2:]))
