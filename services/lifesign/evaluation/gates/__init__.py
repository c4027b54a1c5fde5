"""What each gate finds, and the verdict of them together."""
