"""Checkpoints as torch writes them, and crafted ones."""

import io
import pickle
import zipfile

import torch

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


def saved(checkpoint, *, legacy=False):
    """Return the output of `torch.save`, in its zip or its legacy format."""
    target = io.BytesIO()
    torch.save(checkpoint, target, _use_new_zipfile_serialization=not legacy)
    return target.getvalue()


def as_zip(pickled, storages=()):
    """Wrap a pickle and the bytes of its storages in torch's zip format."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, data in enumerate(storages):
            archive.writestr(f"archive/data/{key}", data)
        archive.writestr("archive/version", b"3\n")
    return target.getvalue()


def as_stream(pickled, after=b""):
    """Wrap a pickle and the bytes after it in torch's legacy format."""
    system = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    return b"".join(pickle.dumps(part, 2) for part in (MAGIC, PROTOCOL, system)) + pickled + after


def tensor_pickle(*, key="0", kind="FloatStorage", elements=6, offset=0, shape=(2, 3), stride=(3, 1)):
    """Return the pickle of `{"state": {"weight": tensor}}` with these fields of the tensor."""
    return (
        b"\x80\x02}U\x05state}U\x06weightctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\n"
        + kind.encode()
        + b"\n"
        + b"".join(_opcodes(part) for part in (key, "cpu", elements))
        + b"tQ"
        + b"".join(_opcodes(part) for part in (offset, shape, stride))
        + b"\x89}tRss."
    )


def _opcodes(value):
    """Return the opcodes of a plain value, without PROTO and STOP."""
    return pickle.dumps(value, 2)[2:-1]
