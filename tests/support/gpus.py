"""A simulated GPU and its drivers: sysfs files, nvidia-smi and modprobe.

They test how the role reacts to a state; no module is loaded, and no real driver is called.
"""

import platform

from support.packages import Package

SYSFS = "/srv/sysfs"
BRANCH = "580"
VERSION = f"{BRANCH}.95.05"
KERNEL = platform.release()
FLAVOUR = KERNEL.split("-", maxsplit=2)[2]
"""A test host runs the kernel of this machine."""

# Exit codes as in the real one: 9 when no module is loaded, 18 when its version differs from the library's.
_NVIDIA_SMI = """\
#!/bin/sh
loaded=$(cat {sysfs}/module/nvidia/version 2>/dev/null) || {{
    echo "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
    exit 9
}}
[ "$loaded" = {version} ] || {{
    echo "Failed to initialize NVML: Driver/library version mismatch"
    exit 18
}}
echo "Tesla T4"
"""
_MODPROBE = """\
#!/bin/sh
[ "$1" = nvidia ] && mkdir -p {sysfs}/module/nvidia && echo {version} >{sysfs}/module/nvidia/version
"""
_AT_BOOT = "f+ {sysfs}/module/nvidia/version - - - - {version}\n"


def plug_in(host, *, device_class="0x030200"):
    """Give the host a Tesla T4."""
    device = f"{SYSFS}/bus/pci/devices/0000:00:1e.0"
    for name, content in {"vendor": "0x10de", "device": "0x1eb8", "class": device_class}.items():
        host.put(f"{device}/{name}", f"{content}\n".encode())


def load(host, version):
    """Simulate that the module of `version` is loaded."""
    host.put(f"{SYSFS}/module/nvidia/version", f"{version}\n".encode())


def turn_secure_boot_on(host):
    """Set the firmware variable; its first four bytes are attributes."""
    name = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    host.put(f"{SYSFS}/firmware/efi/efivars/{name}", b"\x06\0\0\0\x01")


def nvidia_smi(version=VERSION):
    """Return the nvidia-smi of the driver `version`."""
    return _NVIDIA_SMI.format(sysfs=SYSFS, version=version)


def user_land(name, version=VERSION, replaces=""):
    """Return a package with nvidia-smi, and with a modprobe that loads this version now and at each boot."""
    files = {
        "/usr/bin/nvidia-smi": nvidia_smi(version),
        "/usr/local/sbin/modprobe": _MODPROBE.format(sysfs=SYSFS, version=version),
        "/usr/lib/tmpfiles.d/nvidia.conf": _AT_BOOT.format(sysfs=SYSFS, version=version),
    }
    return Package(name=name, version=version, replaces=replaces, files=files)


OLD_VERSION = "535.183.01"
OLD = user_land("nvidia-utils-535-server", OLD_VERSION)
UBUNTU = [
    *(
        Package(name=f"{name}-{BRANCH}-server-open{suffix}", version=VERSION)
        for name, suffix in [
            ("linux-modules-nvidia", f"-{KERNEL}"),
            ("linux-modules-nvidia", f"-{FLAVOUR}"),
            ("nvidia-headless-no-dkms", ""),
        ]
    ),
    user_land(f"nvidia-utils-{BRANCH}-server", replaces=OLD.name),
]
"""The packages of Ubuntu."""
NVIDIA = [
    Package(name=f"nvidia-driver-pinning-{BRANCH}"),
    *(Package(name=f"linux-headers-{each}") for each in (KERNEL, FLAVOUR)),
    Package(name="nvidia-kernel-open-dkms", version=f"{VERSION}-1"),
    user_land("nvidia-driver-cuda"),
]
"""The packages of NVIDIA for Debian, and Debian's kernel headers."""
