"""Open311 GeoReport v2: intake's door as other cities' apps and platforms know it.

The specification: https://wiki.open311.org/GeoReport_v2. What goes beyond it is said in docs/howto/open311.md.
"""
