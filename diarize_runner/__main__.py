"""Run `diarize-runner` as `python -m diarize_runner`."""

import sys

from diarize_runner.start import main

sys.exit(main())
