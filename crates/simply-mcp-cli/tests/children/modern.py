"""An MCP server that speaks 2026-07-28 only."""

import json
import sys
import time

from wire import error, notify, requests, result, text, tool

CACHE = {"ttlMs": 0, "cacheScope": "private", "resultType": "complete"}
streams = {}

if "slow" in sys.argv:
    time.sleep(3)


def call(request):
    params = request["params"]
    if params["name"] == "ask":
        if "inputResponses" in params:
            result(request, text(json.dumps([params["inputResponses"], params["requestState"]]), resultType="complete"))
        else:
            result(request, {
                "resultType": "input_required",
                "requestState": "state",
                "inputRequests": {"name": {"method": "elicitation/create", "params": {
                    "mode": "form", "message": "Who?",
                    "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}},
                }}},
            })
    elif params["name"] == "meta":
        result(request, text(json.dumps(params.get("_meta")), resultType="complete"))
    elif params["name"] == "touch":
        for stream, wanted in streams.items():
            if params["arguments"]["uri"] in wanted.get("resourceSubscriptions", []):
                notify("notifications/resources/updated", {
                    "uri": params["arguments"]["uri"],
                    "_meta": {"io.modelcontextprotocol/subscriptionId": stream},
                })
        result(request, text("touched", resultType="complete"))


for request in requests():
    method, params = request.get("method"), request.get("params") or {}
    if method == "server/discover":
        result(request, {
            "supportedVersions": ["2026-07-28"],
            "capabilities": {"tools": {"listChanged": True}, "resources": {"subscribe": True}},
            "instructions": "Modern.",
            "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "modern", "version": "9"}},
            **CACHE,
        })
    elif method == "tools/list":
        result(request, {"tools": [tool("ask"), tool("meta"), tool("touch")], **CACHE})
    elif method == "resources/list":
        result(request, {"resources": [], **CACHE})
    elif method == "resources/templates/list":
        result(request, {"resourceTemplates": [], **CACHE})
    elif method == "tools/call":
        call(request)
    elif method == "subscriptions/listen":
        streams[request["id"]] = params["notifications"]
        notify("notifications/subscriptions/acknowledged", {
            "notifications": params["notifications"],
            "_meta": {"io.modelcontextprotocol/subscriptionId": request["id"]},
        })
    elif method == "notifications/cancelled":
        streams.pop(params["requestId"], None)
    elif "id" in request:
        error(request, -32601, "Method not found")
