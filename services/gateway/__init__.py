"""The gateway: HTTP for people. It owns accounts and nothing of the domain; everything else is a call."""
