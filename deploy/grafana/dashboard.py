#!/usr/bin/env python3
"""Writes the dashboard: python3 deploy/grafana/dashboard.py > deploy/grafana/dashboards/simply-mcp.json

The JSON is what Grafana loads; this is what people read and change.
"""

import json
import sys

sys.dont_write_bytecode = True

from panels import (  # noqa: E402
    DATASOURCE, GOOD_IS_ONE, GOOD_IS_ZERO, RED, YELLOW, laid_out, lines, query, row, stat, steps, table, variable, words,
)

HERE = 'job="$job",instance=~"$instance"'
# Probes and scrapes are nobody's requests.
ASKED = HERE + ',endpoint!~"/health.*|/metrics"'
FAILED = ASKED + ',status=~"5..",status!="501"'
TOOL = HERE + ',tool=~"$tool"'
KEY = HERE + ',key=~"$key"'
KEY_NAME = HERE + ',key_name=~"$key"'


def rate(series, labels, by=""):
    return f"sum{f' by ({by}) ' if by else ''}(rate({series}{{{labels}}}[$__rate_interval]))"


def grown(series, labels, by):
    return f"sum by ({by}) (increase({series}{{{labels}}}[$__range]))"


def quantile(share, series, labels, by="", over="$__rate_interval"):
    """The value that `share` of all observations stay below."""
    by = f"{by}, le" if by else "le"
    return f"histogram_quantile({share}, sum by ({by}) (rate({series}_bucket{{{labels}}}[{over}])))"


def or_zero(expression):
    return f"({expression}) or vector(0)"


DURATION, CALL = "http_request_duration_seconds", "http_tool_execution_duration_seconds"
UP_OR_DOWN = [{"type": "value", "options": {"0": {"text": "down"}, "1": {"text": "up"}}}]
YES_OR_NO = [{"type": "value", "options": {"0": {"text": "no"}, "1": {"text": "yes"}}}]

OVERVIEW = row(
    "Overview: is all well?",
    stat("Replicas up", "none", "Replicas that answer Prometheus, and those that it knows.",
         query(f"sum(up{{{HERE}}})", "up"), query(f"count(up{{{HERE}}})", "known"), thresholds=GOOD_IS_ONE),
    stat("Alerts", "none", "Alerts of simply-mcp that fire now. What each means stands in its description.",
         query(or_zero('count(ALERTS{alertname=~"SimplyMcp.*",alertstate="firing"})')), thresholds=GOOD_IS_ZERO),
    stat("Availability", "percentunit",
         "The share of requests in the chosen time that the server did not fail. Probes and scrapes are left out.",
         query(f"1 - (sum(increase(http_requests_total{{{FAILED}}}[$__range])) or vector(0)) "
               f"/ sum(increase(http_requests_total{{{ASKED}}}[$__range]))"),
         thresholds=steps((0.99, YELLOW), (0.999, "green"), first=RED)),
    stat("Requests", "reqps", "Requests a second, without probes and scrapes.",
         query(rate("http_requests_total", ASKED))),
    stat("Failed", "percentunit", "The share of requests that fail now, with 5xx other than 501.",
         query(f"({rate('http_requests_total', FAILED)} or vector(0)) / {rate('http_requests_total', ASKED)}"),
         thresholds=steps((0.001, YELLOW), (0.01, RED))),
    stat("p99", "s", "99 of 100 requests are answered faster than this.",
         query(quantile(0.99, DURATION, ASKED)), thresholds=steps((1, YELLOW), (5, RED))),
    lines("Requests by status", "reqps",
          "Answers a second by status. 4xx is a caller's mistake, 5xx the server's; 499 is a caller who went away.",
          query(rate("http_requests_total", ASKED, "status"), "{{status}}"), stacked=True),
    lines("Failed requests by endpoint", "reqps",
          "500 is a tool that failed over REST, 503 overload, drain or a missing store, 504 a tool out of time.",
          query(rate("http_requests_total", FAILED, "endpoint, status"), "{{endpoint}} {{status}}")),
    lines("Time until the answer begins", "s", "Over all endpoints but probes and scrapes.",
          query(quantile(0.5, DURATION, ASKED), "p50"), query(quantile(0.95, DURATION, ASKED), "p95"),
          query(quantile(0.99, DURATION, ASKED), "p99")),
    lines("p99 by endpoint", "s", "Which endpoint is slow. An event stream counts until its head only.",
          query(quantile(0.99, DURATION, ASKED, "endpoint"), "{{endpoint}}")),
    lines("Size of requests, p95", "bytes", "95 of 100 bodies that arrive are smaller.",
          query(quantile(0.95, "http_request_size_bytes", ASKED, "endpoint"), "{{endpoint}}")),
    lines("Size of answers, p95", "bytes", "95 of 100 bodies that are sent are smaller.",
          query(quantile(0.95, "http_response_size_bytes", ASKED, "endpoint"), "{{endpoint}}")),
)

CALLS = grown("http_tool_execution_total", TOOL, "tool")
CALLS_FAILED = grown("http_tool_execution_total", TOOL + ',status="error"', "tool")

TOOLS = row(
    "Tools: which one is slow, which one fails?",
    table("Slowest tools", "none",
          "Every tool in the chosen time, the slowest first. \"unmatched\" are names that no tool has.",
          [("p95", "s", quantile(0.95, CALL, TOOL, "tool", "$__range")),
           ("p50", "s", quantile(0.5, CALL, TOOL, "tool", "$__range")),
           ("calls", "short", CALLS),
           ("errors", "percentunit", f"({CALLS_FAILED} or 0 * {CALLS}) / {CALLS}"),
           ("running", "short", f"sum by (tool) (simply_mcp_tool_calls_running{{{TOOL}}})")],
          label="tool", sort_by="p95"),
    lines("p95 by tool", "s", "95 of 100 calls end sooner. Only calls whose tool ran are counted.",
          query(quantile(0.95, CALL, TOOL, "tool"), "{{tool}}")),
    lines("Calls by tool", "ops", "Calls a second, whatever their outcome, over REST and MCP together.",
          query(rate("http_tool_execution_total", TOOL, "tool"), "{{tool}}"), stacked=True),
    lines("Errors by tool and type", "ops",
          "tool_error: the tool says no. panic: a fault in its code. timeout: out of time. refused: overloaded, child "
          "down, or asks back where it cannot. cancelled: the caller gave up. invalid_arguments, unknown_tool: the "
          "caller's mistake.",
          query(rate("http_tool_execution_errors_total", TOOL, "tool, error_type"), "{{tool}} {{error_type}}"),
          stacked=True),
    lines("Running calls", "none", "Calls that have begun and not ended. A line that only rises is a tool that hangs.",
          query(f"sum by (tool) (simply_mcp_tool_calls_running{{{TOOL}}})", "{{tool}}"), stacked=True),
)

CLIENT_QUESTION = """\
Series name keys and never addresses. The log has both, in one line for each request: the ten callers with most refusals are

```
jq -r 'select(.message == "Request completed" and .context.status >= 400 and .context.status < 500)
  | [.context.key // "-", .context.client, .context.status, .context.path] | @tsv' server.log | sort | uniq -c | sort -rn | head
```
"""

ADMITTED = grown("http_auth_success_total", KEY_NAME, "key_name")
OVER_LIMIT = grown("http_rate_limit_exceeded_total", KEY, "key")
WITHIN_LIMIT = grown("http_rate_limit_hit_total", KEY, "key")

CALLERS = row(
    "Callers: who is over the limit, who sends rubbish?",
    table("Keys", "none",
          "Every key in the chosen time: its requests, those over its allowance, and what is left of the allowance at "
          "the replica where least is left.",
          [("requests", "short", f'sum by (key) (label_replace({ADMITTED}, "key", "$1", "key_name", "(.*)"))'),
           ("over limit", "short", OVER_LIMIT),
           ("share over limit", "percentunit", f"{OVER_LIMIT} / ({OVER_LIMIT} + {WITHIN_LIMIT})"),
           ("left", "short", f"min by (key) (http_rate_limit_remaining{{{KEY}}})")],
          label="key", sort_by="over limit"),
    lines("Requests by key", "reqps", "Requests with a good key or token.",
          query(rate("http_auth_success_total", KEY_NAME, "key_name"), "{{key_name}}"), stacked=True),
    lines("Over the limit, by key", "reqps", "Refused with 429.",
          query(rate("http_rate_limit_exceeded_total", KEY, "key"), "{{key}}")),
    lines("Within the limit, by key", "reqps", "Counted against an allowance and let through.",
          query(rate("http_rate_limit_hit_total", KEY, "key"), "{{key}}")),
    lines("What is left of the allowance", "none", "At the key's last request, where least is left.",
          query(f"min by (key) (http_rate_limit_remaining{{{KEY}}})", "{{key}}")),
    lines("Refused without a good key, by reason", "reqps",
          "unknown: perhaps somebody guesses. expired, disabled, mistyped: a client with an old or a wrong key.",
          query(rate("http_auth_failure_total", HERE, "reason"), "{{reason}}"), stacked=True),
    lines("Rubbish by endpoint", "reqps",
          "Requests that were a caller's mistake. 400 is wrong arguments or broken JSON, 404 on \"unmatched\" somebody "
          "who looks for other things. Without 401 and 429, which have panels of their own, and 499.",
          query(rate("http_requests_total", ASKED + ',status=~"4..",status!~"401|429|499"', "endpoint, status"),
                "{{endpoint}} {{status}}"), stacked=True),
    lines("Wrong calls by tool", "ops",
          "Arguments that the tool's schema does not admit, and names of tools that there are not.",
          query(rate("http_tool_execution_errors_total", TOOL + ',error_type=~"invalid_arguments|unknown_tool"',
                     "tool, error_type"), "{{tool}} {{error_type}}"), stacked=True),
    words("Which client sends rubbish?", "The question that needs the log.", CLIENT_QUESTION, width=12, height=8),
)

PROCESS = row(
    "Process: has it what it needs?",
    stat("Versions", "none", "Which version runs how often.",
         query(f"count by (name, version, environment) (http_server_info{{{HERE}}})",
               "{{name}} {{version}} {{environment}}"), width=6),
    stat("Runs since", "s", "Time since the last start of each replica.",
         query(f"time() - process_start_time_seconds{{{HERE}}}", "{{instance}}"), width=6),
    stat("Draining", "none", "Whether the replica is being shut down.",
         query(f"simply_mcp_draining{{{HERE}}}", "{{instance}}"), thresholds=steps((1, YELLOW)), mappings=YES_OR_NO,
         width=6),
    stat("Descriptors used", "percentunit", "Of those that the process may open. At 100 % no connection is accepted.",
         query(f"process_open_fds{{{HERE}}} / process_max_fds{{{HERE}}}", "{{instance}}"),
         thresholds=steps((0.6, YELLOW), (0.8, RED)), width=6),
    lines("CPU", "none", "Cores that are busy.",
          query(f"rate(process_cpu_seconds_total{{{HERE}}}[$__rate_interval])", "{{instance}}"), width=8),
    lines("Memory", "bytes", "Resident memory, and below it what is only reserved.",
          query(f"process_resident_memory_bytes{{{HERE}}}", "{{instance}} resident"),
          query(f"process_virtual_memory_bytes{{{HERE}}}", "{{instance}} virtual"), width=8),
    lines("Threads", "none", "Threads of the process: workers, and those that blocking tools hold.",
          query(f"process_threads{{{HERE}}}", "{{instance}}"), width=8),
    lines("Connections", "none", "Open connections.",
          query(f"http_active_connections{{{HERE}}}", "{{instance}}"), width=6),
    lines("Requests in progress", "none", "Arrived, and the answer has not begun.",
          query(f"http_request_queue_size{{{HERE}}}", "{{instance}}"), width=6),
    lines("Sessions", "none", "Open MCP sessions.", query(f"simply_mcp_sessions{{{HERE}}}", "{{instance}}"), width=6),
    lines("Streams", "none", "Open event streams.", query(f"simply_mcp_streams{{{HERE}}}", "{{instance}}"), width=6),
)

PARTS = row(
    "Parts: store, child, keys, settings, logs",
    stat("Store", "none", "Whether the shared store answers. Empty where there is none.",
         query(f"simply_mcp_store_up{{{HERE}}}", "{{instance}}"), thresholds=GOOD_IS_ONE, mappings=UP_OR_DOWN),
    stat("Child", "none", "Whether the MCP server behind this one runs. Empty where there is none.",
         query(f"simply_mcp_child_up{{{HERE}}}", "{{instance}}"), thresholds=GOOD_IS_ONE, mappings=UP_OR_DOWN),
    stat("Certificate", "s", "Time until the certificate expires. Empty without TLS.",
         query(f"simply_mcp_certificate_expiry_timestamp_seconds{{{HERE}}} - time()", "{{instance}} {{certificate}}"),
         thresholds=steps((7 * 86400, YELLOW), (21 * 86400, "green"), first=RED)),
    stat("Keys", "none", "API keys in force.", query(f"simply_mcp_keys{{{HERE}}}", "{{instance}}")),
    stat("Keys are stale", "none", "Whether a source of keys cannot be read, so that older ones are in force.",
         query(f"simply_mcp_keys_stale{{{HERE}}}", "{{instance}} {{source}}"), thresholds=GOOD_IS_ZERO,
         mappings=YES_OR_NO),
    stat("Settings are current", "none", "Whether the last reload of the settings was taken.",
         query(f"simply_mcp_config_last_reload_successful{{{HERE}}}", "{{instance}}"), thresholds=GOOD_IS_ONE,
         mappings=YES_OR_NO),
    lines("Failures of store and keys", "none", "How often each failed within 5 minutes.",
          query(f"increase(simply_mcp_store_failures_total{{{HERE}}}[5m])", "{{instance}} store"),
          query(f"increase(simply_mcp_keys_load_failures_total{{{HERE}}}[5m])", "{{instance}} keys of {{source}}"),
          width=8),
    lines("Reloads of the settings", "none", "Within 5 minutes: how often SIGHUP asked for one, and how often the new settings were refused.",
          query(f"increase(simply_mcp_config_reloads_total{{{HERE}}}[5m])", "{{instance}} asked for"),
          query(f"increase(simply_mcp_config_reload_failures_total{{{HERE}}}[5m])", "{{instance}} refused"), width=8),
    lines("Age of the settings", "s", "Time since the last reload that was taken.",
          query(f"time() - simply_mcp_config_last_reload_success_timestamp_seconds{{{HERE}}}", "{{instance}}"), width=8),
    lines("Restarts of the child", "none", "How often it was started again within 5 minutes.",
          query(f"increase(simply_mcp_child_restarts_total{{{HERE}}}[5m])", "{{instance}}"), width=8),
    lines("Age of the child", "s", "Time since it was last started.",
          query(f"time() - (simply_mcp_child_start_time_seconds{{{HERE}}} > 0)", "{{instance}}"), width=8),
    lines("Requests in the child", "none",
          "Asked and not answered. A line that only rises is a child that hangs.",
          query(f"simply_mcp_child_requests_in_flight{{{HERE}}}", "{{instance}}"), width=8),
    lines("Lines not written", "none",
          "Within 5 minutes. dropped: lost, since the disk is full or slow. suppressed: left out on purpose, "
          "since too many were alike; one line says how many.",
          query(f"increase(simply_mcp_log_lines_dropped_total{{{HERE}}}[5m])", "{{instance}} log, dropped"),
          query(f"increase(simply_mcp_log_lines_suppressed_total{{{HERE}}}[5m])", "{{instance}} log, suppressed"),
          query(f"increase(simply_mcp_audit_lines_dropped_total{{{HERE}}}[5m])", "{{instance}} audit, dropped")),
    lines("Reading the metrics", "s", "How long Prometheus waits for them.",
          query(f"scrape_duration_seconds{{{HERE}}}", "{{instance}}")),
)

VARIABLES = [
    {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "refresh": 1},
    variable("job", "Job", "label_values(http_server_info, job)", only="simply-mcp"),
    variable("instance", "Instance", 'label_values(up{job="$job"}, instance)'),
    variable("tool", "Tool", 'label_values(http_tool_execution_total{job="$job"}, tool)'),
    variable("key", "Key", 'label_values(http_auth_success_total{job="$job"}, key_name)'),
]

DASHBOARD = {
    "uid": "simply-mcp",
    "title": "simply-mcp",
    "description": "Which tool is slow, which key is over its limit, who sends rubbish, and what the server lacks.",
    "tags": ["mcp", "simply-mcp"],
    "schemaVersion": 39,
    "version": 1,
    "editable": True,
    "graphTooltip": 1,
    "refresh": "30s",
    "time": {"from": "now-1h", "to": "now"},
    "timezone": "browser",
    "templating": {"list": VARIABLES},
    "annotations": {"list": [{
        "name": "Starts",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "blue",
        "target": query(f"changes(process_start_time_seconds{{{HERE}}}[2m]) > 0", "{{instance}}") | {"refId": "Anno"},
        "titleFormat": "{{instance}} was started",
    }]},
    "panels": laid_out([OVERVIEW, TOOLS, CALLERS, PROCESS, PARTS]),
}

if __name__ == "__main__":
    json.dump(DASHBOARD, sys.stdout, indent=2, ensure_ascii=False)
    print()
