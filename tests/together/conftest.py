"""What the tests of this room share: they start servers of their own (servers.py), and others start those."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(
    str(Path(__file__).parent)
)  # for servers, chaos and chaos_load, which also run without pytest
