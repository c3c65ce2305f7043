"""Fresh hosts to provision: Debian as it comes, under a real systemd, reached over real ssh, in about a second.

    image     what mmdebstrap makes of a suite, once; every host starts from it and none can change it
    slots     a number for each host, its folder and its addresses; clears what a killed run left behind
    keeper    the processes and mounts of one host: overlayfs, systemd-nspawn, and a death they all share
    wire      its network: one cable to this machine, and a firewall here that counts what comes out of it
    plays     runs of Ansible, of one host or of several at once
    trees     every file of a host, to compare before and after
    host      all of it put together: `fresh_host`

A host can reach the port of its store on this machine, and nothing else. Whatever else it tries, by a name or by an
address, leaves it, is counted as a leak here and is dropped.

Nothing outlives the process that asked for a host, however that ends: the mounts and the network are in namespaces
of the host's own, the firewall belongs to a process, and all of them end when a pipe is closed.
"""

from support.hosts.host import Host, fresh_host, fresh_hosts, host_from
from support.hosts.image import DEBIAN_12, DEBIAN_13, Image
from support.hosts.plays import apply_to, begin_play, play_on
from support.hosts.possible import require_hosts

__all__ = [
    "DEBIAN_12",
    "DEBIAN_13",
    "Host",
    "Image",
    "apply_to",
    "begin_play",
    "fresh_host",
    "fresh_hosts",
    "host_from",
    "play_on",
    "require_hosts",
]
