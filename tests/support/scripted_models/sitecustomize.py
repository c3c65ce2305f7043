"""Python imports this at its start where this folder is on its path: a batch then loads scripted models."""

import importlib.util
import sys
from pathlib import Path


class _ScriptedSession:
    def find_spec(self, name, path=None, target=None):
        if name != "diarize_runner.batch.session":
            return None
        return importlib.util.spec_from_file_location(name, Path(__file__).with_name("scripted_session.py"))


sys.meta_path.insert(0, _ScriptedSession())
