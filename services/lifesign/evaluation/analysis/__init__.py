"""From counts and predictions to the report document."""
