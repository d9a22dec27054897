"""What a process tells about itself: figures, logs, health and traces."""
