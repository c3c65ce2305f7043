#!/bin/sh
# Stand up this machine from a store that carries its packages, with nothing but python3 and curl:
#
#   curl -fsSL https://host/models/latest/bootstrap.sh | bash -s -- --store https://host/models
#
# It fetches what the store's manifest pins, each file checked before it is used, makes a small environment with Ansible
# in it, and runs playbooks/provision.yml on this machine. Run again, it goes on where it was stopped.
#
# Any POSIX shell runs it. Nothing runs before the last line has arrived: cut short, this is no valid script.

usage() {
    cat <<'END'
usage: bootstrap.sh --store STORE [--version V] [--public-key FILE] [--prefix DIR] [--device auto|cuda|cpu] [--plan]
       bootstrap.sh --uninstall [--prefix DIR]

  --store STORE      https://host/prefix, s3://bucket/prefix (needs the aws command) or file:///folder
  --version V        a published version (default: latest)
  --public-key FILE  take nothing that this key did not sign (needs openssl 3)
  --prefix DIR       put everything under DIR, without root (default: /opt/diarize-runner, /var/lib/diarize-runner)
  --device DEVICE    what to prove the box on (default: auto)
  --plan             say what would be done, and do nothing
  --uninstall        remove what was put there, and nothing else

Proxies and certificates are taken from HTTPS_PROXY, NO_PROXY, CURL_CA_BUNDLE and REQUESTS_CA_BUNDLE.
Exit codes: 0 done, 1 failed, 2 bad usage, 3 something is not what the manifest says.
END
}

# fail CODE PROBLEM HINT
fail() {
    printf 'error: %s\nhint: %s\n' "$2" "$3" >&2
    exit "$1"
}

step() { printf '== %s\n' "$*" >&2; }

parse() {
    store='' asked=latest public_key='' prefix='' device=auto action=provision
    while [ $# -gt 0 ]; do
        case $1 in
            --plan) action=plan ;;
            --uninstall) action=uninstall ;;
            -h | --help) usage && exit 0 ;;
            --store | --version | --public-key | --prefix | --device)
                [ $# -gt 1 ] || fail 2 "$1 needs a value" "bootstrap.sh --help"
                set_option "$1" "$2"
                shift
                ;;
            *) fail 2 "there is no option $1" "bootstrap.sh --help" ;;
        esac
        shift
    done
    home=$prefix/opt/diarize-runner
    case $public_key in '' | /*) ;; *) public_key=$PWD/$public_key ;; esac # the playbook runs in another folder
}

set_option() {
    case $1 in
        --store) store=${2%/} ;;
        --version) asked=$2 ;;
        --public-key) public_key=$2 ;;
        --prefix) prefix=${2%/} ;;
        --device) device=$2 ;;
    esac
}

preflight() {
    case $prefix in
        '' | /*) ;;
        *) fail 2 "--prefix $prefix is no absolute path" "give one that begins with /" ;;
    esac
    case $device in
        auto | cuda | cpu) ;;
        *) fail 2 "there is no device $device" "--device auto, cuda or cpu" ;;
    esac
    [ "$(uname -sm)" = "Linux x86_64" ] || fail 1 "this is $(uname -sm)" "it is made for Linux on x86-64"
    has python3 "install Python 3.10 to 3.13"
    python3 -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' ||
        fail 1 "this is $(python3 --version)" "install Python 3.10 to 3.13"
    [ "$action" = plan ] || [ -n "$prefix" ] || [ "$(id -u)" = 0 ] ||
        fail 1 "only root may write to /opt and /var/lib" "run it with sudo, or give --prefix DIR"
    [ "$action" = uninstall ] || preflight_store
}

preflight_store() {
    host=${store#*://} host=${host%%/*}
    case $host in
        *@*) fail 2 "the address of a store holds no user and no password" "leave it to ~/.netrc: everybody can read a command line" ;;
    esac
    case $store in
        https://* | http://* | file:///*) has curl "install curl" ;;
        s3://*) has aws "install the AWS command line, or name the bucket by its https:// address" ;;
        *) fail 2 "'$store' is not the address of a store" "--store https://host/prefix, s3://bucket/prefix, file:///folder" ;;
    esac
    [ -z "$public_key" ] || has openssl "install openssl 3, to check signatures with"
    [ -z "$public_key" ] || [ -f "$public_key" ] || fail 2 "there is no file $public_key" "--public-key FILE"
    [ -z "$public_key" ] || preflight_key
}

# The playbook copies the file to where everybody can read it, and openssl would take the first of two keys.
preflight_key() {
    ! grep -q 'PRIVATE KEY' "$public_key" ||
        fail 2 "$public_key holds a private key" "give NAME.pub of the pair; NAME.key stays on the build host"
    [ "$(grep -c 'BEGIN PUBLIC KEY' "$public_key")" -le 1 ] ||
        fail 2 "$public_key holds more than one key" "give a file with the one key that signs"
}

has() { command -v "$1" >/dev/null || fail 1 "there is no $1 here" "$2"; }

# fetch KEY FILE: FILE is there afterwards, whole, or the run ends.
fetch() {
    case $store in
        s3://*) aws s3 cp --quiet "$store/$1" "$2" ;;
        *) curl_to "$2" "$store/$1" ;;
    esac || fail 1 "$store/$1 cannot be fetched" "check the address, the version and the network, then run again"
}

curl_to() { curl --netrc-optional --fail --silent --show-error --location --retry 5 --retry-connrefused --output "$@"; }

# fetch_pinned KEY FILE DIGEST: FILE is whole and right afterwards, or the run ends.
fetch_pinned() {
    ! is_right "$2" "$3" || return 0
    go_on "$1" "$2.part" "$3" || fetch "$1" "$2.part"
    is_right "$2.part" "$3" || { rm "$2.part" && fail 3 "$store/$1 is not what the manifest says" "publish it anew"; }
    mv "$2.part" "$2"
}

# go_on KEY FILE DIGEST: fetch the rest of what a killed run has begun; false where FILE is not whole and right then.
go_on() {
    [ -f "$2" ] || return 1
    ! is_right "$2" "$3" || return 0
    case $store in
        http*) curl_to "$2" --continue-at - "$store/$1" 2>/dev/null && is_right "$2" "$3" ;;
        *) return 1 ;;
    esac
}

is_right() { [ -f "$1" ] && [ "$(digest_of "$1")" = "$2" ]; }

digest_of() { sha256sum <"$1" | cut -d ' ' -f 1; }

# Leave the manifest of the version in $work, as far as it can be believed before what it pins is there.
find_version() {
    version=$asked wanted=''
    if [ "$asked" = latest ]; then
        fetch latest/manifest.json "$work/pointer.json"
        found=$(read_pointer) || fail 3 "$store/latest/manifest.json is no pointer" "is that the address of a store?"
        version=${found% *} wanted=${found#* }
    fi
    fetch "v$version/manifest.json" "$work/manifest.json"
    [ -z "$wanted" ] || is_right "$work/manifest.json" "$wanted" ||
        fail 3 "$store/v$version/manifest.json is not the manifest that latest names" "publish it anew"
    [ -z "$public_key" ] || require_signature
    read_manifest >"$work/files" ||
        fail 3 "$store/v$version/manifest.json names no toolkit" "build it with: --with-wheels --toolkit"
}

# Print the version that the pointer names, and the digest of its manifest.
read_pointer() {
    python3 - "$work/pointer.json" <<'END'
import json, re, sys
pointer = json.load(open(sys.argv[1], encoding="utf-8"))
version, digest = pointer["version"], pointer["manifest"]["digest"]
assert re.fullmatch(r"[0-9][0-9a-z.-]*", version) and re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
print(version, digest[7:])
END
}

# Print a line, KEY NAME DIGEST SIZE, for each file that may be needed with this Python.
read_manifest() {
    python3 - "$work/manifest.json" "$version" <<'END'
import json, re, sys
manifest, version = json.load(open(sys.argv[1], encoding="utf-8")), sys.argv[2]
assert manifest["version"] == version
own = [manifest[key] for key in ("installer", "requirements", "toolkit")]
here = re.compile(r"-(py3|py2\.py3|cp{}{}|cp3\d+-abi3)-".format(*sys.version_info))
wheels = [wheel for wheel in manifest["wheels"] if here.search(wheel["name"])]
keys = {id(wheel): f"wheels/sha256/{wheel['digest'][7:]}/{wheel['name']}" for wheel in wheels}
for file in own + wheels:
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+!-]*", file["name"])
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", file["digest"])
    print(keys.get(id(file), f"v{version}/{file['name']}"), file["name"], file["digest"][7:], int(file["size"]))
END
}

require_signature() {
    fetch "v$version/manifest.json.sig" "$work/manifest.json.sig"
    openssl pkeyutl -verify -rawin -pubin -inkey "$public_key" -in "$work/manifest.json" \
        -sigfile "$work/manifest.json.sig" >/dev/null 2>&1 ||
        fail 3 "version $version is not signed by the key in $public_key" "ask who publishes for their key"
}

# Of the wheels, those that the installer's lock pins and the toolkit's own: some 50 MB. Ansible fetches the others.
fetch_files() {
    while read -r key name digest _; do
        case $name in
            diarize_runner-*) ;;
            *.whl) grep -q "sha256:$digest" "$inputs/requirements-installer.txt" || continue ;;
        esac
        fetch_pinned "$key" "$inputs/$name" "$digest"
    done <"$work/files"
}

say_plan() {
    bytes=$(awk '{ sum += $4 } END { printf "%.0f", sum / 1000000 }' "$work/files")
    cat <<END
version $version of $store
  into   $home and $prefix/var/lib/diarize-runner
  moves  $bytes MB of packages, and the models; nothing is taken from anywhere else
  makes  what playbooks/provision.yml says; $home/receipt.json lists it
  again  bootstrap.sh --uninstall removes it
END
}

provision() {
    inputs=$home/inputs/$version
    LC_ALL=C mkdir -pv "$inputs" >"$work/folders" # it says which it made, and uninstall reads that
    [ -f "$home/.folders" ] || cp "$work/folders" "$home/.folders"
    exec 9>"$home/inputs/.lock"
    flock 9 # another one goes first
    step "fetching the toolkit of version $version"
    fetch_files
    rm -rf "$inputs/toolkit"
    mkdir "$inputs/toolkit"
    tar -xf "$inputs/toolkit.tar" -C "$inputs/toolkit"
    step "making its environment"
    made=$(python3 "$inputs/toolkit/roles/python_env/files/make_environment.py" --under "$home/toolkits" \
        --wheels "$inputs" --lock "$inputs/requirements-installer.txt" \
        --package "$(echo "$inputs"/diarize_runner-*.whl)" 2>"$work/made") || { cat "$work/made" >&2 && exit 1; }
    toolkit=$(printf '%s' "$made" | python3 -c 'import json, sys; print(json.load(sys.stdin)["folder"])')
    step "provisioning"
    write_variables >"$work/box.json"
    cd "$inputs/toolkit/playbooks"
    "$toolkit/bin/ansible-playbook" provision.yml --extra-vars "@$work/box.json"
}

# Print what the playbook is told, as JSON.
write_variables() {
    python3 - "$store" "$asked" "$prefix" "$device" "$public_key" "$inputs" <<'END'
import json, sys
told = dict(zip(("store", "version", "prefix", "device", "public_key"), sys.argv[1:]), packages="store", become=False)
print(json.dumps({**{f"diarize_runner_{name}": value for name, value in told.items()}, "toolkit_in_place": sys.argv[6]}))
END
}

# What a run has put here that was killed before it began to provision is all its own.
uninstall() {
    [ -f "$home/receipt.json" ] || [ -f "$home/.folders" ] ||
        fail 1 "$home/receipt.json is not there" "nothing was put under ${prefix:-/}"
    cp "$home/.folders" "$work/folders" 2>/dev/null || : >"$work/folders" # a controller made it: its receipt has them
    [ ! -f "$home/receipt.json" ] || reset
    rm -rf "$home/inputs" "$home/toolkits" "$home/.folders"
    sed -n "s/^mkdir: created directory '\(.*\)'$/\1/p" "$work/folders" | sort -r | while read -r folder; do
        rmdir "$folder" 2>/dev/null || : # somebody else uses it by now
    done
}

# From a copy of the toolkit, which is among what goes.
reset() {
    set -- "$home"/toolkits/*/bin/ansible-playbook
    [ -x "$1" ] || fail 1 "$home/toolkits holds no toolkit" "run playbooks/reset.yml from another machine"
    cp -a "${1%/bin/*}" "$work/toolkit"
    set -- "$home"/inputs/*/toolkit
    cp -a "$1" "$work/plays"
    cd "$work/plays/playbooks"
    "$work/toolkit/bin/python" -m ansible playbook reset.yml \
        --extra-vars "{\"diarize_runner_prefix\": \"$prefix\", \"diarize_runner_become\": false}"
}

main() {
    set -eu
    umask 022
    unset HF_TOKEN HUGGING_FACE_HUB_TOKEN # no box asks the Hub
    parse "$@"
    preflight
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if [ "$action" = uninstall ]; then
        uninstall
        return
    fi
    find_version
    if [ "$action" = plan ]; then say_plan; else provision; fi
}

{ main "$@"; exit $?; }
