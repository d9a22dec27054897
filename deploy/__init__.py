"""What Qipan is deployed with, and the test that deploys it."""
