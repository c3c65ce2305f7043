"""Measure stock, exact and fast on a bare machine with an NVIDIA GPU: `make bench-gpu`.

The machine needs Python with torch and the usual scientific packages, but no network. A run takes less than 8 minutes:

    python -m benchmarks.gpu prepare DIR            here: wheels, the twin of community-1, voices, this code
    cd DIR/code && python3 -m benchmarks.gpu run .. -o report.json --output-html report.html
                                                    there: install the wheels in a temporary folder, and measure

    wheels.py     which wheels a plain torch machine lacks
    prepare.py    fills DIR
    bare.py       installs the wheels and starts measure.py; imports only the standard library
    plan.py       the steps, most important first, and which of them fit into the time that is left
    options.py    the options of `run`
    here.py       prepares and measures with this environment
    errors.py     prints errors with their hints
    recordings.py recordings composed from the voices in DIR
    clocks.py     samples of clocks, throttling, temperature and power, by nvidia-smi
    engines.py    one step by one engine
    probes.py     one batch of the fast engine: pinned copies, channels last, half precision, a CUDA graph
    measure.py    takes the steps, and writes the report
    report.py     the report: figures, skipped steps, equality of stock and exact
    page.py       the report as one HTML file
    work.py       counts the operations and bytes of the models with torch, for the T4 projection
    cpu_stages.py measures the stages that stay on the CPU, for the same
"""
