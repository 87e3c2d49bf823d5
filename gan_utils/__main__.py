"""The command line as `python -m gan_utils`."""

import sys

from gan_utils.cli import main

sys.exit(main())
