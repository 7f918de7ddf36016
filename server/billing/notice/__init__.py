"""Notices: letters that time or trouble brings, each once, in the tenant's language, while people are awake."""
