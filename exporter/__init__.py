"""The exporter: a catalogue, from its source to the object store, whole or not at all."""
