"""`python -m diarize_runner` is `diarize-runner`."""

import sys

from diarize_runner.start import main

sys.exit(main())
