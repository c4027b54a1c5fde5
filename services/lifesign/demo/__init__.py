"""The main job, end to end on one machine, told as a story; run by ``make demo``."""
