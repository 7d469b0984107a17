"""An MCP server of the older versions that does everything right."""

import json
import os
import sys
import threading
import time

from wire import error, initialize, notify, requests, result, text, tool

CAPABILITIES = {
    "tools": {"listChanged": True},
    "resources": {"subscribe": True, "listChanged": True},
    "prompts": {"listChanged": True},
    "completions": {},
    "logging": {},
}
tools = [
    tool("echo", title="Echo", annotations={"readOnlyHint": True}, _meta={"k": 1}),
    tool("slow"),
    tool("progress"),
    tool("add_tool"),
    tool("log"),
    tool("fail"),
    tool("refuse"),
    tool("crash"),
    tool("cancelled"),
    tool("touch"),
    tool("environment"),
    tool("requests"),
    tool("structured", outputSchema={"type": "object"}),
]
cancelled = []
subscribed = []
seen = []


def call(request):
    params = request["params"]
    name, arguments = params["name"], params.get("arguments") or {}
    if name == "echo":
        result(request, text(arguments.get("message", ""), _meta={"seen": params.get("_meta")}))
    elif name == "slow":
        time.sleep(arguments["seconds"])
        result(request, text("slept"))
    elif name == "progress":
        token = params["_meta"]["progressToken"]
        for step in range(1, 6):
            notify(
                "notifications/progress",
                {"progressToken": token, "progress": step, "total": 5, "message": arguments["name"]},
            )
        result(request, text(arguments["name"]))
    elif name == "add_tool":
        tools.append(tool("added"))
        notify("notifications/tools/list_changed")
        result(request, text("added"))
    elif name == "log":
        notify("notifications/message", {"level": arguments["level"], "logger": "l", "data": "hello"})
        result(request, text("logged"))
    elif name == "fail":
        result(request, text("it broke", isError=True))
    elif name == "refuse":
        error(request, -32123, "my own error", {"why": "because"})
    elif name == "crash":
        os._exit(1)
    elif name == "cancelled":
        result(request, text(json.dumps(cancelled)))
    elif name == "touch":
        notify("notifications/resources/updated", {"uri": arguments["uri"]})
        result(request, text(json.dumps(subscribed)))
    elif name == "environment":
        descriptors = sorted(int(fd) for fd in os.listdir("/proc/self/fd"))
        # The listing itself needs one descriptor, the highest.
        result(request, text(json.dumps({
            "environment": dict(os.environ), "argv": sys.argv, "descriptors": descriptors[:-1],
            "directory": os.getcwd(), "pid": os.getpid(),
        })))
    elif name == "requests":
        result(request, text(json.dumps(seen)))
    elif name == "structured":
        result(request, text("{}", structuredContent={"a": [1, None]}, isError=False))
    else:
        error(request, -32602, "unknown tool " + name)


def page(request, key, entries, size=4):
    start = int((request.get("params") or {}).get("cursor") or 0)
    answer = {key: entries[start:start + size]}
    if start + size < len(entries):
        answer["nextCursor"] = str(start + size)
    result(request, answer)


for request in requests():
    method = request.get("method")
    params = request.get("params") or {}
    seen.append(method)
    if method == "initialize":
        initialize(request, CAPABILITIES, instructions="Be kind.")
    elif method == "tools/list":
        page(request, "tools", tools)
    elif method == "tools/call":
        threading.Thread(target=call, args=(request,), daemon=True).start()
    elif method == "notifications/cancelled":
        cancelled.append(params["requestId"])
    elif method == "resources/list":
        page(request, "resources", [{"uri": "a://1", "name": "one"}])
    elif method == "resources/templates/list":
        page(request, "resourceTemplates", [{"uriTemplate": "a://{x}", "name": "x"}])
    elif method == "resources/read":
        result(request, {"contents": [{"uri": params["uri"], "text": "content", "mimeType": "text/plain"}]})
    elif method == "resources/subscribe":
        if params["uri"] == "a://none":
            error(request, -32002, "no such resource")
        else:
            subscribed.append(params["uri"])
            result(request, {})
    elif method == "resources/unsubscribe":
        subscribed.remove(params["uri"])
        result(request, {})
    elif method == "prompts/list":
        page(request, "prompts", [{"name": "p", "arguments": [{"name": "a"}]}])
    elif method == "prompts/get":
        result(request, {"messages": [{"role": "user", "content": {"type": "text", "text": params["name"]}}]})
    elif method == "completion/complete":
        result(request, {"completion": {"values": ["one", "two"], "total": 2, "hasMore": False}})
    elif method in ("ping", "logging/setLevel"):
        result(request, {})
    elif "id" in request:
        error(request, -32601, "Method not found")
