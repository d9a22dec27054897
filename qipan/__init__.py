"""Qipan (棋盘, "the board"): the district core that every service, town and department shares."""

__version__ = "0.1.0"
