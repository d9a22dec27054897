"""What dispatch hears and is asked, a file for each concept: parse, call, answer. `service.py` puts them together."""
