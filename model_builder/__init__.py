"""The lake's events to a model: read, train, evaluate, decide, publish."""
