"""Scores that exist already: read from a file of any tool, judged as a replay is."""
