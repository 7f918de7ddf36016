"""The audit: who changed what, when, and from what to what. The triggers write it; here it is read, and redacted."""
