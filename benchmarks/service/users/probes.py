"""Ask `/livez`: each user once a second."""

from locust import FastHttpUser, constant_throughput, task


class Prober(FastHttpUser):
    """A supervisor."""

    wait_time = constant_throughput(1)

    @task
    def ask(self) -> None:
        """Ask whether the server lives."""
        self.client.get("/livez")
