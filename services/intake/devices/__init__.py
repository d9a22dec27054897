"""Sensors and cameras: registered with keys of their own, their alarms taken in bulk and debounced."""
