"""What the rooms agree on: shapes, names and keys. No client library, no network."""
