"""The smallest request: one repository with one local file, which resolves without the Hub."""

REQUEST = """\
format: diarize-runner/request/1
name: tiny
pipeline: someone/tiny
repos:
  - repo_id: someone/tiny
    revision: main
    licence: MIT
    files:
      config.yaml:
        local: config.yaml
"""
