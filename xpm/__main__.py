"""``python -m xpm``: the command line."""

import sys

from xpm.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
