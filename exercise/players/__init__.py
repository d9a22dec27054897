"""Simulated people and machines. They act only through HTTP, each with an account of their own."""
