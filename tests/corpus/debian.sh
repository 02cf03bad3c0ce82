#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fixes of the programs that Debian ships: each is downloaded as the distribution built it, stripped; its source package
# is built once more and must come out as what was shipped; a fix is built twice (the second time from what is kept),
# applied to the shipped program while it runs and answers, seen there, and reverted.
#
#     debian.sh [PACKAGE...]    all, or those named: memcached redis
#
# What hotfix keeps of a package stays in CORPUS_CACHE: the first column of seconds is that of a first build only after
# `rm -r CORPUS_CACHE/hotfix`. Reads BUILD (where hotfix was built), CORPUS_CACHE, CORPUS_WORK and CORPUS_PORT. Build
# dependencies are installed, which takes root.
# Exits with 77 when packages cannot be had.

# shellcheck source=tests/corpus/lib.sh
. "$(dirname "$0")/lib.sh"
port=${CORPUS_PORT:-7893}
server=

stop_server() {
    [ -z "$server" ] || kill -9 "$server" 2>/dev/null
    server=
}
trap stop_server EXIT
trap 'exit 130' INT TERM

# shipped PACKAGE VERSION: the binary package, unpacked in $work/shipped.
shipped() {
    mkdir -p "$work/debs" || die "cannot make $work/debs"
    (cd "$work/debs" && apt-get -qq -o "APT::Sandbox::User=$(id -un)" download "$1=$2") ||
        unreachable "the package $1 $2 cannot be had"
    dpkg-deb -x "$(echo "$work/debs/$1"_*.deb)" "$work/shipped" || die "$1 cannot be unpacked"
}

# say TEXT: one request to the server on the port, and what it answers within a second.
say() {
    # shellcheck disable=SC2016 # perl's variables
    timeout 10 perl -MIO::Socket::INET -e '
        my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => shift) or die "$!\n";
        print $socket shift, "\r\n";
        my $line = <$socket>;
        $line =~ s/\s+$//;
        print $line;' "$port" "$1"
}

# run_server COMMAND...: with the agent inside, answering on the port.
run_server() {
    rm -f "$work/agent.sock"
    HOTFIX_AGENT_SOCKET=$work/agent.sock HOTFIX_AGENT_TRUST=$work/trust LD_PRELOAD=$agent "$@" >"$work/server.log" 2>&1 &
    server=$!
    disown "$server"
    for _ in $(seq 300); do
        [ -S "$work/agent.sock" ] && say "$question" >/dev/null 2>&1 && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    die "the server does not start: see $work/server.log"
}

# make_fix SOURCE FILE EXPRESSION: $work/fix.patch, what sed(1) changes in that file of the source package.
make_fix() {
    rm -rf "$work/source" "$work/a" "$work/b"
    dpkg-source --no-copy -x "$dsc" "$work/source" >"$work/unpack.log" 2>&1 || die "$dsc cannot be unpacked"
    mkdir -p "$work/a/$(dirname "$2")" "$work/b/$(dirname "$2")"
    cp "$work/source/$2" "$work/a/$2"
    sed "$3" "$work/source/$2" >"$work/b/$2"
    (cd "$work" && diff -u "a/$2" "b/$2") >"$work/fix.patch"
    [ -s "$work/fix.patch" ] || die "nothing in $2 matches"
}

# build_fix PACKAGE TARGET PATCH: seconds of the first and of the second build in $first and $second.
build_fix() {
    local begin
    begin=$(now_ms)
    "$hotfix" build --deb "$1" --install-build-deps --target "$2" --patch "$3" -o "$work/patch.so" >"$work/build.log" 2>&1 ||
        return 1
    first=$(seconds_since "$begin") begin=$(now_ms)
    "$hotfix" build --deb "$1" --target "$2" --patch "$3" -o "$work/again.so" >"$work/build.log" 2>&1 || return 1
    second=$(seconds_since "$begin")
    cmp -s "$work/patch.so" "$work/again.so" || echo 'hotfix build: the second patch is another' >"$work/build.log"
    cmp -s "$work/patch.so" "$work/again.so" &&
        "$hotfix" pack --target "$2" --patch "$work/patch.so" --key "$work/corpus.key" --name corpus --version 1 \
            -o "$work/fix.hotfix" >"$work/build.log" 2>&1
}

# A machine under load may not stop all threads in time: once more, then.
put_back() {
    for _ in $(seq 20); do
        ask "$work/agent.sock" revert >"$work/revert.log" && return
        sleep 0.2
    done
    return 1
}

apply() {
    for _ in $(seq 20); do
        ask "$work/agent.sock" "apply $work/fix.hotfix" >"$work/apply.log" && return
        sleep 0.2
    done
    return 1
}

# Sets $verdict: the question is answered in the old way, with the fix in the new one, and without it in the old one.
try_fix() {
    local before after
    before=$(say "$question")
    if ! apply; then
        verdict="refused: loader: $(head -n 1 "$work/apply.log")"
        return
    fi
    functions=$(grep -c '^function ' "$work/apply.log")
    pause=$(($(field pause_ns <"$work/apply.log") / 1000))us
    after=$(say "$question")
    if [ "$before" != "$old_answer" ]; then
        verdict="broken: it answered '$before' before"
    elif [ "$after" != "$new_answer" ]; then
        verdict="broken: it answers '$after' with the fix"
    elif ! put_back; then
        verdict="broken: not reverted: $(head -n 1 "$work/revert.log")"
    elif [ "$(say "$question")" != "$old_answer" ]; then
        verdict="broken: the fix is still there after it was reverted"
    else
        verdict="identical, applied and reverted"
    fi
}

# package SOURCE BINARIES PROGRAM FILE EXPRESSION COMMAND...: one row. COMMAND follows the program.
package() {
    local source=$1 binaries=$2 program=$work/shipped$3 version binary
    fetch "$source"
    dsc=$(compgen -G "$cache/${source}_*.dsc" | head -n 1)
    version=$(field Version: <"$dsc")
    rm -rf "$work/shipped" "$work/debs"
    for binary in $binaries; do
        shipped "$binary" "$version"
    done
    make_fix "$source" "$4" "$5"
    shift 5
    functions=- pause=- first=- second=- verdict=
    if build_fix "$source=$version" "$program" "$work/fix.patch"; then
        run_server "$program" "$@"
        try_fix
        stop_server
    else
        verdict="refused: $(sed -n 's/^hotfix [a-z]*: //p' "$work/build.log" | tail -n 1)"
    fi
    row "$source $version" "$functions" "$verdict" "$pause" "$first+$second" 'identical, applied and reverted'
}

memcached() {
    question='verbosity 99' old_answer='OK' new_answer='OK, as verbose as it gets'
    package memcached memcached /usr/bin/memcached proto_text.c \
        '/^static void process_verbosity_command/,/^}/ s/out_string(c, "OK")/out_string(c, level > 9 ? "OK, as verbose as it gets" : "OK")/' \
        -u root -p "$port" -l 127.0.0.1 -U 0
}

redis() {
    # shellcheck disable=SC2016 # not the shell's
    question='ECHO ""' old_answer='$0' new_answer='-ERR nothing to echo'
    package redis 'redis-tools redis-server' /usr/bin/redis-server src/server.c \
        '/^void echoCommand/ a\    if (sdslen(c->argv[1]->ptr) == 0) { addReplyError(c, "nothing to echo"); return; }' \
        --port "$port" --save '' --appendonly no
}

export XDG_CACHE_HOME=$cache
mkdir -p "$work" "$cache"
make_keys
make_agent
table_head
[ $# -gt 0 ] || set -- memcached redis
for one in "$@"; do
    case $one in
    memcached | redis) "$one" ;;
    *) die "no package $one: memcached redis" ;;
    esac
done
finish
