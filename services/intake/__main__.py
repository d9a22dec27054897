"""`python -m services.intake classify …`: what `qipan classify` runs with the service's own role."""

import sys

from services.intake.classify_command import main

COMMANDS = {"classify": main}

if __name__ == "__main__":
    words = sys.argv[1:]
    if not words or words[0] not in COMMANDS:
        sys.exit(f"usage: python -m services.intake {'|'.join(COMMANDS)} …")
    sys.exit(COMMANDS[words[0]](words[1:]))
