"""The evaluation service: HTTP interface, schedules, workers, instruments."""
