#!/bin/sh
# Stand up this machine from a store that carries its packages, with nothing but python3 and curl:
#
#   curl -fsSL --proto =https https://host/models/latest/bootstrap.sh | bash -s -- --store https://host/models
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
  --device DEVICE    what to check the box on (default: auto)
  --plan             say what would be done, and do nothing
  --uninstall        remove what was put there, and nothing else

Proxies and certificates are taken from HTTPS_PROXY, NO_PROXY, CURL_CA_BUNDLE and REQUESTS_CA_BUNDLE, passwords from
~/.netrc. Nothing is imported or run from the working folder, and PYTHON*, PIP_* and UV_* variables have no effect.
A store that sends less than 4 kB a second for a minute is given up; run again, and what has arrived is kept.
Exit codes: 0 done, 1 failed, 2 bad usage, 3 something is not what the manifest says.
END
}

# A file larger than it may be fills the disk of the machine that waits for its end.
pointer_bytes=65536 manifest_bytes=16777216 signature_bytes=4096 file_bytes=1073741824
slowest=4000 patience=60 # bytes per second, averaged over so many seconds

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

# Let the caller's surroundings choose nothing that is run or installed: programs come from folders with absolute names
# in which not everybody may plant one, and no variable reaches Python, pip, uv or tar. `command -p` ignores PATH. In a
# temporary folder without the sticky bit, anybody may put a file in place of ours.
isolate() {
    PATH=$(trusted_path)
    case ${TMPDIR:-/tmp} in /*) ;; *) TMPDIR=/tmp ;; esac
    [ -z "$(command -p find -H "${TMPDIR:-/tmp}" -maxdepth 0 -perm -0002 ! -perm -1000)" ] || TMPDIR=/tmp
    for name in $(command -p env | command -p sed -nE 's/^((PYTHON|PIP_|UV_)[A-Za-z0-9_]*|TAR_OPTIONS|HF_TOKEN|HUGGING_FACE_HUB_TOKEN)=.*/\1/p'); do
        unset "$name"
    done
}

# Print the folders of PATH that are absolute and not everybody's to write in.
trusted_path() (
    IFS=: trusted=''
    set -f
    for folder in ${PATH-}; do
        case $folder in /*) ;; *) continue ;; esac
        [ -z "$(command -p find -H "$folder" -maxdepth 0 -perm -0002 2>/dev/null)" ] || continue
        trusted=$trusted${trusted:+:}$folder
    done
    printf '%s' "$trusted"
)

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
    has prlimit "install util-linux"
    python3 -I -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' ||
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

# fetch KEY FILE BYTES: FILE is there afterwards, whole and no larger than BYTES, or the run ends.
fetch() {
    case $store in
        s3://*) said=$(capped "$3" timeout --foreground "$(seconds_for "$3")" aws s3 cp --quiet "$store/$1" "$2" 2>&1) ;;
        *) said=$(curl_to "$2" "$3" "$store/$1" 2>&1) ;;
    esac || give_up $? "$@"
}

# curl_to FILE BYTES ADDRESS [OPTION...]: where the store is on https, a redirect may not lead away from it.
curl_to() {
    file=$1 most=$2
    shift 2
    seconds=$(seconds_for "$most")
    case $store in https:*) schemes=https ;; http:*) schemes=http,https ;; *) schemes="file" ;; esac
    capped "$most" curl --disable --fail --silent --show-error --location --globoff --netrc-optional \
        --proto "=$schemes" --proto-redir "=$schemes" --max-filesize "$most" --max-time "$seconds" \
        --speed-limit "$slowest" --speed-time "$patience" --retry 5 --retry-connrefused --retry-max-time $((5 * seconds)) \
        --output "$file" "$@"
}

# capped BYTES COMMAND...: no file that COMMAND writes grows beyond BYTES, whatever the other side says of its length.
# curl before 8.4 holds --max-filesize only against a length that it is given:
# https://curl.se/docs/manpage.html#--max-filesize
capped() (
    trap '' XFSZ # so that the write fails; by default, the signal kills
    bytes=$1
    shift
    exec prlimit --fsize="$bytes" "$@"
)

seconds_for() { echo $((patience + $1 / slowest)); }

# give_up STATUS KEY FILE BYTES: end the run, by what curl's STATUS says. 63: too large; 23: it cannot be written.
give_up() {
    if [ "$1" = 63 ] || { [ "$1" = 23 ] && [ "$(size_of "$3")" -ge "$4" ]; }; then
        rm -f "$3"
        fail 3 "$store/$2 holds more than the $4 bytes that it may" "is that the address of a store? publish it anew"
    fi
    [ -z "$said" ] || printf '%s\n' "$said" >&2
    fail 1 "$store/$2 cannot be fetched" "check the address, the version and the network, then run again"
}

size_of() { wc -c <"$1" 2>/dev/null || echo 0; }

# fetch_pinned KEY FILE DIGEST BYTES: FILE is whole and right afterwards, or the run ends.
fetch_pinned() {
    ! is_right "$2" "$3" || return 0
    [ "$4" -ge 0 ] && [ "$4" -le "$file_bytes" ] ||
        fail 3 "$store/$1 is said to hold $4 bytes" "no file of a toolkit is larger than $file_bytes: publish it anew"
    go_on "$1" "$2.part" "$3" "$4" || fetch "$1" "$2.part" "$4"
    is_right "$2.part" "$3" || { rm "$2.part" && fail 3 "$store/$1 is not what the manifest says" "publish it anew"; }
    mv "$2.part" "$2"
}

# go_on KEY FILE DIGEST BYTES: fetch the rest of what a killed run has begun; false where FILE is not right then.
go_on() {
    [ -f "$2" ] || return 1
    ! is_right "$2" "$3" || return 0
    case $store in
        http*) curl_to "$2" "$4" "$store/$1" --continue-at - >/dev/null 2>&1 && is_right "$2" "$3" ;;
        *) return 1 ;;
    esac
}

is_right() { [ -f "$1" ] && [ "$(digest_of "$1")" = "$2" ]; }

digest_of() { sha256sum <"$1" | cut -d ' ' -f 1; }

# Leave the manifest of the version in $work, as far as it can be believed before what it pins is there.
find_version() {
    version=$asked wanted=''
    if [ "$asked" = latest ]; then
        fetch latest/manifest.json "$work/pointer.json" "$pointer_bytes"
        read_pointer >"$work/pointer" ||
            fail 3 "$store/latest/manifest.json is no pointer" "is that the address of a store?"
        read -r version wanted serial seen <"$work/pointer"
        require_next
        [ -z "$public_key" ] || require_signed "$work/pointer.signed" "$work/pointer.sig" latest
    fi
    fetch "v$version/manifest.json" "$work/manifest.json" "$manifest_bytes"
    [ -z "$wanted" ] || is_right "$work/manifest.json" "$wanted" ||
        fail 3 "$store/v$version/manifest.json is not the manifest that latest names" "publish it anew"
    if [ -n "$public_key" ]; then
        fetch "v$version/manifest.json.sig" "$work/manifest.json.sig" "$signature_bytes"
        require_signed "$work/manifest.json" "$work/manifest.json.sig" "version $version"
    fi
    read_manifest >"$work/files" || fail 3 "$store/v$version/manifest.json names no toolkit of this release" \
        "build it with: --with-wheels --toolkit; a version of release 0.1.0 has its own: $store/v$version/bootstrap.sh"
}

# Print the version that the pointer names, the digest of its manifest, its serial, and the serial that this box has
# followed; leave what the pointer's signature is of, and the signature.
read_pointer() {
    python3 -I - "$work/pointer.json" "$prefix/var/lib/diarize-runner/cache/serial" <<'END'
import json, os, re, sys
path, followed = sys.argv[1:]
pointer = json.load(open(path, encoding="utf-8"))
version, digest, serial = pointer["version"], pointer["manifest"]["digest"], pointer["serial"]
assert re.fullmatch(r"[0-9][0-9a-z.-]*", version) and re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
assert type(serial) is int and 0 < serial < 1 << 53
signature = bytes.fromhex(pointer.pop("signature", ""))
signed = json.dumps(pointer, indent=2, ensure_ascii=False) + "\n"
for end, data in ((".signed", signed.encode()), (".sig", signature)):
    open(path[: -len(".json")] + end, "wb").write(data)
print(version, digest[7:], serial, int(open(followed).read()) if os.path.exists(followed) else 0)
END
}

# An old pointer brings old code back; one that has come further than any owner can would lock the owner out.
require_next() {
    [ "$serial" -ge "$seen" ] && [ "$serial" -le $((seen + 1000000)) ] ||
        fail 3 "$store: latest has serial $serial, and this box has followed $seen" \
            "ask who publishes; to install it all the same, name it: --version $version"
}

# Print a line, KEY NAME DIGEST SIZE, for each file that may be needed with this Python.
read_manifest() {
    python3 -I - "$work/manifest.json" "$version" <<'END'
import json, re, sys
manifest, version = json.load(open(sys.argv[1], encoding="utf-8")), sys.argv[2]
assert manifest["version"] == version
assert manifest["format"] == "diarize-runner/manifest/2"
house, boot = manifest["sections"]["wheels"], manifest["sections"]["bootstrap"]
own = [house["installer"], manifest["requirements"], boot["toolkit"]]
here = re.compile(r"-(py3|py2\.py3|cp{}{}|cp3\d+-abi3)-".format(*sys.version_info))
wheels = [wheel for wheel in house["files"] if here.search(wheel["name"])]
keys = {id(wheel): f"wheels/sha256/{wheel['digest'][7:]}/{wheel['name']}" for wheel in wheels}
for file in own + wheels:
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+!-]*", file["name"])
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", file["digest"])
    print(keys.get(id(file), f"v{version}/{file['name']}"), file["name"], file["digest"][7:], int(file["size"]))
END
}

# require_signed FILE SIGNATURE NAME: the key signed the file, or the run ends.
require_signed() {
    openssl pkeyutl -verify -rawin -pubin -inkey "$public_key" -in "$1" -sigfile "$2" >/dev/null 2>&1 ||
        fail 3 "$3 is not signed by the key in $public_key" "ask who publishes for their key"
}

# Of the wheels, those that the installer's lock pins and the toolkit's own: some 50 MB. Ansible fetches the others.
fetch_files() {
    while read -r key name digest size; do
        case $name in
            diarize_runner-*) ;;
            *.whl) grep -q "sha256:$digest" "$inputs/requirements-installer.txt" || continue ;;
        esac
        fetch_pinned "$key" "$inputs/$name" "$digest" "$size"
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

# Make $home, and add the folders that were missing to the list in it, by which uninstall takes them away.
make_home() {
    missing='' folder=$home
    until [ -d "$folder/" ]; do
        missing="$missing$folder
"
        folder=${folder%/*}
    done
    mkdir -p "$home/inputs" && printf '%s' "$missing" >>"$home/.folders"
}

await_turn() {
    for _ in 1 2 3 4 5; do
        ! { make_home && take_turn; } || return 0
    done
    fail 1 "$home cannot be had alone" "run again where others install there; on NFS mounted with nolock, give a --prefix on a local disk"
}

# Wait until no other run is at work; false where that took everything away, and with it the lock that was waited for.
# `command`, because an exec that fails ends the shell otherwise.
take_turn() {
    command exec 9>"$home/inputs/.lock" && flock 9 &&
        [ "$(stat -Lc %d:%i /proc/self/fd/9)" = "$(stat -c %d:%i "$home/inputs/.lock" 2>/dev/null)" ]
}

provision() {
    inputs=$home/inputs/$version
    await_turn
    step "fetching the toolkit of version $version"
    mkdir -p "$inputs"
    fetch_files
    rm -rf "$inputs/toolkit"
    mkdir "$inputs/toolkit"
    tar -xf "$inputs/toolkit.tar" -C "$inputs/toolkit"
    step "making its environment"
    made=$(python3 -I "$inputs/toolkit/roles/python_env/files/make_environment.py" --under "$home/toolkits" \
        --wheels "$inputs" --lock "$inputs/requirements-installer.txt" \
        --package "$(echo "$inputs"/diarize_runner-*.whl)" 2>"$work/made") || { cat "$work/made" >&2 && exit 1; }
    toolkit=$(printf '%s' "$made" | python3 -I -c 'import json, sys; print(json.load(sys.stdin)["folder"])')
    step "provisioning"
    write_variables >"$work/box.json"
    cd "$inputs/toolkit/playbooks"
    "$toolkit/bin/ansible-playbook" provision.yml --extra-vars "@$work/box.json"
}

# Print what the playbook is told, as JSON.
write_variables() {
    python3 -I - "$store" "$asked" "$prefix" "$device" "$public_key" "$inputs" <<'END'
import json, sys
told = dict(zip(("store", "version", "prefix", "device", "public_key"), sys.argv[1:]), packages="store", become=False)
print(json.dumps({**{f"diarize_runner_{name}": value for name, value in told.items()}, "toolkit_in_place": sys.argv[6]}))
END
}

# What a run has put here that was killed before it began to provision is all its own.
uninstall() {
    [ -f "$home/receipt.json" ] || [ -f "$home/.folders" ] || [ -d "$home/inputs" ] ||
        fail 1 "$home/receipt.json is not there" "nothing was put under ${prefix:-/}"
    [ ! -d "$home/inputs" ] || take_turn || : # where another run took all away, the rest finds nothing
    [ ! -f "$home/receipt.json" ] || reset
    rm -rf "$home/inputs" "$home/toolkits"
    remove_folders
}

# Remove the folders that were made, innermost first, and the list of them: in one process, so that a kill seldom parts
# them. A controller leaves no list: its receipt has them. Earlier versions kept what `mkdir -v` said.
remove_folders() {
    python3 -I - "$home/.folders" <<'END'
import os, pathlib, re, sys
listed = pathlib.Path(sys.argv[1])
lines = os.fsdecode(listed.read_bytes()).split("\n") if listed.exists() else []
listed.unlink(missing_ok=True)
made = {re.sub(r"^mkdir: created directory '(.*)'$", r"\1", line) for line in lines if line}
for folder in sorted(made, reverse=True):
    try:
        os.rmdir(folder)
    except OSError:
        pass  # somebody else uses it by now
END
}

# From a copy of the toolkit, which is among what goes.
reset() {
    toolkit='' plays=''
    for made in "$home"/toolkits/*/.complete; do [ ! -f "$made" ] || toolkit=${made%/*}; done
    for packed in "$home"/inputs/*/toolkit.tar; do [ ! -f "$packed" ] || plays=$packed; done
    [ -n "$toolkit" ] && [ -n "$plays" ] ||
        fail 1 "$home holds no whole toolkit" "run bootstrap.sh first, or playbooks/reset.yml from another machine"
    cp -a "$toolkit" "$work/toolkit"
    mkdir "$work/plays"
    tar -xf "$plays" -C "$work/plays"
    cd "$work/plays/playbooks"
    "$work/toolkit/bin/python" -I -m ansible playbook reset.yml \
        --extra-vars "{\"diarize_runner_prefix\": \"$prefix\", \"diarize_runner_become\": false}"
}

main() {
    set -eu
    umask 022
    isolate
    parse "$@"
    preflight
    work=$(mktemp -d "${TMPDIR:-/tmp}/diarize-runner.XXXXXXXXXX")
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
