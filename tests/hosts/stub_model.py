"""A model process without models; for the recording NAME.wav it runs /srv/NAME.sh, if there is one.

The job then fails with the output of the script.
"""

import subprocess
from pathlib import Path

from support import fake_models

from diarize_runner.errors import PipelineError
from diarize_runner.service.work import Work
from diarize_runner.service.workers.protocol import Loaded
from diarize_runner.transcription.protocol import Failed

diarize = fake_models._answer


def answer(models, request, samples, emit):
    script = Path("/srv", Work.decode(request.work).name).with_suffix(".sh")
    if not script.exists():
        diarize(models, request, samples, emit)
        return
    emit(Loaded(device="cpu", engine="exact", load_seconds=0.0))
    done = subprocess.run(["sh", script], capture_output=True, text=True, check=False)
    emit(Failed.of(PipelineError((done.stdout + done.stderr).strip(), hint="")))


if __name__ == "__main__":
    fake_models._answer = answer
    fake_models.main()
