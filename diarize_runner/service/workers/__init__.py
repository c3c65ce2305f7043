"""One worker of a box: it claims one job after the other, and runs each in one model process.

dispatcher       claim, run, finish; renew leases, cancel, wait after failures, unload an idle model
    attempt      one run of one job: its progress, and why it was stopped
    queue        what it uses of the queue
    turn, pace   which model's jobs are next; how often to look at the queue
    stages       the progress of a job, from that of its stages
models           the model process, as its parent sees it: start, run a job, kill
    protocol     the request and the events, as JSON
model_process    the child process: it alone imports torch
    naming       after which voices the speakers of a job are named
    results      the files of a result
    memory       how much memory and CPU time a process and its children use

The server holds no model: what kills the model process, be it a crash or the kernel, ends only one attempt of a job.
"""
