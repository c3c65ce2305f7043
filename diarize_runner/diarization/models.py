"""pyannote's pipeline from the bytes of verified files: it is given loaded models, and looks for none itself."""

import inspect
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from diarize_runner.cache.box.resolved_config import MODEL, PLDA, TRANSFORM, ModelFiles, resolve_config
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.errors import PipelineError

if TYPE_CHECKING:
    from pyannote.audio import Pipeline

_DEFAULT_MODULE = "pyannote.pipeline.blocks"
"""Where `Pipeline.from_pretrained` looks for a class whose name has no dot."""


def load_pipeline(cache: VerifiedCache) -> "Pipeline":
    """Load the pipeline of `cache`, every file of it as verified.

    Raises:
        PipelineError: its config names what the cache does not hold.
        IntegrityError: a file has changed since it was verified.
        DiskError: a file cannot be read.
        Exception: what pyannote and torch raise.
    """
    from pyannote.audio import Pipeline

    config = resolve_config(cache, _defaults)
    pipeline = Pipeline.from_pretrained(config.with_models(lambda files: _model(cache, files)))
    if pipeline is None:  # pyannote's way to say that a download failed
        raise PipelineError(f"{cache.manifest.pipeline}: pyannote made no pipeline of its config")
    return pipeline


def _defaults(class_name: str) -> Mapping[str, object]:
    from pyannote.core.utils.helper import get_class_by_name

    parameters = inspect.signature(get_class_by_name(class_name, _DEFAULT_MODULE)).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def _model(cache: VerifiedCache, found: ModelFiles) -> object:
    from pyannote.audio import Model
    from pyannote.audio.core.plda import PLDA as Plda  # noqa: N811  # a class, and PLDA is a file's name here

    def opened(name: str) -> Any:  # np.load and torch.load take a file as well as a path
        return io.BytesIO(cache.read(found.repo, found.files[name]))

    if MODEL in found.files:
        return Model.from_pretrained(opened(MODEL), **found.options)
    return Plda(opened(TRANSFORM), opened(PLDA))
