"""``python -m harnlab`` is the ``harnlab`` command."""

import sys

from harnlab.cli import main

sys.exit(main())
