"""What the rooms tell of themselves: their Prometheus metrics, read over loopback as any scraper would."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

TIMEOUT_SECONDS = 0.5


@dataclass(frozen=True)
class Scraped:
    """The samples of one scrape: (name, labels, value)."""

    samples: tuple[tuple[str, Mapping[str, str], float], ...] = ()

    def total(self, name: str) -> int | None:
        """The sum of a metric over its labels; None where there is no such sample."""
        values = [value for sample, _, value in self.samples if sample == name]
        return int(sum(values)) if values else None

    def label(self, name: str, label: str) -> str | None:
        """A label's value, of the first sample of this name."""
        return next((labels.get(label) for sample, labels, _ in self.samples if sample == name), None)


def scrape(url: str) -> Scraped:
    """What the URL answers; no samples where nobody does (yet)."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - our own loopback URLs
            text = answer.read().decode()
    except (urllib.error.URLError, OSError):
        return Scraped()
    families = text_string_to_metric_families(text)
    return Scraped(tuple((s.name, s.labels, s.value) for family in families for s in family.samples))
