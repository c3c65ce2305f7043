"""Users of locust, which imports each file by itself."""
