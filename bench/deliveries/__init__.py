"""Ten thousand deliveries to real peers, some of which misbehave (`make deliveries`)."""
