"""What `scripts/demo` runs in its environment."""

import sys

from demo_parts.main import main

if __name__ == "__main__":
    sys.exit(main())
