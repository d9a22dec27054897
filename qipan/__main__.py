"""`python -m qipan` is `qipan`."""

from qipan.cli import app

if __name__ == "__main__":
    app()
