"""Everything a tenant has, as files: CSV in a zip, or one SQLite file."""
