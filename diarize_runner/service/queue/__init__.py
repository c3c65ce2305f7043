"""Jobs that survive the processes that work on them.

    job        the values: NewJob, Job, Claim, JobState
    table      the tables, and how a row becomes a Job
    database   connect to SQLite or PostgreSQL
    queue      add, claim, renew, finish, cancel, list
    deliveries webhooks, claimed with leases as jobs are

A worker claims a job with a lease, renews the lease while it works, and finishes the job only while it still has it.
Only this package imports SQLAlchemy. docs/adr/0027 says why it is no library.
"""
