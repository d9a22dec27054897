"""`make deploy-test`: the compose district on a real engine, played in while towns come and go and servers die."""
