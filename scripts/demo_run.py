"""What `scripts/demo` runs in its environment."""

import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    from demo_parts.main import main

    sys.exit(main())
