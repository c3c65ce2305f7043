"""Read and write PyTorch checkpoints as plain data, without PyTorch and without running code.

A checkpoint is tensors and a pickle, and a pickle is a program. Nothing here executes it.

    restricted_unpickler.py  turns allowlisted names into stubs, and refuses any other name
    reader.py                either of torch's two file formats -> plain values and `Tensor`
    convert.py               the conversions listed in `cache_manifests/FORMAT.md`
    clean.py                 CleanCheckpoint: tensors, plain values, and at most one pyannote model description
    writer.py                CleanCheckpoint -> reproducible bytes

    rewrite.py               upstream checkpoint -> clean one, on the build host, in a confined process (child.py)
    clean.py                 read_clean: accepts only what this package writes; the only reader that a box uses

    ctranslate2_model.py     recognises transcription models, which hold no pickle

    pipeline_config.py       finds the classes in a pipeline's config.yaml, and refuses file paths in it
    import_allowlist.py      the classes that may be loaded

So a build host needs no torch, and its output does not depend on a torch version.
"""
