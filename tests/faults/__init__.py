"""The fault harness: seeded faults under load against a ledger kept outside the system (`make faults`)."""
