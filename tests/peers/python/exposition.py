"""Scrapes as Prometheus's own parser reads them, and as promtool judges them.

    exposition.py FILE...

The files are scrapes of one server, the oldest first.
"""

import shutil
import subprocess
import sys
from math import inf
from pathlib import Path

import anyio
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from report import Report, equal, holds

Values = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""Samples by name and labels."""


def parse(text: str) -> list[Metric]:
    return list(text_string_to_metric_families(text))


def growing(families: list[Metric]) -> Values:
    """What may never shrink: counters, and the counts and sums of histograms."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        if family.type != "gauge"
        for sample in family.samples
    }


def check_families(text: str, families: list[Metric]) -> None:
    names = [family.name for family in families]
    equal(len(names), len(set(names)))
    seen = [(sample.name, frozenset(sample.labels.items())) for family in families for sample in family.samples]
    equal(len(seen), len(set(seen)))
    # The parser skips nothing: what it read is what was written.
    equal(len(seen), sum(1 for line in text.split("\n") if line and not line.startswith("#")))
    for family in families:
        holds(family.type in ("counter", "gauge", "histogram"), f"{family.name} is {family.type}")
        holds(family.documentation, f"{family.name} says nothing of itself")
        if family.type == "histogram":
            check_histogram(family)


def check_histogram(family: Metric) -> None:
    """Buckets hold those before them, and the last one holds all."""
    series: dict[frozenset[tuple[str, str]], dict[str, list]] = {}
    for sample in family.samples:
        labels = frozenset((name, value) for name, value in sample.labels.items() if name != "le")
        part = series.setdefault(labels, {}).setdefault(sample.name.removeprefix(family.name), [])
        part.append((float(sample.labels.get("le", inf)), sample.value))
    for labels, parts in series.items():
        equal(set(parts), {"_bucket", "_count", "_sum"})
        buckets = parts["_bucket"]
        equal(buckets, sorted(buckets))
        equal([count for _, count in buckets], sorted(count for _, count in buckets))
        bound, last = buckets[-1]
        holds(bound == inf and last == parts["_count"][0][1], f"{family.name} {labels}: {last} is not all")


def lint(text: str) -> None:
    promtool = shutil.which("promtool")
    holds(promtool, "promtool is missing: it comes with the Debian package prometheus")
    judged = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=15)
    equal((judged.returncode, judged.stdout + judged.stderr), (0, ""))


async def run(files: list[str]) -> int:
    report = Report()
    scrapes = [Path(file).read_bytes().decode() for file in files]

    async def every_scrape_is_valid() -> None:
        for text in scrapes:
            check_families(text, parse(text))

    async def nothing_shrinks() -> None:
        for before, after in zip(scrapes, scrapes[1:]):
            now = growing(parse(after))
            for series, value in growing(parse(before)).items():
                holds(now.get(series, -inf) >= value, f"{series} was {value} and is {now.get(series)}")

    async def promtool_is_content() -> None:
        lint(scrapes[-1])

    await report.check("every scrape is valid", every_scrape_is_valid)
    await report.check("no counter shrinks", nothing_shrinks)
    await report.check("promtool is content", promtool_is_content)
    return report.finish()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(anyio.run(run, sys.argv[1:]))
