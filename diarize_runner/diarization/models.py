"""Build pyannote's pipeline from verified bytes, so that it looks up no model itself."""

import inspect
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from diarize_runner.cache.box.resolved_config import MODEL, PLDA, TRANSFORM, ModelFiles, ResolvedConfig, resolve_config
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.digests import Digest
from diarize_runner.errors import PipelineError

if TYPE_CHECKING:
    from pyannote.audio import Pipeline

_DEFAULT_MODULE = "pyannote.pipeline.blocks"
"""The module in which `Pipeline.from_pretrained` finds a class whose name has no dot."""


def load_pipeline(cache: VerifiedCache) -> "Pipeline":
    """Load the pipeline of `cache` from verified files.

    Raises:
        PipelineError: its config names a file that the cache lacks.
        IntegrityError: a file has changed since it was verified.
        DiskError: a file cannot be read.
        Exception: any error of pyannote and torch.
    """
    from pyannote.audio import Pipeline

    config = resolve_config(cache, _defaults)
    pipeline = Pipeline.from_pretrained(config.with_models(lambda files: _model(cache, files)))
    if pipeline is None:  # pyannote returns None if a download failed
        raise PipelineError(f"{cache.manifest.pipeline}: pyannote built no pipeline from its config")
    return pipeline


def embedding_model_digest(cache: VerifiedCache) -> Digest | None:
    """Return the digest of the checkpoint that embeds voices in the pipeline of `cache`; None if none does.

    Embeddings can be compared only if one model made them. Other files of the cache do not matter.
    Raises as `load_pipeline` does.
    """
    return _embedding_model(resolve_config(cache, _defaults))


def named_embedding_model_digest(cache: VerifiedCache) -> Digest | None:
    """Return what `embedding_model_digest` does if the config names the model, without importing torch; else None.

    Raises as `resolve_config` does.
    """
    return _embedding_model(resolve_config(cache, _no_defaults))


def _embedding_model(config: ResolvedConfig) -> Digest | None:
    pipeline: Any = config.content["pipeline"]
    model = (pipeline.get("params") or {}).get("embedding")
    return model.files[MODEL].content.digest if isinstance(model, ModelFiles) and MODEL in model.files else None


def _no_defaults(_class_name: str) -> Mapping[str, object]:
    return {}


def _defaults(class_name: str) -> Mapping[str, object]:
    from pyannote.core.utils.helper import get_class_by_name

    parameters = inspect.signature(get_class_by_name(class_name, _DEFAULT_MODULE)).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def _model(cache: VerifiedCache, model: ModelFiles) -> object:
    from pyannote.audio import Model
    from pyannote.audio.core.plda import PLDA as Plda  # noqa: N811  # PLDA is the name of a file here

    def open_file(name: str) -> Any:  # np.load and torch.load accept file objects
        return io.BytesIO(cache.read(model.repo, model.files[name]))

    if MODEL in model.files:
        return Model.from_pretrained(open_file(MODEL), **model.options)
    return Plda(open_file(TRANSFORM), open_file(PLDA))
