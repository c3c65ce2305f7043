"""PyTorch checkpoints as plain data, without PyTorch and without trust.

A checkpoint is a pickle with tensors beside it, and a pickle is a program. Nothing here runs one:

    inert.py         an unpickler that knows an allow-list of names and makes inert records of them
    reader.py        bytes of either of torch's two file formats -> plain values and `Tensor`
    writer.py        plain values and `Tensor` -> the bytes of a checkpoint, the same bytes everywhere
    container.py     a file -> the pickles that torch.load would read of it; what can be read in two ways is refused
    architecture.py  the class that pyannote makes a checkpoint's model of, by a name in the checkpoint's data
    names.py         a file -> every name that loading it would import: the pickle gate
    convert.py       the conversions that `cache_manifests/FORMAT.md` names

A build host needs no torch this way, and what it writes does not depend on a torch version.
"""
