"""The conversions a request can name: a foreign checkpoint in, a clean pyannote checkpoint out.

What comes out holds weights, hyper-parameters and pyannote's own `Specifications`: no optimizer state, no callbacks,
no paths of the machine a model was trained on, no class of anybody else.
"""

from collections.abc import Callable

from diarize_runner.cache.checkpoint.clean import CleanCheckpoint, PyannoteModel, clean
from diarize_runner.cache.checkpoint.reader import tensors
from diarize_runner.errors import UnsafeCheckpoint

_REPRESENTATION, _CHUNK = 3, 2
"""pyannote's Problem.REPRESENTATION and Resolution.CHUNK."""
_PYANNET = ("pyannote.audio.models.segmentation.PyanNet.PyanNet",)


def pyannote_segmentation(content: dict[str, object]) -> CleanCheckpoint:
    """Keep the weights, hyper-parameters and specification of a pyannote segmentation model."""
    checkpoint = clean(content)
    if checkpoint.class_names != _PYANNET:
        raise UnsafeCheckpoint("the checkpoint is not of a PyanNet")
    return checkpoint


def ge2e_encoder(content: dict[str, object]) -> CleanCheckpoint:
    """Keep the encoder's own weights of a Resemblyzer checkpoint; what scaled its training loss stays behind."""
    state = content.get("model_state")
    if not isinstance(state, dict):
        raise UnsafeCheckpoint("the checkpoint lacks a part that its kind has")
    return PyannoteModel(
        module="diarize_runner.diarization.ge2e",
        class_name="GE2EEncoder",
        specifications={"problem": _REPRESENTATION, "resolution": _CHUNK, "duration": 1.6},
        hyper_parameters={"sample_rate": 16000, "num_channels": 1},
        state=tensors({name: view for name, view in state.items() if not str(name).startswith("similarity_")}),
    )


CONVERSIONS: dict[str, Callable[[dict[str, object]], CleanCheckpoint]] = {
    "pyannote-segmentation": pyannote_segmentation,
    "ge2e-encoder": ge2e_encoder,
}
