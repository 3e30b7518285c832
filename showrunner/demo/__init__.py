"""The whole pipeline on one machine, under one supervisor."""
