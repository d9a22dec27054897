"""The steward: it alone may declare for tenants, takes back what they leave, and keeps the dead letters."""
