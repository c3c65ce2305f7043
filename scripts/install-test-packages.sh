#!/usr/bin/env bash
# Install the system packages that some tests need (Debian; root). Fresh hosts: mmdebstrap builds images, systemd-nspawn
# boots them, nftables counts their packets, ssh connects to them, gpg signs test mirrors. Chromium renders pages. strace
# records system calls. zsh and fish complete commands. PostgreSQL holds a queue, sqlite3 copies one.
set -euo pipefail

packages=(mmdebstrap debian-archive-keyring systemd-container nftables iproute2 openssh-client gpg gpg-agent)
packages+=(chromium-headless-shell fonts-dejavu-core strace zsh fish postgresql sqlite3 squashfs-tools)
missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

[ "$(id -u)" = 0 ] || {
    printf 'error: only root can install %s\nhint: run sudo %s\n' "${missing[*]}" "$0" >&2
    exit 1
}
echo "install-test-packages: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=600 update -qq
apt-get -o DPkg::Lock::Timeout=600 install -qq --no-install-recommends "${missing[@]}" >&2
