"""The network of one host: a veth pair to this machine, and a firewall here that counts packets.

This end is the host's default route and nameserver, so all its packets arrive here. Answers to this machine (mostly of
ssh) and the port of the store pass; all else counts as a leak and is dropped before routing.
"""

import json
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass

from support.hosts.slots import STORE_PORT

# Owned by the process that creates it: the kernel removes it when that ends. `neighbours` counts IPv6 discovery.
# In TCP, only a bare SYN opens a connection. All else answers this machine, also after conntrack has forgotten the
# connection, as it does a minute after one side closed it: then a host resets what was left open to an earlier host.
_FIREWALL = """
table inet {table} {{
  flags owner;
  counter ssh {{}}; counter store {{}}; counter neighbours {{}}; counter leak {{}};
  set leaked4 {{ type ipv4_addr . inet_proto . inet_service; flags dynamic; size 64; }};
  set leaked6 {{ type ipv6_addr . inet_proto . inet_service; flags dynamic; size 64; }};
  chain arriving {{
    type filter hook prerouting priority filter; policy accept;
    iifname != "{link}" accept;
    ct direction reply counter name ssh accept;
    tcp flags & (syn | ack) != syn counter name ssh accept;
    tcp dport {port} counter name store accept;
    icmpv6 type {{
      nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld-listener-report, mld2-listener-report
    }} counter name neighbours accept;
    counter name leak;
    add @leaked4 {{ ip daddr . meta l4proto . th dport }};
    add @leaked6 {{ ip6 daddr . meta l4proto . th dport }};
    drop;
  }};
}}
"""
_READY_WITHIN = 10


@dataclass(frozen=True, kw_only=True)
class Packets:
    """The number of packets from the host, by kind, and where the leaked ones went: address, protocol, port."""

    ssh: int
    store: int
    neighbours: int
    leak: int
    leaked_to: tuple


@contextmanager
def wired(slot, pid):
    """Connect the network namespace of process `pid`, behind the firewall."""
    _ip(
        f"link add {slot.name} type veth peer name eth0 netns {pid}",
        f"address add {slot.outside}/30 dev {slot.name}",
        f"address add {slot.outside6}/64 dev {slot.name} nodad",
    )
    with _guarded(slot):
        _ip(f"link set {slot.name} up")
        _ip(
            f"address add {slot.inside}/30 dev eth0",
            f"address add {slot.inside6}/64 dev eth0 nodad",
            "link set eth0 up",
            f"route add default via {slot.outside}",
            f"route add default via {slot.outside6}",
            namespace=pid,
        )
        yield


def unplug(slot):
    """Delete the veth pair if it exists."""
    subprocess.run(["ip", "link", "delete", slot.name], capture_output=True, check=False)


def packets(slot):
    """Return the packets that the host sent so far."""
    listed = subprocess.run(
        ["nft", "--json", "list", "table", "inet", _table(slot)], capture_output=True, text=True, check=True
    )
    entries = json.loads(listed.stdout)["nftables"]
    counters = {entry["counter"]["name"]: entry["counter"]["packets"] for entry in entries if "counter" in entry}
    leaked_to = tuple(
        tuple(element["concat"]) for entry in entries if "set" in entry for element in entry["set"].get("elem", [])
    )
    return Packets(**counters, leaked_to=leaked_to)


def _table(slot):
    return slot.name.replace("-", "_")


def _ip(*lines, namespace=None):
    inside = [] if namespace is None else ["nsenter", f"--net=/proc/{namespace}/ns/net"]
    done = subprocess.run(
        [*inside, "ip", "-batch", "-"], input="\n".join(lines), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"ip: {done.stderr}")


@contextmanager
def _guarded(slot):
    process = subprocess.Popen(
        ["nft", "--interactive"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        rules = _FIREWALL.format(table=_table(slot), link=slot.name, port=STORE_PORT)
        process.stdin.write(f"{' '.join(rules.split())}\n")  # one line is one transaction
        process.stdin.flush()
        _wait_for_the_table(slot)
        yield
    finally:
        process.stdin.close()
        process.wait(_READY_WITHIN)


def _wait_for_the_table(slot):
    deadline = time.monotonic() + _READY_WITHIN
    while subprocess.run(["nft", "list", "table", "inet", _table(slot)], capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            raise TimeoutError("nft did not load the firewall rules")
        time.sleep(0.01)
