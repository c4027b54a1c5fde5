"""Serve image classifiers, and keep proving that what is served is still good."""

__version__ = "0.1.0"
