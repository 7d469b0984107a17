"""JSON-RPC over stdio, written by hand, for the fixture servers."""

import json
import sys
import threading

_lock = threading.Lock()


def send(message):
    text = json.dumps(message) if not isinstance(message, str) else message
    with _lock:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def result(request, value):
    send({"jsonrpc": "2.0", "id": request["id"], "result": value})


def error(request, code, message, data=None):
    body = {"code": code, "message": message}
    if data is not None:
        body["data"] = data
    send({"jsonrpc": "2.0", "id": request["id"], "error": body})


def notify(method, params=None):
    message = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        message["params"] = params
    send(message)


def text(value, **more):
    return {"content": [{"type": "text", "text": value}], **more}


def tool(name, **more):
    return {"name": name, "inputSchema": {"type": "object"}, **more}


def requests():
    for line in sys.stdin:
        yield json.loads(line)


def initialize(request, capabilities, **more):
    result(
        request,
        {
            "protocolVersion": request["params"]["protocolVersion"],
            "capabilities": capabilities,
            "serverInfo": {"name": "fixture", "version": "1.2.3", "title": "A fixture"},
            **more,
        },
    )
