"""Fresh hosts to provision: plain Debian under real systemd, reached over real ssh, up in about a second.

    image     the root of a suite, built once with mmdebstrap; hosts use it as a read-only lower layer
    slots     the number of each host, its folder and addresses; cleans up after killed runs
    keeper    the processes and mounts of one host: overlayfs and systemd-nspawn, which end together
    wire      its network: a veth pair to this machine, and a firewall here that counts packets
    plays     runs of Ansible on one host or several
    trees     every file of a host, to compare before and after
    host      `fresh_host`, which combines all of them

A host can reach only the port of its store on this machine. All other packets are counted as leaks and dropped.

Nothing outlives the test process, however it ends: mounts and network lie in the host's namespaces, a process owns the
firewall, and all of them end when a pipe is closed.
"""

from support.hosts.host import Host, fresh_host, fresh_hosts, host_from
from support.hosts.image import DEBIAN_12, DEBIAN_13, Image
from support.hosts.plays import apply_role, run_play, start_play
from support.hosts.requirements import require_hosts

__all__ = [
    "DEBIAN_12",
    "DEBIAN_13",
    "Host",
    "Image",
    "apply_role",
    "fresh_host",
    "fresh_hosts",
    "host_from",
    "require_hosts",
    "run_play",
    "start_play",
]
