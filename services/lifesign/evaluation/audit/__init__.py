"""The audit of labelled data: what must be true of a set before anything is trained or measured on it."""
