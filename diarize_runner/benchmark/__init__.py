"""Measure speed and accuracy: run a Workload in worker processes, return a BenchmarkReport.

    workload.py      the YAML file: recordings, engines, repeats; those in workloads/ ship with the package
        item.py, compose/                    existing recordings, and recordings composed to a length
        folder.py, uem.py                    a folder of recordings with references
    run.py           the loop: engines alternate, each in its own process (engine_run.py)
        process.py, worker.py                the parent's and the worker's side of such a process
        timed_call.py, stage_timer.py, memory.py    one call: seconds per stage, and memory
    series.py        calls aggregated and scored (score.py: DER and JER, by pyannote.metrics)
        alignment.py, accuracy.py            where a diarization differs from its reference; pooled error rates
    environment.py   the machine and its software: gpu.py, instance.py
    report.py        BenchmarkReport of Series of Measurement (measurement.py), to JSON
        reading.py, report_1.py              JSON to BenchmarkReport, every format so far
        report_scores.py                     scores, references and diarizations in JSON
    compare.py, speedup.py, growth.py, plan.py, history.py      analysis of reports
        published.py, projection.py          reports in a store; a T4's time projected from a CPU's
    formats/         Markdown, HTML, JUnit, and tables of a README

RTF is processing time / audio duration: lower is better. RTFx is its inverse. An unmeasured figure is None in Python,
null in JSON and "not measured" in text: never 0.
"""
