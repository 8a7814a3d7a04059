"""Run the command line with ``python -m liverank``."""

import sys

from liverank.cli import main

if __name__ == "__main__":
    sys.exit(main())
