"""What the monitor remembers: runs, who works on them, and their reports. All SQL lives here."""
