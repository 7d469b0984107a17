"""MCP servers that do not do what they should. The first argument says what this one does wrong."""

import json
import os
import signal
import subprocess
import sys
import time

from wire import error, initialize, notify, requests, result, send, text, tool

fault = sys.argv[1]

if fault == "exits":
    sys.stderr.write("missing the API key\n")
    sys.exit(3)
if fault == "silent":
    time.sleep(600)
if fault == "no-mcp":
    print("Hello, world!", flush=True)
    time.sleep(600)
if fault in ("stubborn", "clings"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if fault in ("forks", "clings"):
    # The number of seconds is what a test finds them by.
    subprocess.Popen(["sleep", sys.argv[2]])
    subprocess.Popen(["sleep", sys.argv[2]], start_new_session=True)


def call(request):
    name = request["params"]["name"]
    if name == "pid":
        result(request, text(str(os.getpid())))
    elif name == "long_line":
        for _ in range(100):
            sys.stdout.write("x" * 1024 * 1024)
        sys.stdout.write("\n")
        result(request, text("after"))
    elif name == "garbage":
        sys.stdout.flush()
        sys.stdout.buffer.write(b"not json\n\xff\xfe\x00\n[]\n{}\n{\"id\":1}\n\n{\"jsonrpc\":\"2.0\",\"method\":5}\n")
        sys.stdout.buffer.flush()
        result(request, text("after"))
    elif name == "wrong_ids":
        for wrong in (9999, "x", None, request["id"] + 1, -1, 1.5, {"a": 1}):
            send({"jsonrpc": "2.0", "id": wrong, "result": text("wrong")})
        result(request, text("right"))
        result(request, text("again"))
    elif name == "unsolicited":
        for method in ("sampling/createMessage", "elicitation/create", "roots/list", "ping"):
            send({"jsonrpc": "2.0", "id": method, "method": method, "params": {}})
        answers.clear()
        waiting.append(request)
    elif name == "stop_reading":
        result(request, text("bye"))
        time.sleep(600)
    elif name == "no_answer":
        pass
    elif name == "malformed":
        result(request, {"content": "this is not a list"})
    elif name == "bad_error":
        send({"jsonrpc": "2.0", "id": request["id"], "error": "no object"})
    elif name == "bad_encoding":
        sys.stdout.flush()
        sys.stdout.buffer.write(b'{"jsonrpc":"2.0","id":%d,"result":{"content":"\xff"}}\n' % request["id"])
        sys.stdout.buffer.flush()
    elif name == "too_long":
        result(request, text("x" * 17 * 1024 * 1024))
    elif name == "stderr_flood":
        line = "noise \x1b[31m " + "y" * 1000 + "\n"
        for _ in range(200_000):
            sys.stderr.write(line)
        result(request, text("flooded"))
    elif name == "notification_flood":
        for _ in range(100_000):
            notify("notifications/progress", {"progressToken": request["id"], "progress": 1})
        result(request, text("flooded"))
    else:
        result(request, text(name))


answers = {}
waiting = []
NAMES = ["pid", "long_line", "garbage", "wrong_ids", "unsolicited", "stop_reading", "no_answer", "malformed",
         "bad_error", "bad_encoding", "too_long",
         "stderr_flood", "notification_flood", "fine"]

for request in requests():
    method = request.get("method")
    if method == "server/discover" and fault == "dies-on-discover":
        sys.exit(1)
    if method == "initialize":
        initialize(request, {"tools": {}})
        if fault == "dies-after-start":
            time.sleep(0.3)
    elif method == "tools/list":
        listed = [tool(name) for name in NAMES]
        result(request, {"tools": listed + listed[:1] if fault == "duplicates" else listed})
        if fault == "dies-after-start":
            time.sleep(0.2)
            os._exit(7)
    elif method == "tools/call":
        call(request)
    elif method is None and waiting:
        answers[request["id"]] = request.get("error", {}).get("code", "ok")
        if len(answers) == 4:
            result(waiting.pop(), text(json.dumps(answers)))
    elif "id" in request:
        error(request, -32601, "Method not found")

if fault in ("stubborn", "clings", "ignores-close"):
    while True:
        time.sleep(1)
