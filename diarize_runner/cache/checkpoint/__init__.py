"""PyTorch checkpoints as plain data, without PyTorch and without trust.

A checkpoint is a pickle with tensors beside it, and a pickle is a program. Nothing here runs one.

    inert.py       an unpickler that knows an allow-list of names and makes inert records of them
    reader.py      bytes of either of torch's two file formats -> plain values and `Tensor`
    convert.py     the conversions that `cache_manifests/FORMAT.md` names
    clean.py       CleanCheckpoint: tensors, plain values, and at most one description of a pyannote model
    writer.py      CleanCheckpoint -> the bytes of a checkpoint, the same bytes everywhere

    rewrite.py     an upstream checkpoint -> a clean one, on the build host, in a confined child (child.py)
    clean.py       read_clean: accepts exactly what this package writes; the only reader that a box uses

    pipeline_config.py  which classes a pipeline's config.yaml names, and that it names no path
    allow_list.py       which classes may be loaded

A build host needs no torch this way, and what it writes does not depend on a torch version.
"""
