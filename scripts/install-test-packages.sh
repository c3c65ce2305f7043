#!/usr/bin/env bash
# Install what some tests need on this machine (Debian; root). Fresh hosts: an image of one is made by mmdebstrap, booted
# by systemd-nspawn, watched by nftables and reached by ssh; gpg signs mirrors made for it. Pages: Chromium looks at them.
# What a load reads: strace sees it.
set -euo pipefail

packages=(mmdebstrap debian-archive-keyring systemd-container nftables iproute2 openssh-client gpg gpg-agent)
packages+=(chromium-headless-shell fonts-dejavu-core strace)
missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

[ "$(id -u)" = 0 ] || {
    printf 'error: %s must be installed, and only root can\nhint: sudo %s\n' "${missing[*]}" "$0" >&2
    exit 1
}
echo "install-test-packages: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=600 update -qq
apt-get -o DPkg::Lock::Timeout=600 install -qq --no-install-recommends "${missing[@]}" >&2
