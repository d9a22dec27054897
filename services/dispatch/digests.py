"""`python -m services.dispatch.digests`: what this service knows of the cases (`qipan.storage.digests`)."""

import sys

from qipan.storage.digests import Cases, main

CASES = Cases("dispatch", "cases", "id")

if __name__ == "__main__":
    sys.exit(main(CASES))
