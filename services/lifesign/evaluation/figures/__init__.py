"""Figures as PNG and SVG files, drawn from reports, histories, served models and model files."""
