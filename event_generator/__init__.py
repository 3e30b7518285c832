"""Synthetic viewers: they choose, watch and rate what the catalogue has, and their events go to Kafka."""
