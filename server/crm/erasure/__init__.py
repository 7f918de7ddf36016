"""Erasure of a person: a redaction that beats every merge, and that no device can undo."""
