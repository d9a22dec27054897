"""Notify: who hears of what, by which channel, in which words, and whether it arrived."""
