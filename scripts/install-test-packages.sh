#!/usr/bin/env bash
# Install the system packages that some tests need (Debian; root). Fresh hosts: mmdebstrap builds images, systemd-nspawn
# boots them, nftables counts their packets, ssh connects to them, gpg signs test mirrors. Chromium renders pages. strace
# records system calls. zsh and fish complete commands. PostgreSQL holds a queue, sqlite3 copies one. promtool checks
# alerts; prometheus scrapes a server. podman and buildah build a container image, runc runs it. Slurm runs a batch.
# nginx runs the pull-through cache.
set -euo pipefail

packages=(mmdebstrap debian-archive-keyring systemd-container nftables iproute2 openssh-client gpg gpg-agent)
packages+=(chromium-headless-shell fonts-dejavu-core strace zsh fish postgresql sqlite3 squashfs-tools)
packages+=(podman buildah runc slurmctld slurmd slurm-client munge)
missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
programs=()
for program in prometheus promtool nginx; do
    PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || programs+=("$program")
done
[ $((${#missing[@]} + ${#programs[@]})) -gt 0 ] || exit 0

[ "$(id -u)" = 0 ] || {
    printf 'error: only root can install %s\nhint: run sudo %s\n' "${missing[*]} ${programs[*]}" "$0" >&2
    exit 1
}

# install_program PROGRAM: copy it to /usr/local/bin from its package, which itself would start a server on a port.
install_program() {
    local folder package=prometheus
    [ "$1" != nginx ] || package=nginx
    folder=$(mktemp --directory)
    (cd "$folder" && apt-get -o APT::Sandbox::User=root download -qq "$package" >&2 && dpkg-deb --extract "$package"_*.deb .)
    install --target-directory=/usr/local/bin "$folder"/usr/*bin/"$1"
    rm -r "$folder"
}

echo "install-test-packages: installing ${missing[*]} ${programs[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=600 update -qq
[ ${#missing[@]} = 0 ] || apt-get -o DPkg::Lock::Timeout=600 install -qq --no-install-recommends "${missing[@]}" >&2
for program in "${programs[@]}"; do
    install_program "$program"
done
