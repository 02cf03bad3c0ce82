#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The agent answers whoever asks, however others behave: clients that say nothing or take for ever, and a program that has
# run out of descriptors for a while.
# shellcheck source=tests/story/lib.sh
. "$(dirname "$0")/../story/lib.sh"

if [ -n "${SAN-}" ]; then
    echo "1..0 # SKIP the sanitizers' runtime would have to be preloaded before the agent"
    exit 0
fi

# A program that takes all descriptors at "full" and gives them back at "free".
cat >program.c <<'SOURCE'
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

int main(void)
{
    struct rlimit limit = {64, 64};
    int taken[64], count = 0;
    char line[64];

    setrlimit(RLIMIT_NOFILE, &limit);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        if (strcmp(line, "full\n") == 0)
            while ((taken[count] = open("/dev/null", O_RDONLY)) >= 0)
                count++;
        else
            while (count > 0)
                close(taken[--count]);
        printf("done\n");
        fflush(stdout);
    }
    return 0;
}
SOURCE
cat >client.pl <<'PERL'
use IO::Socket::UNIX;
use strict;
my ($path, $what) = @ARGV;
my $socket = IO::Socket::UNIX->new(Peer => $path) or die "$!\n";
$SIG{PIPE} = 'IGNORE';
$| = 1;
print "connected\n";
if ($what eq "idle") {
    sleep 300;
} elsif ($what eq "slow") {
    while (syswrite $socket, "l") { select undef, undef, undef, 0.2 }
    sleep 300;
} else {
    alarm 60;
    print $socket "$what\n";
    $socket->flush;
    print while <$socket>;
}
PERL
"$CC" -O2 -o program program.c && hotfix keygen key >/dev/null && mkdir trust && cp key.pub trust || exit 1
chmod 755 . trust

clients=()
# client NAME WHAT: in the background, connected when this returns; its answer is in NAME.
client() {
    perl client.pl "$SCRATCH/socket" "$2" >"$1" 2>"$1.error" &
    clients+=($!)
    until grep -qs connected "$1"; do
        kill -0 "${clients[-1]}" 2>/dev/null || break
        sleep 0.05
    done
}
# tell WORD: the program does it.
tell() {
    echo "$1" >&"${program[1]}"
    read -r _ <&"${program[0]}"
}

coproc program { HOTFIX_AGENT_SOCKET=$SCRATCH/socket HOTFIX_AGENT_TRUST=$SCRATCH/trust LD_PRELOAD=$BUILD/examples/agent.so ./program; }
server=$!
read -r _ <&"${program[0]}"
trap 'kill "${clients[@]}" "$server" 2>/dev/null; cd / && rm -rf "$SCRATCH"' EXIT

is "a request is answered" "$(perl client.pl socket list | xargs)" "connected ok"
is "so is one that nobody knows" "$(perl client.pl socket lost | xargs)" \
    "connected error 2: unknown request lost: ask apply PATH, revert [ID] or list"
client idle idle
client slow slow
is "a request behind clients that never end theirs is answered" "$(perl client.pl socket list | xargs)" "connected ok"

tell full
# The agent, which waits for a client, has a descriptor for this one already.
is "a program without descriptors answers once more" "$(perl client.pl socket list | xargs)" "connected ok"
client late list
tell free
wait "${clients[-1]}"
is "and whoever came meanwhile when it has some again" "$(xargs <late)" "connected ok"
is "and everybody after" "$(perl client.pl socket list | xargs)" "connected ok"

finish
