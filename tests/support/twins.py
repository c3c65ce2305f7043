"""Twins of pyannote's gated models: the same architectures, shapes and file names, with random weights.

They cost as much to transfer, verify, load and run as the real ones. Their results are meaningless, except that one
speaker is always active, so that every stage of a pipeline has work.
"""

import io
from pathlib import Path

import numpy as np
import torch
from pyannote.audio.core.model import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.embedding import WeSpeakerResNet34
from pyannote.audio.models.segmentation import PyanNet

COMMUNITY_1 = "pyannote/speaker-diarization-community-1"
DIARIZATION_3_1 = "pyannote/speaker-diarization-3.1"
SEGMENTATION_3_0 = "pyannote/segmentation-3.0"
WESPEAKER = "pyannote/wespeaker-voxceleb-resnet34-LM"

COMMUNITY_1_CONFIG = b"""\
dependencies:
  pyannote.audio: 4.0.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: VBxClustering
    segmentation: $model/segmentation
    segmentation_batch_size: 32
    embedding: $model/embedding
    embedding_batch_size: 32
    embedding_exclude_overlap: true
    plda: $model/plda
params:
  clustering: {threshold: 0.6, Fa: 0.07, Fb: 0.8}
  segmentation: {min_duration_off: 0.0}
"""

DIARIZATION_3_1_CONFIG = b"""\
version: 3.1.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: AgglomerativeClustering
    embedding: pyannote/wespeaker-voxceleb-resnet34-LM
    embedding_batch_size: 32
    embedding_exclude_overlap: true
    segmentation: pyannote/segmentation-3.0
    segmentation_batch_size: 32
params:
  clustering:
    method: centroid
    min_cluster_size: 12
    threshold: 0.7045654963945799
  segmentation:
    min_duration_off: 0.0
"""

_LOUDEST, _SILENCE_AND_ALL = 5.0, 7
_XVECTOR, _LDA = 256, 128


def twin_repos() -> dict[str, dict[str, bytes]]:
    """Return the files of every repository of the two pipelines, by repo_id and path."""
    segmentation, embedding, plda = _segmentation(), _embedding(), _plda()
    card = b"# A twin\n\nRandom weights in the shape of a pyannote model.\n"
    return {
        COMMUNITY_1: {
            ".gitattributes": b"*.bin filter=lfs\n",
            "README.md": card,
            "config.yaml": COMMUNITY_1_CONFIG,
            "diarization.gif": b"GIF89a" + bytes(1000),
            "embedding/README.md": card,
            "embedding/pytorch_model.bin": embedding,
            "segmentation/pytorch_model.bin": segmentation,
            **{f"plda/{name}": data for name, data in plda.items()},
        },
        DIARIZATION_3_1: {
            "README.md": card,
            "config.yaml": DIARIZATION_3_1_CONFIG,
            "handler.py": b"pass\n",
        },
        SEGMENTATION_3_0: {
            "LICENSE": b"MIT License\n",
            "README.md": card,
            "config.yaml": b"task:\n  duration: 10.0\n",
            "example.png": b"\x89PNG" + bytes(1000),
            "pytorch_model.bin": segmentation,
        },
        WESPEAKER: {"README.md": card, "config.yaml": b"model: resnet34\n", "pytorch_model.bin": embedding},
    }


def _segmentation() -> bytes:
    """Return a checkpoint in the shape of segmentation-3.0: powerset, 10 s chunks, 3 speakers, 2 at once."""
    torch.manual_seed(30)
    lstm = {"hidden_size": 128, "num_layers": 4, "bidirectional": True, "monolithic": True, "dropout": 0.5}
    model = PyanNet(sincnet={"stride": 10}, lstm=lstm, linear={"hidden_size": 128, "num_layers": 2})
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        warm_up=(0.0, 0.0),
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    model.build()
    assert model.classifier.out_features == _SILENCE_AND_ALL
    with torch.no_grad():
        model.classifier.bias[1] = _LOUDEST
    return checkpoint_of(model)


def _embedding() -> bytes:
    """Return a checkpoint in the shape of WeSpeaker's ResNet34."""
    torch.manual_seed(34)
    model = WeSpeakerResNet34()
    how = {"problem": Problem.REPRESENTATION, "resolution": Resolution.CHUNK}
    model.specifications = Specifications(**how, duration=5.0)
    return checkpoint_of(model)


def checkpoint_of(model: Model) -> bytes:
    """Return a checkpoint as lightning saves it after training."""
    checkpoint = {
        "epoch": 1,
        "global_step": 1,
        "pytorch-lightning_version": "2.0.0",
        "state_dict": model.state_dict(),
        "loops": {},
        "hparams_name": "kwargs",
        "hyper_parameters": dict(model.hparams),
    }
    model.on_save_checkpoint(checkpoint)
    checkpoint["pyannote.audio"]["versions"] |= {"torch": torch.__version__, "pyannote.audio": "3.0.0"}
    target = io.BytesIO()
    torch.save(checkpoint, target)
    return target.getvalue()


def _plda() -> dict[str, bytes]:
    """Return a transform and a PLDA of the right shapes, well-conditioned."""
    random = np.random.default_rng(2044)
    noise = random.normal(size=(_LDA, _LDA)) / 100
    lda = np.linalg.qr(random.normal(size=(_XVECTOR, _LDA)))[0].astype(np.float32)
    return {
        "xvec_transform.npz": _npz(mean1=np.zeros(_XVECTOR), mean2=np.zeros(_LDA), lda=lda),
        "plda.npz": _npz(mu=np.zeros(_LDA), tr=np.eye(_LDA) + noise, psi=np.linspace(10, 0.1, _LDA)),
    }


def write_plda(folder: Path) -> tuple[Path, Path]:
    """Write the transform and the PLDA; return their paths."""
    paths = []
    for name, data in _plda().items():
        paths.append(folder / name)
        paths[-1].write_bytes(data)
    return paths[0], paths[1]


def _npz(**arrays: np.ndarray) -> bytes:
    target = io.BytesIO()
    np.savez(target, **arrays)
    return target.getvalue()


def write_speech(path: Path, seconds: float) -> Path:
    """Write the first words of pyannote's sample recording to `path`."""
    import wave
    from importlib.metadata import distribution

    sample = distribution("pyannote.audio").locate_file("pyannote/audio/sample/sample.wav")
    with wave.open(str(sample), "rb") as recording, wave.open(str(path), "wb") as excerpt:
        rate = recording.getframerate()
        recording.setpos(7 * rate)
        excerpt.setparams(recording.getparams())
        excerpt.writeframes(recording.readframes(int(seconds * rate)))
    return path
