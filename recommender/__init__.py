"""The promoted model over HTTP: hot-reloaded, never unpickled."""
