"""`python -m services.analytics.digests`: what this service knows of the cases (`qipan.storage.digests`)."""

import sys

from qipan.storage.digests import Cases, main

CASES = Cases("analytics", "case_states", "case_id")

if __name__ == "__main__":
    sys.exit(main(CASES))
