"""The endpoints, one module for each API.

jobs             our own: /v1/jobs
pyannote_server  /v1/diarize and /v1/vad, as the OpenShift server has them
job_api          /diarize, /status/{job_id}, /batch-diarize
queue_api        /api/v1/diarize/file and /api/v1/queue
localai          /v1/audio/diarization
openai           /v1/audio/transcriptions and /v1/models
probes           health, readiness and metrics
page             the page at `/`, and what it needs beyond /v1/jobs
"""
