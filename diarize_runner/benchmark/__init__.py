"""How fast, and how right: a Workload, run by processes of their own -> BenchmarkReport.

    workload.py      what is diarized, by what, how often: a file; those in workloads/ ship with the package
        item.py, compose/                    recordings that are there, and recordings composed to a length
    run.py           the loop: engines take turns, and each runs in a process of its own (subject.py)
        process.py, worker.py                such a process, from outside and from inside
        bench.py, marks.py, memory.py        one call: its seconds, split into stages, and its memory
    assembly.py      what came of the calls, scored (score.py: DER and JER, by pyannote.metrics)
    environment.py   what it ran on: gpu.py, instance.py
    report.py        BenchmarkReport of Series of Measurement (measurement.py), to JSON
        reading.py, report_1.py              and back, from any format there ever was
    compare.py, ratios.py, growth.py, plan.py, history.py       what reports say together, and for what is to come
        published.py, projection.py          reports in a store; what a T4 would take, where none was measured
    formats/         Markdown, HTML, JUnit, and tables of a README

RTF is processing time / audio duration: lower is better. RTFx is its inverse. What could not be measured is None in
Python, null in JSON and "not measured" in text: never 0.
"""
