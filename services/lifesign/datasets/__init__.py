"""Labelled data sets: folders and manifests, read into one table."""
