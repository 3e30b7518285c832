"""How every room runs: settings, object store, event stream, event table, HTTP, telemetry."""
