#!/usr/bin/env bash
# Measure stock, exact and fast on this machine's GPU, under .bench/gpu. DEVICE=cpu tries it without a GPU.
set -euo pipefail
cd "$(dirname "$0")/.."
device=${DEVICE:-cuda}
folder=.bench/gpu

if [ "$device" = cuda ] && ! .venv/bin/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    echo "error: torch finds no CUDA device here" >&2
    echo "hint: run .venv/bin/python -m benchmarks.gpu prepare DIR, carry DIR to a machine with a GPU and torch, and run there:" \
        "cd DIR/code && python3 -m benchmarks.gpu run .. -o report.json --output-html report.html" >&2
    exit 1
fi

if [ ! -f "$folder/prepared" ]; then
    rm -rf "$folder"
    .venv/bin/python -m benchmarks.gpu prepare "$folder" --python here
fi
.venv/bin/python -m benchmarks.gpu run "$folder" --device "$device" -o .bench/gpu.json --output-html .bench/gpu.html
echo "The report is in .bench/gpu.json and .bench/gpu.html" >&2
