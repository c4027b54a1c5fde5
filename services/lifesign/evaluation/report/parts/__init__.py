"""The parts of a report document, by subject; ``report.document`` puts them together and exports them all."""
