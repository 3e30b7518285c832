"""The roof: the CLI and the embedded demo."""
