"""Scraping: metrics and health answers of everything that runs, every few seconds, into the store."""

from nexus.telemetry.scrape.scraper import Scraper
from nexus.telemetry.scrape.series import Limits, Sample, Series
from nexus.telemetry.scrape.source import Pace

__all__ = ["Limits", "Pace", "Sample", "Scraper", "Series"]
