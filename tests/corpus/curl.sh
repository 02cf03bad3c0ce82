#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Debian's security fixes to libcurl, one by one: the curl command with the shared library as it was before each transfers
# without end, the fix is built, packed and applied to the library while it does, and reverted.
#
#     curl.sh [PATCH...]    all patches of curl.list, or those named
#
# Reads BUILD (where hotfix was built), CORPUS_CACHE, CORPUS_WORK, CORPUS_JOBS and CORPUS_PORT. Exits with 77 when the
# source package cannot be had.

# shellcheck source=tests/corpus/lib.sh
. "$(dirname "$0")/lib.sh"
list=$root/tests/corpus/curl.list
build_command="make -C lib -j$jobs"
port=${CORPUS_PORT:-7892}

server=
transfer=

stop_transfer() {
    [ -n "$transfer" ] && kill "$transfer" 2>/dev/null && wait "$transfer" 2>/dev/null
    transfer=
}

stop_all() {
    stop_transfer
    [ -n "$server" ] && kill "$server" 2>/dev/null
}
trap stop_all EXIT
trap 'exit 130' INT TERM

# Answers every request on a connection that stays, with a cookie.
start_http_server() {
    # shellcheck disable=SC2016 # perl's variables
    perl -MIO::Socket::INET -e '
        my $listen = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => shift, Listen => 8, ReuseAddr => 1)
            or die "$!\n";
        while (my $client = $listen->accept) {
            next if fork;
            while (defined(my $line = <$client>)) {
                next unless $line =~ /^\r?\n$/;
                print $client "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nSet-Cookie: a=b; path=/\r\n\r\nok\n";
                $client->flush;
            }
            exit;
        }' "$port" &
    server=$!
}

# The curl command with the agent inside, one transfer after the other; their status codes go to a file through standard
# error, which has no buffer.
start_transfer() {
    rm -f "$work/agent.sock"
    : >"$work/codes"
    HOTFIX_AGENT_SOCKET=$work/agent.sock HOTFIX_AGENT_TRUST=$work/trust LD_PRELOAD=$agent \
        LD_LIBRARY_PATH=$tree/lib/.libs "$tools/curl" -sS --rate 20/s -b "$work/cookies" -c "$work/cookies" -N \
        -o /dev/null -w '%{stderr}%{http_code}\n' "http://127.0.0.1:$port/[1-100000]" >"$work/transfer.log" 2>"$work/codes" &
    transfer=$!
    for _ in $(seq 100); do
        [ -S "$work/agent.sock" ] && progresses && return
        kill -0 "$transfer" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

# More transfers succeed, and none fails.
progresses() {
    local before
    before=$(wc -l <"$work/codes")
    for _ in $(seq 100); do
        kill -0 "$transfer" 2>/dev/null || return 1
        [ "$(wc -l <"$work/codes")" -ge $((before + 5)) ] && break
        sleep 0.1
    done
    [ "$(sort -u "$work/codes")" = 200 ]
}

# Sets $verdict, $functions and $pause.
apply_and_revert() {
    local answer
    verdict="applied" functions=- pause=-
    start_transfer || die "curl does not transfer: see $work/codes"
    if ! answer=$(ask "$work/agent.sock" "apply $work/fix.hotfix"); then
        verdict="refused: loader: ${answer#error * }"
        return
    fi
    functions=$(grep -c '^function ' <<<"$answer")
    pause=$(($(field pause_ns <<<"$answer") / 1000))us
    if ! progresses; then
        verdict="broken: transfers end after the fix was applied"
    elif ! ask "$work/agent.sock" revert >"$work/revert.log" || ! progresses; then
        verdict="broken: not reverted: $(head -n 1 "$work/revert.log")"
    fi
}

# fix PATCH EXPECTED: one row of the table.
fix() {
    if fix_pack "$(realpath "$tree/lib/.libs/libcurl.so.4")" "$tree" "$1" "$build_command"; then
        apply_and_revert
        stop_transfer
        row "$1" "$functions" "$verdict" "$pause" "$built" "$2"
    else
        row "$1" - "refused: $refused" - "$built" "$2"
    fi
}

# The library as Debian configures it, without what its fixes do not touch, but with dependency tracking: it is built anew
# for each patch. And the command.
configure_and_build() {
    (
        cd "$tree" &&
            ./configure --disable-static --disable-symbol-hiding --enable-versioned-symbols \
                --enable-threaded-resolver --enable-websockets --disable-ldap --disable-manual --with-openssl \
                --with-libssh2 --with-nghttp2 --with-libpsl --without-brotli --without-zstd --without-libidn2 \
                --without-librtmp &&
            make -j"$jobs" -C lib && make -j"$jobs" -C src &&
            mkdir -p "$tools" && cp src/.libs/curl "$tools/"
    ) >"$work/make.log" 2>&1 || die "curl does not build: see $work/make.log"
}

fetch curl
make_keys
make_agent
tree=$work/tree
tools=$work/tools
rm -rf "$tree" "$tools" "$work/patch.log"
unpack curl "$tree"
start_http_server

table_head
left=$#
while read -r patch; do
    IFS=$'\t' read -r known expected < <(entry "$list" "$patch")
    if [ -n "$known" ] && wanted "$patch" "$@"; then
        [ -x "$tools/curl" ] || configure_and_build
        (cd "$tree" && sh -c "$build_command") >"$work/make.log" 2>&1 ||
            die "curl does not build before $patch: see $work/make.log"
        fix "$patch" "$expected"
        left=$((left - 1))
        [ "$left" -eq 0 ] && break
    fi
    apply_patch "$tree" "$patch" || die "$patch does not apply: see $work/patch.log"
done < <(patches "$tree" | grep -v '^9[09]_')
finish
