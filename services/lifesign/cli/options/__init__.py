"""Options that commands share, in groups: what they are called, what they mean, their units."""
