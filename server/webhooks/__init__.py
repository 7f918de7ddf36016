"""Signed webhooks out: who is told what has changed, and how it gets there (docs/how-to/use-the-api.md, ADR 0013)."""
