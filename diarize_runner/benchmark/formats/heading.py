"""The heading of a rendered report."""

from diarize_runner.benchmark.report import BenchmarkReport


def heading(report: BenchmarkReport) -> tuple[str, ...]:
    """Describe the workload, the machine and its software, a sentence each."""
    host = report.environment
    devices = ", ".join(dict.fromkeys(series.device for series in report.series))
    machine = f"{host.instance}: " if host.instance else ""
    memory = f", {host.memory / (1 << 30):.0f} GiB" if host.memory else ""
    packages = ", ".join(f"{name} {version}" for name, version in host.packages.items())
    gpu = host.gpu
    lines = [
        f"Workload {report.workload or 'unnamed'} on {devices}, {report.date or 'undated'}.",
        f"{machine}{host.cpu_count} cores of {host.cpu}{memory}, {host.threads} threads, {host.system}.",
        f"Python {host.python}, {packages}.",
        f"Cache {report.cache}.",
    ]
    if gpu:
        clocks = f"SM clock {gpu.sm_clock_mhz} of {gpu.max_sm_clock_mhz} MHz, throttle reasons {gpu.throttled}"
        lines.insert(2, f"{gpu.name}, driver {gpu.driver}, {gpu.memory_mib} MiB; after the last call {clocks}.")
    if host.load_average is not None:
        lines.append(f"Load average before the run: {host.load_average:.2f}.")
    return tuple(lines)
