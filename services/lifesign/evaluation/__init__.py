"""Replay labelled test sets through the served model, and judge the answers."""
