"""Lets this folder's tests import `manifests`, which is no package's."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
