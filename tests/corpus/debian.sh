#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fixes of the programs that Debian ships: each is downloaded as the distribution built it, stripped; its source package
# is built once more and must come out as what was shipped; a fix is built twice (the second time from what is kept),
# applied by hotfixctl to the shipped program while it runs and answers, seen there where it can be, and reverted. In
# between the processes go through what happens to them in service: hotfixctl says of each whether it has the fix. Then
# the same with the fix enabled, where each program that starts has it.
#
#     debian.sh [PACKAGE...]    all rows of debian.list, or those of the packages named
#
# What hotfix keeps of a package stays in CORPUS_CACHE: the first column of seconds is that of a first build only after
# `rm -r CORPUS_CACHE/hotfix`. Reads BUILD (where hotfix was built), CORPUS_CACHE, CORPUS_WORK and CORPUS_PORT.
#
# What the packages need to be built is installed in a copy of this machine's files that lasts as long as the package's
# rows (an overlay in memory, in a mount namespace): some exclude each other, or make another program of one that does not
# ask for them, and some need an OpenSSL of the version that the distribution built them with. That takes root; packages
# whose needs are not there are passed over by anybody else.
# Exits with 77 when packages cannot be had.

# shellcheck source=tests/corpus/lib.sh
. "$(dirname "$0")/lib.sh"
list=$root/tests/corpus/debian.list
port=${CORPUS_PORT:-7893}
program=
agent=() # what a program is started with that has one
load=

# processes: of the shipped program.
processes() {
    local link file
    [ -n "$program" ] || return
    file=$(readlink -f "$program") # redis-server is a link to another program
    for link in /proc/[0-9]*/exe; do
        [ "$(readlink "$link")" != "$file" ] || cut -d/ -f3 <<<"$link"
    done 2>/dev/null
}

# Its workers and children, too: they hold the port.
stop_server() {
    local pid
    [ -z "$load" ] || kill -9 "$load" 2>/dev/null
    load=
    while [ -n "$(processes)" ]; do
        for pid in $(processes); do
            kill -9 "$pid" 2>/dev/null
        done
        sleep 0.1
    done
}
trap stop_server EXIT
trap 'exit 130' INT TERM

# in_overlay COMMAND...: in a copy of this machine's files, of which nothing stays but what lies below $work and $cache.
in_overlay() {
    mkdir -p "$work/overlay" || die "cannot make $work/overlay"
    # shellcheck disable=SC2016 # not this shell's variables
    unshare -m --propagation private bash -c '
        set -e
        top=$1 root=$1/root
        shift
        mount -t tmpfs -o size=75% none "$top"
        mkdir "$top/upper" "$top/work" "$root"
        mount -t overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" none "$root"
        for place in /proc /sys /dev /run "$1" "$2" "$3"; do
            mkdir -p "$root$place"
            mount --rbind "$place" "$root$place"
        done
        shift 3
        exec chroot "$root" "$@"' overlay "$work/overlay" "$root" "$work" "$cache" "$@"
}

# install_needs: what the build of $dsc needs and this machine does not have. Fails where only root may, or apt has no
# OpenSSL of the version that $program was built with.
install_needs() {
    local simulated=$work/needs.log libssl
    local options=(--no-install-recommends --arch-only -P nocheck) # as hotfix build asks for them
    apt-get -s "${options[@]}" build-dep "$dsc" >"$simulated" 2>&1 || die "apt cannot install what $dsc needs: see $simulated"
    if grep -q '^Inst ' "$simulated"; then
        [ "$(id -u)" = 0 ] || return 1
        DEBIAN_FRONTEND=noninteractive apt-get -qq -y "${options[@]}" build-dep "$dsc" >"$work/install.log" 2>&1 ||
            die "what the build of $dsc needs is not installed: see $work/install.log"
    fi
    [ -n "$openssl" ] || return 0
    [[ $(dpkg-query -W -f '${Version}' libssl-dev 2>/dev/null) != "$openssl"-* ]] || return 0
    libssl=$(apt-cache madison libssl-dev | awk -v version="$openssl-" 'index($3, version) == 1 { print $3; exit }')
    [ -n "$libssl" ] && [ "$(id -u)" = 0 ] || return 1
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y --allow-downgrades install "libssl-dev=$libssl" "libssl3=$libssl" \
        "openssl=$libssl" >"$work/install.log" 2>&1 || die "libssl-dev $libssl is not installed: see $work/install.log"
}

# built_with_openssl: the version that the shipped program says.
built_with_openssl() {
    strings -n 8 "$program" 2>/dev/null | sed -n 's/.*OpenSSL \([0-9][0-9.]*\) .*/\1/p' | head -n 1
}

# shipped PACKAGE VERSION: the binary package, unpacked in $work/shipped.
shipped() {
    mkdir -p "$work/debs" || die "cannot make $work/debs"
    (cd "$work/debs" && apt-get -qq -o "APT::Sandbox::User=$(id -un)" download "$1=$2") ||
        unreachable "the package $1 $2 cannot be had"
    dpkg-deb -x "$(echo "$work/debs/$1"_*.deb)" "$work/shipped" || die "$1 cannot be unpacked"
}

# Questions to servers: what they answer within a second or so, on one line.

# say TEXT: one line over TCP.
say() {
    # shellcheck disable=SC2016 # perl's variables
    timeout 10 perl -MIO::Socket::INET -e '
        my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => shift) or die "$!\n";
        print $socket shift, "\r\n";
        my $line = <$socket>;
        $line =~ s/\s+$//;
        print $line;' "$port" "$1"
}

# resolve NAME: the address that a name server has for it.
resolve() {
    # shellcheck disable=SC2016 # perl's variables
    timeout 10 perl -MIO::Socket::INET -e '
        my $socket = IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.1", PeerPort => shift) or die "$!\n";
        my $name = join "", map { pack "C/a", $_ } split /\./, shift;
        $socket->send(pack("nnnnnn", 7, 0x100, 1, 0, 0, 0) . "$name\0" . pack("nn", 1, 1));
        alarm 2;
        $socket->recv(my $answer, 512) // exit 1;
        print join ".", unpack "C4", substr $answer, -4;' "$port" "$1"
}

# run_server: until it answers the question.
run_server() {
    env "${agent[@]}" "${command[@]}" >"$work/server.log" 2>&1 &
    server=$!
    disown "$server"
    for _ in $(seq 300); do
        [ -n "$(ask 2>/dev/null)" ] && return
        kill -0 "$server" 2>/dev/null || [ -n "$(processes)" ] || break
        sleep 0.1
    done
    die "the server does not start: see $work/server.log"
}

# The question, all the time, until stop_load says how often it was answered in a way that is neither the old nor the new
# one, and how often in all.
start_load() {
    (while true; do ask; echo; done) >"$work/answers" 2>/dev/null &
    load=$!
    disown "$load"
}

stop_load() {
    kill "$load"
    load=
    echo "$(sed '$d' "$work/answers" | grep -vcxF -e "$old_answer" -e "$new_answer") of $(wc -l <"$work/answers")"
}

# states: how many processes are in which state, as hotfixctl sees them.
states() {
    control "$work/status.log" status "$work/fix.hotfix" --json --trust "$work/trust"
    grep -o '"state": *"[a-z-]*"' "$work/status.log" | cut -d'"' -f4 | sort | uniq -c | sed 's/^ *//' | paste -sd, |
        sed 's/,/, /g'
}

# event NAME STATES COMMAND...: what the states are after the command, as soon as it had its effect.
event() {
    local name=$1 wanted=$2 found
    shift 2
    "$@" >"$work/event.log" 2>&1
    for _ in $(seq 100); do
        found=$(states)
        [ "$found" != "$wanted" ] || break
        sleep 0.1
    done
    [ "$found" = "$wanted" ] || verdict="broken: after $name: $found"
    told+=$(printf '    %-62s %s' "$name" "$found")$'\n'
}

# after_start FORKED STARTED: the states, where so many processes came of ones that are fixed, and so many of the file.
after_start() {
    if [ ${#agent[@]} -gt 0 ]; then
        echo "$(($1 + $2)) fixed"
    else
        echo "$1 fixed, $2 vulnerable" | sed 's/^0 fixed, //'
    fi
}

restart() {
    stop_server
    run_server
}

# A connection that is kept open.
hold() {
    exec {held}<>"/dev/tcp/127.0.0.1/$1"
}

release() {
    exec {held}>&-
}

unpack_source() {
    rm -rf "$work/source" "$work/a" "$work/b"
    dpkg-source --no-copy -x "$dsc" "$work/source" >"$work/unpack.log" 2>&1 || die "$dsc cannot be unpacked"
}

# request TARGET: the status line of a web server.
request() {
    say "GET $1 HTTP/1.0"$'\r\n'
}

# edit FILE EXPRESSION: $work/fix.patch, what sed(1) changes in that file of the source package.
edit() {
    mkdir -p "$work/a/$(dirname "$1")" "$work/b/$(dirname "$1")"
    cp "$work/source/$1" "$work/a/$1"
    sed "$2" "$work/source/$1" >"$work/b/$1"
    (cd "$work" && diff -u "a/$1" "b/$1") >"$work/fix.patch"
    [ -s "$work/fix.patch" ] || die "nothing in $1 matches"
}

# take_back PATCH: $work/fix.patch, which undoes a security patch that the package has: what was shipped has the fix.
take_back() {
    [ -f "$work/source/debian/patches/$1" ] || die "the package has no patch $1"
    cp -a "$work/source" "$work/a"
    cp -a "$work/source" "$work/b"
    patch -d "$work/b" -R -s -p1 --batch --force --no-backup-if-mismatch -i "$work/source/debian/patches/$1" \
        >"$work/patch.log" 2>&1 || die "$1 cannot be taken back: later patches change the same lines"
    (cd "$work" && diff -Nru a b) >"$work/fix.patch"
}

# build_fix PACKAGE TARGET PATCH: seconds of the first and of the second build in $first and $second.
build_fix() {
    local begin
    begin=$(now_ms)
    "$hotfix" build --deb "$1" --target "$2" --patch "$3" --accept '*' -o "$work/patch.so" >"$work/build.log" 2>&1 || return 1
    first=$(seconds_since "$begin") begin=$(now_ms)
    "$hotfix" build --deb "$1" --target "$2" --patch "$3" --accept '*' -o "$work/again.so" >"$work/build.log" 2>&1 || return 1
    second=$(seconds_since "$begin")
    cmp -s "$work/patch.so" "$work/again.so" || echo 'hotfix build: the second patch is another' >"$work/build.log"
    cmp -s "$work/patch.so" "$work/again.so" &&
        "$hotfix" pack --target "$2" --patch "$work/patch.so" --key "$work/corpus.key" --name corpus --version 1 \
            -o "$work/fix.hotfix" >"$work/build.log" 2>&1
}

# control LOG VERB OPERAND [OPTION...]: of the server's processes.
control() {
    local log=$1 pid pids=()
    shift
    for pid in $(processes); do
        pids+=(--pid "$pid")
    done
    "$BUILD/hotfixctl" "$@" "${pids[@]}" >"$log" 2>&1
}

# apply: once more where a machine under load could not stop all threads in time.
apply() {
    for _ in $(seq 20); do
        control "$work/apply.log" apply "$work/fix.hotfix" --trust "$work/trust" && return
        sleep 0.2
    done
    return 1
}

# Sets $verdict: the question is answered in the old way, with the fix in the new one, and without it in the old one.
try_fix() {
    local before after id failures
    before=$(ask)
    start_load
    if ! apply; then
        verdict="refused: loader: $(head -n 1 "$work/apply.log")"
        return
    fi
    functions=$(sed -n 's/.*: \([0-9]*\) functions.*/\1/p' "$work/apply.log" | head -n 1)
    pause=$(sed -n 's/.*threads paused for \([0-9]*\) us.*/\1us/p' "$work/apply.log" | sort -n | tail -n 1)
    id=$("$hotfix" show "$work/fix.hotfix" | field 'id *')
    after=$(ask)
    verdict="identical, applied and reverted"
    event "apply" "$fixed fixed" true
    in_service
    failures=$(stop_load)
    event "restart" "$fixed vulnerable" restart
    enabled
    event "apply" "$fixed fixed" apply
    if [ "$before" != "$old_answer" ]; then
        verdict="broken: it answered '$before' before"
    elif [ "$after" != "$new_answer" ]; then
        verdict="broken: it answers '$after' with the fix"
    elif [ "${failures%% *}" != 0 ]; then
        verdict="broken: $failures answers are neither the old nor the new one"
    elif ! control "$work/revert.log" revert "$id"; then
        verdict="broken: not reverted: $(head -n 1 "$work/revert.log")"
    elif [ "$(ask)" != "$old_answer" ]; then
        verdict="broken: the fix is still there after it was reverted"
    fi
    told+=$(printf '    %-62s %s' "answers that failed" "$failures")$'\n'
}

# keep VERB OPERAND [OPTION...]: what programs that start with the agent get.
keep() {
    "$BUILD/hotfixctl" "$@" --store "$work/enabled" >"$work/enable.log" 2>&1 || die "hotfixctl cannot $1 it: see $work/enable.log"
}

# The same where the fix is enabled, and nobody applies it.
enabled() {
    local agent=("LD_PRELOAD=$BUILD/libhotfix-agent.so" "HOTFIX_AGENT_STORE=$work/enabled" "HOTFIX_AGENT_TRUST=$work/trust")
    rm -rf "$work/enabled"
    keep enable "$work/fix.hotfix" --trust "$work/trust"
    event "enabled, restart" "$fixed fixed" restart
    [ "$(ask)" = "$new_answer" ] || verdict="broken: it answers '$(ask)' where the fix is enabled"
    in_service
    keep disable "$id"
    event "disabled, restart" "$fixed vulnerable" restart
}

# Each package says what binary packages it has, which program is fixed, by what command it serves, what it is asked and
# answers; `seen` is a change whose effect shows in the answer; how many processes have the fix then; `in_service` is what
# happens to them.

package_memcached() {
    binaries=memcached program=$work/shipped/usr/bin/memcached
    command=("$program" -u root -p "$port" -l 127.0.0.1 -U 0)
    old_answer=OK fixed=1
    ask() { say 'verbosity 99'; }
    in_service() { :; }
    seen() {
        new_answer='OK, as verbose as it gets'
        edit proto_text.c '/^static void process_verbosity_command/,/^}/ s/out_string(c, "OK")/out_string(c, level > 9 ? "OK, as verbose as it gets" : "OK")/'
    }
}

package_redis() {
    binaries='redis-tools redis-server' program=$work/shipped/usr/bin/redis-server
    command=("$program" --port "$port" --dir "$work" --save '' --appendonly no)
    # shellcheck disable=SC2016 # not the shell's
    old_answer='$0' fixed=1
    ask() { say 'ECHO ""'; }
    in_service() {
        say 'CONFIG SET rdb-key-save-delay 3000000' >"$work/event.log" # microseconds
        say 'SET key value' >>"$work/event.log"
        event "BGSAVE, its child" "2 fixed" say BGSAVE
        event "end of that child" "$fixed fixed" true
    }
    seen() {
        new_answer='-ERR nothing to echo'
        edit src/server.c '/^void echoCommand/ a\    if (sdslen(c->argv[1]->ptr) == 0) { addReplyError(c, "nothing to echo"); return; }'
    }
}

package_dnsmasq() {
    binaries=dnsmasq-base program=$work/shipped/usr/sbin/dnsmasq
    command=("$program" -k -C /dev/null -p "$port" --address=/a.test/10.1.2.3 -u root --listen-address=127.0.0.1
        --bind-interfaces)
    old_answer=10.1.2.3 fixed=1
    ask() { resolve a.test; }
    in_service() {
        event "SIGHUP" "$fixed fixed" kill -HUP "$server"
        event "TCP, its child" "2 fixed" hold "$port"
        event "end of that child" "$fixed fixed" release
    }
}

package_nginx() {
    binaries=nginx program=$work/shipped/usr/sbin/nginx
    openssl=$(built_with_openssl)
    mkdir -p "$work/nginx/html" /var/lib/nginx # which the package installs
    cat >"$work/nginx/nginx.conf" <<CONF
user root;
worker_processes 1;
error_log stderr;
pid $work/nginx/pid;
events { }
http {
    access_log off;
    server { listen 127.0.0.1:$port; location / { return 200; } }
}
CONF
    command=("$program" -p "$work/nginx" -c "$work/nginx/nginx.conf")
    old_answer='HTTP/1.1 200 OK' fixed=2
    ask() { request '/?teapot'; }
    signal() { kill "-$1" "$(cat "$work/nginx/$2")"; }
    in_service() { # for USR2 it clears the environment
        event "reload, new workers" "$fixed fixed" signal HUP pid
        event "USR2, another master from the file and its worker" "2 fixed, 2 vulnerable" signal USR2 pid
        event "QUIT of the old master" "2 vulnerable" signal QUIT pid.oldbin
    }
    seen() {
        new_answer='HTTP/1.1 418'
        edit src/http/ngx_http_core_module.c '/^ngx_http_send_response/,/^}/ s/    rc = ngx_http_discard_request_body(r);/    if (r->args.len == 6) { status = 418; }\n&/'
    }
}

package_haproxy() {
    binaries=haproxy program=$work/shipped/usr/sbin/haproxy
    openssl=$(built_with_openssl)
    cat >"$work/haproxy.cfg" <<CONF
defaults
    mode http
    timeout client 5s
    timeout connect 5s
    timeout server 5s
frontend web
    bind 127.0.0.1:$port
    http-request return status 200
CONF
    command=("$program" -W -f "$work/haproxy.cfg")
    old_answer='HTTP/1.1 200 OK' fixed=2
    ask() { request /; }
    in_service() {
        event "reload, the master starts from the file again" "$(after_start 0 2)" kill -USR2 "$server"
    }
}

package_openssh() {
    binaries=openssh-server program=$work/shipped/usr/sbin/sshd
    openssl=3.0.19 # 0x30000130 in its code (seed_rng): no text says so
    mkdir -p "$work/sshd" /run/sshd # which the package makes, as the user
    getent passwd sshd >/dev/null || useradd --system --home-dir /run/sshd sshd
    [ -f "$work/sshd/key" ] || ssh-keygen -q -t ed25519 -N '' -f "$work/sshd/key"
    # By default each connection is served by a new sshd, started from the file; with -r by a child of the one that runs.
    command=("$program" -D -e -r -f /dev/null -h "$work/sshd/key" -p "$port" -o ListenAddress=127.0.0.1)
    old_answer='SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10' fixed=1
    ask() { say ''; }
    without_r() {
        env "${agent[@]}" "$program" -D -e -f /dev/null -h "$work/sshd/key" -p $((port + 1)) -o ListenAddress=127.0.0.1 &
        disown $!
        sleep 1 # it reads its key
        [ ${#agent[@]} -gt 0 ] ||
            "$BUILD/hotfixctl" apply "$work/fix.hotfix" --trust "$work/trust" --pid $! &&
            hold $((port + 1))
    }
    in_service() {
        event "a session, its child" "2 fixed" hold "$port"
        event "end of that session" "$fixed fixed" release
        event "another server, without -r: a session, from the file" "$(after_start 2 1)" without_r
    }
    seen() {
        new_answer="$old_answer patched"
        edit kex.c '/^kex_exchange_identification/,/^}/ s/"SSH-%d.%d-%.100s%s%s\\r\\n"/"SSH-%d.%d-%.100s%s%s patched\\r\\n"/'
    }
}

# ship_package PACKAGE: what the distribution built of its source package, in $work/shipped; what debian.sh knows of it.
ship_package() {
    local binary
    fetch "$1"
    dsc=$(compgen -G "$cache/$1_*.dsc" | head -n 1)
    version=$(field Version: <"$dsc")
    openssl=
    "package_$1"
    rm -rf "$work/shipped" "$work/debs"
    # shellcheck disable=SC2154 # of that function
    for binary in $binaries; do
        shipped "$binary" "$version"
    done
    "package_$1" # what the program says
}

# try_row PACKAGE FIX EXPECTED: one row of the list.
try_row() {
    local source=$1 fix=$2
    new_answer=$old_answer functions=- pause=- first=- second=- verdict='' told=''
    unpack_source
    if [ "$fix" = seen ]; then seen; else take_back "$fix"; fi
    if build_fix "$source=$version" "$program" "$work/fix.patch"; then
        run_server
        try_fix
        stop_server
    else
        verdict="refused: $(sed -n 's/^hotfix [a-z]*: //p' "$work/build.log" | tail -n 1)"
    fi
    row "$source $version $fix" "$functions" "$verdict" "$pause" "$first+$second" "$3"
    printf '%s' "$told"
}

# try_package PACKAGE: its rows.
try_package() {
    local fix expected
    ship_package "$1"
    if ! install_needs; then
        printf '%-66s passed over: what its build needs is not installed, and is not to be had here\n' "$1"
        return
    fi
    while IFS=$'\t' read -r _ fix expected; do
        try_row "$1" "$fix" "$expected"
    done < <(entry "$list" "$1")
}

export XDG_CACHE_HOME=$cache
mkdir -p "$work" "$cache"
if [ "${1-}" = --inside ]; then
    try_package "$2"
    echo "$rows $misses" >"$work/counts"
    exit
fi
make_keys
table_head
# shellcheck disable=SC2046 # a word each
[ $# -gt 0 ] || set -- $(sed '/^#/d' "$list" | cut -f1 | uniq)
for one in "$@"; do
    [ -n "$(entry "$list" "$one")" ] || die "no package $one in $list"
    echo '0 1' >"$work/counts" # of one that dies
    if [ "$(id -u)" = 0 ]; then
        in_overlay "$root/tests/corpus/debian.sh" --inside "$one"
    else
        "$root/tests/corpus/debian.sh" --inside "$one"
    fi
    status=$?
    [ "$status" != 77 ] || exit 77
    read -r more missed <"$work/counts"
    rows=$((rows + more + (missed > more))) misses=$((misses + missed))
done
finish
