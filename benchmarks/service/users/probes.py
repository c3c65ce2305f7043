"""Ask `/livez`: each user once a second."""

import recorder  # noqa: F401  # it writes the answers down
from locust import FastHttpUser, constant_throughput, task


class Prober(FastHttpUser):
    """A supervisor."""

    wait_time = constant_throughput(1)

    @task
    def ask(self) -> None:
        """Ask whether the server lives."""
        self.client.get("/livez")
