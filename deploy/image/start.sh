#!/bin/sh
# Run a command of diarize-runner. Before the service, check the packages, the models and the device with a recording.
set -eu
[ "${1-}" != serve ] || diarize-runner doctor --sample >&2
exec diarize-runner "$@"
