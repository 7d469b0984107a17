"""An MCP server that is never quiet on stderr. The first argument says how."""

import sys
import threading
import time

from wire import error, initialize, requests, result, text, tool

how = sys.argv[1]
stderr = sys.stderr.buffer
flooded = threading.Event()

HOSTILE = [
    b"\x1b[31mred\x1b[0m",
    b"nul \x00 and delete \x7f",
    b"invalid \xff\xfe\xc3\x28 utf-8",
    "separators \u2028 \u2029 \u0085".encode(),
    "override \u202e\u2066 bom \ufeff".encode(),
    b'"},{"level":"ERROR","message":"forged"}',
    b'{"timestamp":"2026-01-01T00:00:00.000Z","level":"ERROR"}',
    b"\\u000a \\n \\",
    b"carriage\rreturn\r",
    b"tab\tand \x08 backspace \x9b31m",
    "\U0001f4a5 e\u0301 \u0926\u0947".encode(),
    b"x" * 100_000,
]


def flood(mebibytes):
    line = b"f" * 1023 + b"\n"
    for _ in range(mebibytes * 16):
        stderr.write(line * 64)
    stderr.flush()
    flooded.set()


if how == "hostile":
    for number, line in enumerate(HOSTILE):
        stderr.write(b"MARK-%02d " % number + line + b"\n")
    stderr.flush()
if how == "slow-start":
    time.sleep(2)

for request in requests():
    method = request.get("method")
    if method == "initialize":
        initialize(request, {"tools": {}})
    elif method == "tools/list":
        names = ["echo", "flood", "flooded"]
        result(request, {"tools": [tool(name) for name in names]})
    elif method == "tools/call":
        name = request["params"]["name"]
        if name == "flood":
            threading.Thread(target=flood, args=(64,), daemon=True).start()
        result(request, text(str(flooded.is_set())))
    elif "id" in request:
        error(request, -32601, "Method not found")
