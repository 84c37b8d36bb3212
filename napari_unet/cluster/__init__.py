"""Many cases on many processors or computers, by dask.distributed (extra `cluster`).

Scheduling, work stealing, the death of workers, the dashboard and TLS are Dask's. Ours is what a task is, how
many bytes are under way, which workers may take part, and when a case is set aside.
"""
