"""Backup and restore: the database in one moment, what was on its way between services then, and the photos."""
