"""What Nameko lacks: tenants' inboxes, calls with deadlines, batches, retries, dead letters, the relay."""
