"""Measure the batch: `python -m benchmarks.batch --cache DIR`.

overhead.py   throughput beside one process that takes the same list: on this machine, and on Ray
kills.py      recordings on Ray while a node and the driver die, and the same results of one process
schedule.py   100,000 keys: list them, compare them with results, and schedule them on a cluster in memory
scaling.py    10,000 hours on 1 to 200 boxes, simulated from measured figures
__main__.py   the report
"""
