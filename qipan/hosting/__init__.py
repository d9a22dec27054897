"""Running Qipan: embedded servers, guarded processes, and the host of services."""
