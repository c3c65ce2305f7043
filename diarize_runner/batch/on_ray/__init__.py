"""Run a batch on the nodes of a Ray cluster. Only this package imports ray.

    chunks.py       a stream of recordings -> chunks, which become smaller towards the end
    scheduling.py   chunks -> outcomes: keep every slot of a cluster busy, whatever the cluster is
    task.py         what a node runs: a chunk -> ChunkResult, with the models loaded once per process
    cluster.py      a Ray cluster: connect, submit, wait
    engine.py       RayEngine: all of it together, as `batch.run.Engine`

Nothing is kept between runs: a driver that is killed starts again with what has no result. A node that dies loses the
chunk that it ran, and Ray runs it again elsewhere; the recordings of it that have a result are skipped.

Nodes run the package that is installed there: Ray is told the name of a function and its arguments, and ships no code.
"""
