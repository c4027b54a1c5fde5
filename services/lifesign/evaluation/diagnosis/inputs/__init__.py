"""The forms in which people keep what a training printed, each read into evidence."""
