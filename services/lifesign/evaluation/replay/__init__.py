"""Replay of a data set through the served model, into immutable parts of predictions."""
