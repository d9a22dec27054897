"""Intake: reports come in through its own door, are triaged, and can be followed by whoever sent them."""
