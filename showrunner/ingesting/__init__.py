"""`showrunner ingest`: a team's own history into the lake."""
