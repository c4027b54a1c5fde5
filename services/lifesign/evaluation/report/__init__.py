"""The report of an evaluation: one document, and the page made of it."""
