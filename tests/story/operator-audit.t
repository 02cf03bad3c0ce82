#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What hotfixctl tells the journal of who asked for what, and Prometheus of how many processes are fixed.
. "$(dirname "$0")/lib.sh"
. "$STORY/operator.sh"

unique=$(od -An -N16 -tx1 /dev/urandom | tr -d ' ')
program=audit$$
# shellcheck disable=SC2086 # words
{
    $CC $release="0x$unique" -o "$program" "$SOURCES/shop.c" "$SOURCES/cage.c" &&
        $CC -O2 -g $record -fPIC -shared -o fix.so fixed.c || exit 1
}
pack --target "$program" --key release.key -o fee.hotfix
pack --target "$program" --key stranger.key -o strange.hotfix
chmod -R a+rX .
start shop "./$program"
asleep

# Prometheus.
metrics() {
    grep -v '^#' fee.prom | sed -n 's/^hotfix_processes{bundle="fee",version="1",id="[0-9a-f]*",state="\([a-z-]*\)"} \([1-9]\)/\1 \2/p' | xargs
}
run hotfixctl status fee.hotfix --pid "$pid" --trust trust --metrics fee.prom
is "processes are counted for Prometheus" "$status $(metrics) $(stat -c %a fee.prom)" "1 vulnerable 1 644"
applied "the fix" "${apply[@]}" fee.hotfix --pid "$pid"
run hotfixctl status fee.hotfix --pid "$pid" --trust trust --metrics fee.prom
is "anew each time" "$status $(metrics) $(ls fee.prom*)" "0 fixed 1 fee.prom"
is "with the time" "$(($(date +%s) - $(sed -n 's/^hotfix_status_timestamp_seconds{.*} //p' fee.prom) < 60))" 1
run hotfixctl status fee.hotfix --pid "$pid" --trust trust --metrics nowhere/fee.prom
is "a file that cannot be written is an error" "$status $(grep -c 'nowhere/fee.prom.* cannot be made: No such file' "$ERR")" "5 1"
run hotfixctl revert "$id" --pid "$pid"

# The journal, which is played by a script.
if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; then
    finish
fi
cat >journal.pl <<'SCRIPT'
use IO::Socket::UNIX;
use Socket;
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "/run/systemd/journal/socket") or die "$!";
open(my $out, ">>", $ARGV[0]) or die;
$out->autoflush(1);
open(my $ready, ">", "$ARGV[0].ready");
while (defined $socket->recv(my $record, 65536)) {
    print $out "$record\n";
}
SCRIPT
cat >inside <<'SCRIPT'
mount -t tmpfs none /run && mkdir -p /run/systemd/journal || exit 99
perl journal.pl records &
journal=$!
until [ -e records.ready ]; do sleep 0.01; done
"$@"
status=$?
# Datagrams are there when they are sent; the script writes them in order.
perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => "/run/systemd/journal/socket")->send("END")'
until grep -q '^END' records; do sleep 0.01; done
kill "$journal"
exit $status
SCRIPT
# record COMMAND...: what the journal gets of it, without what differs from run to run.
record() {
    rm -f records records.ready
    run unshare -m bash inside "$@"
    sed "/^END/d; s/\b$pid\b/PID/g; s/$program/shop/g; s/[0-9][0-9]* us\b/N us/; s/PAUSE_NS=[0-9]*/PAUSE_NS=N/; s/ID=$id/ID=ID/; s/$id/ID/g" \
        records >told
}
record "${apply[@]}" fee.hotfix --pid "$pid"
id=$(sed -n 's/^HOTFIX_ID=\([0-9a-f]*\)$/\1/p' records | head -n 1)
is "an apply is recorded, for the process and as a whole" "$status $(grep '^MESSAGE=' told)" \
    "0 MESSAGE=apply fee 1 in process PID: applied, signed by release, threads paused for N us (by user 0)
MESSAGE=apply fee 1: done, signed by release (by user 0)"
is "with fields to search for" "$(grep -E '^(HOTFIX_(VERB|OPERAND|BUNDLE|SIGNERS|RESULT|PID)|PRIORITY|SYSLOG_IDENTIFIER)=' told | head -n 8 | xargs)" \
    "PRIORITY=5 SYSLOG_IDENTIFIER=hotfixctl HOTFIX_VERB=apply HOTFIX_OPERAND=fee.hotfix HOTFIX_BUNDLE=fee 1 HOTFIX_SIGNERS=release \
HOTFIX_RESULT=applied HOTFIX_PID=PID"
record "$OPERATOR" revert "$id" --pid "$pid"
is "so is a revert" "$status $(grep '^MESSAGE=' told)" \
    "0 MESSAGE=revert fee 1 in process PID: reverted, threads paused for N us (by user 0)"
record "${apply[@]}" strange.hotfix --pid "$pid"
is "and a stranger's bundle that was refused" "$status $(grep -c '^MESSAGE=apply strange.hotfix: refused: bundle strange.hotfix: signed only by keys' told) $(grep '^PRIORITY' told)" \
    "4 1 PRIORITY=4"
record "${apply[@]}" $'no\nHOTFIX_RESULT=applied' --pid "$pid"
is "nobody writes a field of his own" "$status $(grep -c '^HOTFIX_RESULT' told) $(grep '^HOTFIX_OPERAND' told)" \
    "5 1 HOTFIX_OPERAND=no?HOTFIX_RESULT=applied"
record setpriv --reuid 65534 --regid 65534 --clear-groups "${apply[@]}" fee.hotfix --pid "$pid"
# The journal's socket is everybody's to write to, as systemd has it.
is "who has no right is refused, journal or not" "$status" 6
record "$OPERATOR" status fee.hotfix --trust trust --pid "$pid"
is "who only looks leaves no record" "$status $(wc -c <told)" "1 0"
record "$OPERATOR" doctor --trust trust
is "the doctor sees the journal" "$(grep -c '^ok log: ' "$OUT")" 1

# Without a journal, syslog: its socket, too, is played by the script, for datagrams or a stream.
# shellcheck disable=SC2016 # perl's
sed -e 's|/run/systemd/journal/socket|/dev/log|' -e 's|SOCK_DGRAM|$ARGV[1] ? SOCK_STREAM : SOCK_DGRAM|; s|, Local|, Listen => $ARGV[1] ? 5 : undef, Local|' \
    -e 's|^while .*|while (1) {\n    my $from = $ARGV[1] ? $socket->accept : $socket;\n    $from->recv(my $record, 65536);|' journal.pl >syslog.pl
cat >inside <<'SCRIPT'
kind=$1
shift
mount -t tmpfs none /run && mount -t tmpfs none dev && touch dev/null && mount --bind /dev/null dev/null && mount --rbind dev /dev || exit 99
perl syslog.pl records "$kind" &
syslog=$!
until [ -e records.ready ]; do sleep 0.01; done
"$@"
status=$?
until grep -q "$END" records; do sleep 0.01; done
kill "$syslog"
exit $status
SCRIPT
mkdir dev
export END
for kind in 0 1; do
    END='done, signed by release'
    record "$kind" "${apply[@]}" fee.hotfix --pid "$pid"
    id=$(hotfix show fee.hotfix | sed -n 's/^id *//p')
    # 85 is authpriv.notice.
    is "without a journal syslog is told ($kind)" "$status $(tr -d '\0' <told | sed -E 's/hotfixctl\[[0-9]+\]/NAME/')" \
        "0 <85>NAME: apply fee 1 in process PID: applied, signed by release, threads paused for N us (by user 0)
<85>NAME: apply fee 1: done, signed by release (by user 0)"
    END='reverted'
    record "$kind" "$OPERATOR" revert "$id" --pid "$pid"
done
exec 9>&-
wait "$pid"
finish
