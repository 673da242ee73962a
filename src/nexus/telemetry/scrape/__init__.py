"""Scraping: metrics and health answers of everything that runs, every few seconds, into the store."""
