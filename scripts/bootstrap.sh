#!/bin/sh
# Set up this machine as a box, from a store that contains packages. Needs only python3 and curl:
#
#   curl -fsSL --proto =https https://host/models/latest/bootstrap.sh | bash -s -- --store https://host/models
#
# The script fetches the files that the store's manifest pins, verifies each one, creates a small environment with
# Ansible, and runs playbooks/provision.yml on this machine. If interrupted, run it again: it resumes.
#
# Any POSIX shell can run it. A truncated download runs nothing, because the last line calls main.

usage() {
    cat <<'END'
usage: bootstrap.sh --store STORE [--version V] [--public-key FILE] [--prefix DIR] [--device auto|cuda|cpu] [--transcribe] [--plan]
       bootstrap.sh --uninstall [--prefix DIR]

  --store STORE      https://host/prefix, s3://bucket/prefix (needs the aws command) or file:///folder
  --version V        a published version (default: latest)
  --public-key FILE  accept only versions that this key signed (needs openssl 3)
  --prefix DIR       install under DIR, without root (default: /opt/diarize-runner, /var/lib/diarize-runner)
  --device DEVICE    the device of the sample check (default: auto)
  --transcribe       transcribe recordings without a transcript; the version must hold a transcription model
  --plan             print what would be done, and change nothing
  --uninstall        remove only what bootstrap.sh installed

HTTPS_PROXY, NO_PROXY, CURL_CA_BUNDLE and REQUESTS_CA_BUNDLE set proxies and certificates; ~/.netrc holds passwords.
Nothing is imported or run from the working folder, and PYTHON*, PIP_* and UV_* variables have no effect.
If a store sends less than 4 kB/s for a minute, the run fails; the next run keeps what has arrived.
Exit codes: 0 success, 1 failure, 2 invalid usage, 3 a file does not match the manifest.
END
}

# Size limits, because an endless download would fill the disk.
pointer_bytes=65536 manifest_bytes=16777216 signature_bytes=4096 file_bytes=1073741824
min_rate=4000 rate_window=60 # bytes per second, averaged over this many seconds

# fail CODE PROBLEM HINT
fail() {
    printf 'error: %s\nhint: %s\n' "$2" "$3" >&2
    exit "$1"
}

print_step() { printf '== %s\n' "$*" >&2; }

parse() {
    store='' requested=latest public_key='' prefix='' device=auto transcribe='' action=provision
    while [ $# -gt 0 ]; do
        case $1 in
            --plan) action=plan ;;
            --transcribe) transcribe=yes ;;
            --uninstall) action=uninstall ;;
            -h | --help) usage && exit 0 ;;
            --store | --version | --public-key | --prefix | --device)
                [ $# -gt 1 ] || fail 2 "$1 needs a value" "run bootstrap.sh --help"
                set_option "$1" "$2"
                shift
                ;;
            *) fail 2 "unknown option $1" "run bootstrap.sh --help" ;;
        esac
        shift
    done
    home=$prefix/opt/diarize-runner
    case $public_key in '' | /*) ;; *) public_key=$PWD/$public_key ;; esac # the playbook runs in another folder
}

set_option() {
    case $1 in
        --store) store=${2%/} ;;
        --version) requested=$2 ;;
        --public-key) public_key=$2 ;;
        --prefix) prefix=${2%/} ;;
        --device) device=$2 ;;
    esac
}

# same_command SHELL [OPTION...]: print the command that runs this script from the store, with the same options and more.
same_command() {
    shell=$1
    shift
    case $store in
        '') printf '%s bootstrap.sh' "$shell" ;;
        s3://*) printf 'aws s3 cp %s - | %s -s --' "$(quote "$store/latest/bootstrap.sh")" "$shell" ;;
        *) printf 'curl -fsSL %s | %s -s --' "$(quote "$store/latest/bootstrap.sh")" "$shell" ;;
    esac
    print_option --store "$store" ''
    print_option --version "$requested" latest
    print_option --public-key "$public_key" ''
    print_option --prefix "$prefix" ''
    print_option --device "$device" auto
    [ -z "$transcribe" ] || printf ' --transcribe'
    [ $# = 0 ] || printf ' %s' "$@"
}

# print_option NAME VALUE DEFAULT: print the option unless it has its default.
print_option() { [ "$2" = "$3" ] || printf ' %s' "$1" "$(quote "$2")"; }

# Print a word as it can be typed in a shell.
quote() {
    case $1 in
        *[!A-Za-z0-9_./:=@%+,-]*) printf '%s' "$1" | sed "s/'/'\\\\''/g; 1s/^/'/; \$s/\$/'/" ;;
        *) printf '%s' "$1" ;;
    esac
}

# Prevent the caller's environment from choosing what runs or is installed: use only absolute folders of PATH that are
# not world-writable, and unset variables of Python, pip, uv and tar. `command -p` ignores PATH. In a world-writable
# temporary folder without the sticky bit, any user can replace our files.
isolate() {
    PATH=$(trusted_path)
    export LC_ALL=C.UTF-8 # ssh forwards the caller's locale, and Ansible fails with one that this machine does not have
    case ${TMPDIR:-/tmp} in /*) ;; *) TMPDIR=/tmp ;; esac
    [ -z "$(command -p find -H "${TMPDIR:-/tmp}" -maxdepth 0 -perm -0002 ! -perm -1000)" ] || TMPDIR=/tmp
    for name in $(command -p env | command -p sed -nE 's/^((PYTHON|PIP_|UV_)[A-Za-z0-9_]*|TAR_OPTIONS|HF_TOKEN|HUGGING_FACE_HUB_TOKEN)=.*/\1/p'); do
        unset "$name"
    done
}

# Print the folders of PATH that are absolute and not world-writable.
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
        *) fail 2 "--prefix $prefix is not an absolute path" "give a path that begins with /" ;;
    esac
    case $prefix in # Ansible replaces $NAME and {{; scripts of Python environments cannot contain the others
        *[\$\"\\\`:\{]* | *"
"*) fail 2 "--prefix contains a character of \$ \" \\ \` : { or a line end" "give another path" ;;
    esac
    case $device in
        auto | cuda | cpu) ;;
        *) fail 2 "unknown device $device" "give --device auto, cuda or cpu" ;;
    esac
    [ "$(uname -sm)" = "Linux x86_64" ] || fail 1 "this machine is $(uname -sm)" "use Linux on x86-64"
    require_command python3 "install Python 3.10 to 3.13"
    require_command prlimit "install util-linux"
    python3 -I -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' ||
        fail 1 "$(python3 --version) is not supported" "install Python 3.10 to 3.13"
    [ "$action" = plan ] || [ -n "$prefix" ] || [ "$(id -u)" = 0 ] || fail_root
    [ "$action" = uninstall ] || preflight_store
}

fail_root() {
    case $action in uninstall) set -- --uninstall ;; *) set -- ;; esac
    fail 1 "only root may write to /opt and /var/lib" "run: $(same_command 'sudo bash' "$@"); or add --prefix DIR"
}

preflight_store() {
    host=${store#*://} host=${host%%/*}
    case $host in
        *@*) fail 2 "the store address contains a user or a password" "keep them in ~/.netrc: other users can read a command line" ;;
    esac
    case $store in
        https://* | http://* | file:///*) require_command curl "install curl" ;;
        s3://*) require_command aws "install the AWS command line, or name the bucket by its https:// address" ;;
        *) fail 2 "'$store' is not a store address" "--store https://host/prefix, s3://bucket/prefix, file:///folder" ;;
    esac
    [ -z "$public_key" ] || require_command openssl "install openssl 3, to check signatures with"
    [ -z "$public_key" ] || [ -f "$public_key" ] || fail 2 "$public_key does not exist" "give --public-key FILE"
    [ -z "$public_key" ] || preflight_key
}

# The playbook makes the file world-readable, and openssl reads only the first of two keys.
preflight_key() {
    ! grep -q 'PRIVATE KEY' "$public_key" ||
        fail 2 "$public_key holds a private key" "give NAME.pub of the pair; NAME.key stays on the build host"
    [ "$(grep -c 'BEGIN PUBLIC KEY' "$public_key")" -le 1 ] ||
        fail 2 "$public_key holds more than one key" "give a file with the one key that signs"
}

require_command() { command -v "$1" >/dev/null || fail 1 "$1 is not installed" "$2"; }

# fetch KEY FILE BYTES: download KEY to FILE, at most BYTES, or exit.
fetch() {
    case $store in
        s3://*)
            output=$(limit_file_size "$3" timeout --foreground "$(seconds_for "$3")" \
                aws s3 cp --quiet "$store/$1" "$2" 2>&1)
            ;;
        *) output=$(curl_to "$2" "$3" "$store/$1" 2>&1) ;;
    esac || fail_fetch $? "$@"
}

# curl_to FILE BYTES ADDRESS [OPTION...]: download with curl. A redirect from https to http is refused.
curl_to() {
    file=$1 max_bytes=$2
    shift 2
    seconds=$(seconds_for "$max_bytes")
    case $store in https:*) schemes=https ;; http:*) schemes=http,https ;; *) schemes="file" ;; esac
    limit_file_size "$max_bytes" curl --disable --fail --silent --show-error --location --globoff --netrc-optional \
        --proto "=$schemes" --proto-redir "=$schemes" --max-filesize "$max_bytes" --max-time "$seconds" \
        --speed-limit "$min_rate" --speed-time "$rate_window" --retry 5 --retry-connrefused --retry-max-time $((5 * seconds)) \
        --output "$file" "$@"
}

# limit_file_size BYTES COMMAND...: run COMMAND, whose files cannot grow beyond BYTES, even if the server sends a false
# length. Before 8.4, curl's --max-filesize only checks the length that the server announces:
# https://curl.se/docs/manpage.html#--max-filesize
limit_file_size() (
    trap '' XFSZ # so that the write fails; by default, the signal kills the command
    bytes=$1
    shift
    exec prlimit --fsize="$bytes" "$@"
)

seconds_for() { echo $((rate_window + $1 / min_rate)); }

# fail_fetch STATUS KEY FILE BYTES: exit according to curl's STATUS. 63: too large; 23: write error.
fail_fetch() {
    if [ "$1" = 63 ] || { [ "$1" = 23 ] && [ "$(size_of "$3")" -ge "$4" ]; }; then
        rm -f "$3"
        fail 3 "$store/$2 is larger than $4 bytes" "check the store address; if it is right, publish the version again"
    fi
    output=$(printf '%s\n' "$output" | mask_secrets)
    [ -z "$output" ] || printf '%s\n' "$output" >&2
    hint="check the address, the version and the network, then run again: $(same_command bash)"
    case $store in s3://*) hint=$(hint_for_aws "$hint") ;; esac
    fail 1 "$store/$2 cannot be fetched" "$hint"
}

# Mask the keys, signatures and passwords in what curl or the aws command printed.
mask_secrets() {
    sed -E -e 's/(AKIA|ASIA)[A-Z0-9]{12,}/***/g' -e 's#(://)[^/@ ]*@#\1***@#g' -e 's#(://[^? ]*)\?[^ ]*#\1?***#g' \
        -e 's/((Credential|Signature|Security-Token|SecretAccessKey|SessionToken)[=:] *)[^ ,;&]+/\1***/g'
}

# hint_for_aws DEFAULT: print what to do about the error in $output. Its code alone misleads: AccessDenied of GetObject may
# be a denial of kms:Decrypt. diarize_runner/store/aws_denials.py does the same for boto3.
hint_for_aws() {
    action=$(printf '%s\n' "$output" | sed -nE 's/.*not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+).*/\1/p' | head -n 1)
    case $output in
        *'service control policy'* | *'resource control policy'*)
            echo "ask the administrator of the AWS organization to allow ${action:-s3:GetObject}"
            ;;
        *'permissions boundary'*) echo "allow ${action:-s3:GetObject} in the permissions boundary of the role" ;;
        *'session policy'*) echo "allow ${action:-s3:GetObject} in the session policy of the assumed role" ;;
        *'VPC endpoint policy'*) echo "allow ${action:-s3:GetObject} in the policy of the VPC endpoint" ;;
        *'perform: kms:'* | *'customer master key'*)
            echo "allow ${action:-kms:Decrypt} in the role's policy and in the policy of the KMS key"
            ;;
        *'(KMS.'*) echo "check the key of the bucket's encryption: aws s3api get-bucket-encryption --bucket ..." ;;
        *'explicit deny'*) echo "remove the deny of ${action:-s3:GetObject} from the policy that the message names" ;;
        *InvalidIdentityToken* | *IDP*Claim* | *'ExpiredTokenException'*WebIdentity* | *'No such file'*token*)
            echo "check AWS_WEB_IDENTITY_TOKEN_FILE, and the OIDC provider of the role's account"
            ;;
        *'perform: sts:'* | *'perform sts:'* | *AssumeRole*)
            echo "check AWS_ROLE_ARN, and name this identity in the trust policy of the role"
            ;;
        *checksum-mode*) echo "set AWS_RESPONSE_CHECKSUM_VALIDATION=when_required" ;;
        *x-amz-*checksum* | *content-sha256* | *ContentSHA256* | *aws-chunked* | *MissingContentLength*)
            echo "set AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
            ;;
        *ExpiredToken* | *RequestExpired*) echo "sign in again, for example: aws sso login" ;;
        *'locate credentials'* | *InvalidAccessKeyId* | *SignatureDoesNotMatch*)
            echo "check AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws or the machine's role"
            ;;
        *'not authorized to perform'*) echo "allow ${action:-s3:GetObject} in the policy of these credentials" ;;
        *AccessDenied* | *'(403)'*) echo "grant s3:ListBucket and s3:GetObject to these credentials, or check the version" ;;
        *'Could not connect'*) echo "check the network, AWS_DEFAULT_REGION and AWS_ENDPOINT_URL" ;;
        *) echo "$1" ;;
    esac
}

size_of() { wc -c <"$1" 2>/dev/null || echo 0; }

# fetch_pinned KEY FILE DIGEST BYTES: download KEY to FILE and verify its digest, or exit.
fetch_pinned() {
    ! has_digest "$2" "$3" || return 0
    [ "$4" -ge 0 ] && [ "$4" -le "$file_bytes" ] ||
        fail 3 "the manifest gives $store/$1 a size of $4 bytes" "publish the version again; the limit is $file_bytes bytes"
    resume "$1" "$2.part" "$3" "$4" || fetch "$1" "$2.part" "$4"
    has_digest "$2.part" "$3" ||
        { rm "$2.part" && fail 3 "$store/$1 does not match the manifest" "publish the version again"; }
    mv "$2.part" "$2"
}

# resume KEY FILE DIGEST BYTES: continue the download of a killed run; false if FILE does not have DIGEST afterwards.
resume() {
    [ -f "$2" ] || return 1
    ! has_digest "$2" "$3" || return 0
    case $store in
        http*) curl_to "$2" "$4" "$store/$1" --continue-at - >/dev/null 2>&1 && has_digest "$2" "$3" ;;
        *) return 1 ;;
    esac
}

has_digest() { [ -f "$1" ] && [ "$(digest_of "$1")" = "$2" ]; }

digest_of() { sha256sum <"$1" | cut -d ' ' -f 1; }

# Download and verify the version's manifest to $work.
find_version() {
    version=$requested manifest_digest=''
    if [ "$requested" = latest ]; then
        fetch latest/manifest.json "$work/pointer.json" "$pointer_bytes"
        read_pointer >"$work/pointer" 2>"$work/log" ||
            fail 3 "$store/latest/manifest.json is not a valid pointer" "check the store address"
        read -r version manifest_digest serial followed <"$work/pointer"
        require_serial
        [ -z "$public_key" ] || require_signed "$work/pointer.signed" "$work/pointer.sig" latest
    fi
    fetch "v$version/manifest.json" "$work/manifest.json" "$manifest_bytes"
    [ -z "$manifest_digest" ] || has_digest "$work/manifest.json" "$manifest_digest" ||
        fail 3 "$store/v$version/manifest.json is not the manifest that latest names" "publish the version again"
    if [ -n "$public_key" ]; then
        fetch "v$version/manifest.json.sig" "$work/manifest.json.sig" "$signature_bytes"
        require_signed "$work/manifest.json" "$work/manifest.json.sig" "version $version"
    fi
    read_manifest >"$work/files" 2>"$work/log" || fail 3 "$store/v$version/manifest.json names no toolkit of this release" \
        "build the version with --with-wheels --toolkit; for a version of release 0.1.0, run $store/v$version/bootstrap.sh"
}

# Print the pointer's version, the digest of its manifest, its serial, and the serial that this box last followed. Write
# the signed bytes of the pointer and its signature to $work.
read_pointer() {
    python3 -I - "$work/pointer.json" "$prefix/var/lib/diarize-runner/cache/serial" <<'END'
import json, os, re, sys
path, serial_path = sys.argv[1:]
pointer = json.load(open(path, encoding="utf-8"))
version, digest, serial = pointer["version"], pointer["manifest"]["digest"], pointer["serial"]
assert re.fullmatch(r"[0-9][0-9a-z.-]*", version) and re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
assert type(serial) is int and 0 < serial < 1 << 53
signature = bytes.fromhex(pointer.pop("signature", ""))
signed = json.dumps(pointer, indent=2, ensure_ascii=False) + "\n"
for end, data in ((".signed", signed.encode()), (".sig", signature)):
    open(path[: -len(".json")] + end, "wb").write(data)
print(version, digest[7:], serial, int(open(serial_path).read()) if os.path.exists(serial_path) else 0)
END
}

# An old serial would bring back old code. A serial that jumps too far would lock the store's owner out.
require_serial() {
    [ "$serial" -ge "$followed" ] && [ "$serial" -le $((followed + 1000000)) ] ||
        fail 3 "$store: latest has serial $serial, but this box last followed $followed" \
            "ask the store's owner; to install it anyway, run: $(same_command bash --version "$version")"
}

# Print one line, KEY NAME DIGEST SIZE, for each file that this Python may need.
read_manifest() {
    python3 -I - "$work/manifest.json" "$version" <<'END'
import json, re, sys
manifest, version = json.load(open(sys.argv[1], encoding="utf-8")), sys.argv[2]
assert manifest["version"] == version
assert manifest["format"] == "diarize-runner/manifest/2"
wheelhouse, bootstrap = manifest["sections"]["wheels"], manifest["sections"]["bootstrap"]
files = [wheelhouse["installer"], manifest["requirements"], bootstrap["toolkit"]]
compatible = re.compile(r"-(py3|py2\.py3|cp{}{}|cp3\d+-abi3)-".format(*sys.version_info))
wheels = [wheel for wheel in wheelhouse["files"] if compatible.search(wheel["name"])]
keys = {id(wheel): f"wheels/sha256/{wheel['digest'][7:]}/{wheel['name']}" for wheel in wheels}
for file in files + wheels:
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+!-]*", file["name"])
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", file["digest"])
    print(keys.get(id(file), f"v{version}/{file['name']}"), file["name"], file["digest"][7:], int(file["size"]))
END
}

# require_signed FILE SIGNATURE NAME: verify that the key signed FILE, or exit.
require_signed() {
    openssl pkeyutl -verify -rawin -pubin -inkey "$public_key" -in "$1" -sigfile "$2" >/dev/null 2>&1 ||
        fail 3 "$3 is not signed with the key in $public_key" "ask the store's owner for the public key"
}

# Fetch the toolkit's wheel and those that the installer's lock pins, about 50 MB. Ansible fetches the others.
fetch_files() {
    grep ' requirements-installer\.txt ' "$work/files" >"$work/lock"
    fetch_listed "$work/lock"
    list_needed >"$work/needed"
    list_missing >"$work/missing"
    fetch_listed "$work/missing"
}

# fetch_listed FILE: fetch the files of a list with lines of KEY NAME DIGEST SIZE.
fetch_listed() {
    while read -r key name digest size; do
        fetch_pinned "$key" "$inputs/$name" "$digest" "$size"
    done <"$1"
}

# Print the lines of all files except wheels that the installer's lock does not pin.
list_needed() {
    awk 'FILENAME == ARGV[1] {
             for (rest = $0; match(rest, /sha256:[0-9a-f]+/); rest = substr(rest, RSTART + RLENGTH))
                 pinned[substr(rest, RSTART + 7, RLENGTH - 7)]
             next
         }
         $2 !~ /\.whl$/ || $2 ~ /^diarize_runner-/ || $3 in pinned' "$inputs/requirements-installer.txt" "$work/files"
}

# Print the needed lines whose file is missing or has another digest. One process reads all files.
list_missing() {
    (cd "$inputs" && awk '{ print $3 "  " $2 }' "$work/needed" | sha256sum -c 2>/dev/null) >"$work/verified" || :
    awk 'FILENAME == ARGV[1] { if ($2 == "OK") verified[$1]; next }
         !(($2 ":") in verified)' "$work/verified" "$work/needed"
}

print_plan() {
    bytes=$(awk '{ sum += $4 } END { printf "%.0f", sum / 1000000 }' "$work/files")
    cat <<END
version $version of $store
  into   $home and $prefix/var/lib/diarize-runner
  fetch  $bytes MB of packages, and the models, only from this store
  run    playbooks/provision.yml; $home/receipt.json lists what it creates
  undo   $(same_command bash --uninstall)
END
}

# Say where things are, and what to do next. Without a prefix, the models are at the command's default.
print_next_steps() {
    command=$(quote "$home/current/bin/diarize-runner") folder=$prefix/var/lib/diarize-runner
    cache=$(print_option --cache "${prefix:+$folder/cache}" '')
    print_step "version $version is installed"
    {
        printf '  %-9s%s\n' command "$home/current/bin/diarize-runner" models "$folder/cache"
        [ -n "$prefix" ] || printf '  %-9s%s\n' spool "copy recordings to $folder/inbox; results appear in $folder/outbox"
        printf '  %-9s%s\n' diarize "$command diarize call.wav -o call.rttm$cache" check "$command doctor$cache" \
            update "$(same_command bash)" remove "$(same_command bash --uninstall)"
    } >&2
}

# Create $home, and append new folders to its list, so that uninstall can remove them.
make_home() {
    missing='' folder=$home
    until [ -d "$folder/" ]; do
        missing="$missing$folder
"
        folder=${folder%/*}
    done
    mkdir -p "$home/inputs" && printf '%s' "$missing" >>"$home/.folders"
}

acquire_lock() {
    for _ in 1 2 3 4 5; do
        ! { make_home && try_lock; } || return 0
    done
    fail 1 "$home cannot be locked" "run again: $(same_command bash); on NFS mounted with nolock, give a --prefix on a local disk"
}

# Wait for other runs to finish, then take the lock; false if another run removed the lock file meanwhile.
# Without `command`, a failed exec would end the shell.
try_lock() {
    command exec 9>"$home/inputs/.lock" && flock 9 &&
        [ "$(stat -Lc %d:%i /proc/self/fd/9)" = "$(stat -c %d:%i "$home/inputs/.lock" 2>/dev/null)" ]
}

provision() {
    inputs=$home/inputs/$version
    acquire_lock
    print_step "fetching the toolkit of version $version"
    mkdir -p "$inputs"
    fetch_files
    rm -rf "$inputs/toolkit"
    mkdir "$inputs/toolkit"
    tar -xf "$inputs/toolkit.tar" -C "$inputs/toolkit"
    print_step "creating its environment"
    package=$(echo "$inputs"/diarize_runner-*.whl)
    environment=$(python3 -I "$inputs/toolkit/roles/python_env/files/make_environment.py" --under "$home/toolkits" \
        --wheels "$inputs" --lock "$inputs/requirements-installer.txt" \
        --package "$package" 2>"$work/log") || { cat "$work/log" >&2 && exit 1; }
    toolkit=$(printf '%s' "$environment" | python3 -I -c 'import json, sys; print(json.load(sys.stdin)["folder"])')
    print_step "provisioning"
    write_variables >"$work/box.json"
    cd "$inputs/toolkit/playbooks"
    "$toolkit/bin/ansible-playbook" provision.yml --extra-vars "@$work/box.json"
    print_next_steps
}

# Print the playbook's variables as JSON.
write_variables() {
    python3 -I - "$store" "$requested" "$prefix" "$device" "$public_key" "$inputs" "$transcribe" "$package" <<'END'
import json, sys
variables = dict(zip(("store", "version", "prefix", "device", "public_key"), sys.argv[1:]), packages="store", become=False)
variables |= {"transcription_enabled": bool(sys.argv[7]), "wheel": sys.argv[8]}
print(json.dumps({**{f"diarize_runner_{name}": value for name, value in variables.items()}, "toolkit_in_place": sys.argv[6]}))
END
}

# A run that was killed before provisioning left no receipt, only its own files.
uninstall() {
    [ -f "$home/receipt.json" ] || [ -f "$home/.folders" ] || [ -d "$home/inputs" ] ||
        fail 1 "$home/receipt.json does not exist" "nothing is installed under ${prefix:-/}"
    [ ! -d "$home/inputs" ] || try_lock || : # if another run removed everything, the rest finds nothing
    [ ! -f "$home/receipt.json" ] || reset
    rm -rf "$home/inputs" "$home/toolkits"
    remove_folders
}

# Remove the listed folders, innermost first, and the list, in one process, so that a kill rarely separates the two
# steps. A controller writes no list, but a receipt. Earlier versions stored the output of `mkdir -v`.
remove_folders() {
    python3 -I - "$home/.folders" <<'END'
import os, pathlib, re, sys
listed = pathlib.Path(sys.argv[1])
lines = os.fsdecode(listed.read_bytes()).split("\n") if listed.exists() else []
listed.unlink(missing_ok=True)
folders = {re.sub(r"^mkdir: created directory '(.*)'$", r"\1", line) for line in lines if line}
for folder in sorted(folders, reverse=True):
    try:
        os.rmdir(folder)
    except OSError:
        pass  # something else uses it now
END
}

# Run the playbook from a copy of the toolkit, because it removes the toolkit.
reset() {
    toolkit='' plays=''
    for mark in "$home"/toolkits/*/.complete; do [ ! -f "$mark" ] || toolkit=${mark%/*}; done
    for archive in "$home"/inputs/*/toolkit.tar; do [ ! -f "$archive" ] || plays=$archive; done
    [ -n "$toolkit" ] && [ -n "$plays" ] ||
        fail 1 "$home contains no complete toolkit" "run bootstrap.sh first, or playbooks/reset.yml from another machine"
    cp -a "$toolkit" "$work/toolkit"
    mkdir "$work/plays"
    tar -xf "$plays" -C "$work/plays"
    cd "$work/plays/playbooks"
    "$work/toolkit/bin/python" -I -m ansible playbook reset.yml --extra-vars "$(python3 -I -c \
        'import json, sys; print(json.dumps({"diarize_runner_prefix": sys.argv[1], "diarize_runner_become": False}))' "$prefix")"
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
    if [ "$action" = plan ]; then print_plan; else provision; fi
}

{ main "$@"; exit $?; }
