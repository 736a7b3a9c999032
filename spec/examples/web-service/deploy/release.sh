#!/bin/bash
# Starts the built service once more, asks it whether it is well, and only then packs it: release.sh DIRECTORY
set -euo pipefail
directory=$1
port=18080

bin/snip --port "$port" --store "$(mktemp)" &
service=$!
trap 'kill "$service"' EXIT

# Bash speaks enough HTTP for one question.
ask() {
    exec 9<>"/dev/tcp/127.0.0.1/$port" || return 1
    printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&9
    cat <&9
    exec 9>&-
}

for attempt in $(seq 50); do
    if answer=$(ask /health 2>/dev/null); then break; fi
    [ "$attempt" -lt 50 ] || { echo "the service did not answer on port $port within 5 seconds" >&2; exit 1; }
    sleep 0.1
done
case $answer in
    *"snip $SNIP_VERSION is well"*) echo "smoke test: $(tail -n 1 <<<"$answer")" ;;
    *) printf 'unexpected answer of /health:\n%s\n' "$answer" >&2; exit 1 ;;
esac

mkdir -p "$directory"
tar -C bin --sort=name --mtime=@0 --owner=0 --group=0 -cf "$directory/snip-$SNIP_VERSION.tar" snip
(cd "$directory" && sha256sum "snip-$SNIP_VERSION.tar" >"snip-$SNIP_VERSION.manifest")
