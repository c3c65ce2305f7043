#!/usr/bin/python3
"""A stub of `diarize-runner` for hosts without PyTorch: the real one, whose service runs stub_model.py."""

import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "packages"))

from diarize_runner import cli
from diarize_runner.service import server
from diarize_runner.service.catalog import Catalog
from diarize_runner.service.voices import load_voices
from diarize_runner.service.workers.models import Models, model_program

server.open_cache = lambda _folder, _progress: None
server.Catalog = SimpleNamespace(of=lambda _cache, _model: Catalog(multilingual={}, default=None))
server.require_usable = lambda path, _cache: load_voices(path)
server.Models = partial(Models, lambda: model_program("stub_model"))
sys.exit(cli.main())
