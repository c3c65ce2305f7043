"""The conversions that a request can name: each turns a foreign checkpoint into a clean pyannote checkpoint.

The result holds weights, hyper-parameters and pyannote's `Specifications`, but no optimizer state, callbacks, paths of
the training machine or other classes.
"""

from collections.abc import Callable

from diarize_runner.cache.checkpoint.clean import CleanCheckpoint, PyannoteModel, clean
from diarize_runner.cache.checkpoint.reader import tensors
from diarize_runner.errors import UnsafeCheckpoint

_REPRESENTATION, _CHUNK = 3, 2
"""pyannote's Problem.REPRESENTATION and Resolution.CHUNK."""
_PYANNET = ("pyannote.audio.models.segmentation.PyanNet.PyanNet",)


def pyannote_segmentation(content: dict[str, object]) -> CleanCheckpoint:
    """Keep the weights, hyper-parameters and specifications of a pyannote segmentation model."""
    checkpoint = clean(content)
    if checkpoint.class_names != _PYANNET:
        raise UnsafeCheckpoint("the checkpoint's model is not a PyanNet")
    return checkpoint


def campplus_encoder(content: dict[str, object]) -> CleanCheckpoint:
    """Keep the weights of a CAM++ checkpoint of 3D-Speaker: a state dict and nothing else."""
    return PyannoteModel(
        module="diarize_runner.diarization.campplus",
        class_name="CAMPlusPlus",
        specifications={"problem": _REPRESENTATION, "resolution": _CHUNK, "duration": 3.0},
        hyper_parameters={"sample_rate": 16000, "num_channels": 1},
        state={f"network.{name}": tensor for name, tensor in tensors(content).items()},
    )


CONVERSIONS: dict[str, Callable[[dict[str, object]], CleanCheckpoint]] = {
    "pyannote-segmentation": pyannote_segmentation,
    "campplus-encoder": campplus_encoder,
}
