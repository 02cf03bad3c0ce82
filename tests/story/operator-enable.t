#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bundles that are enabled: programs that start with the agent preloaded apply them before main, and nobody else notices.
. "$(dirname "$0")/lib.sh"
. "$STORY/operator.sh"

agent=$BUILD/libhotfix-agent.so
# shellcheck disable=SC2086 # words
{
    $CC $release -o starts "$SOURCES/shop.c" "$SOURCES/starts.c" &&
        $CC -O1 -g $record -Wl,--build-id -o upgraded "$SOURCES/shop.c" "$SOURCES/starts.c" &&
        $CC $release -Wno-error -o linked "$SOURCES/shop.c" "$SOURCES/starts.c" -Wl,--no-as-needed -L"$LIBRARY" -lhotfix \
            -Wl,-rpath,"$LIBRARY" &&
        $CC -O2 -g $record -fPIC -shared -o fix.so fixed.c || exit 1
}
pack --target starts --key release.key -o fee.hotfix --sequence 5
pack --target linked --key release.key -o linked.hotfix
pack --target starts --key stranger.key -o strange.hotfix
id=$(hotfix show fee.hotfix | sed -n 's/^id *//p')
build=$(readelf -nW starts | sed -n 's/.*Build ID: //p')
sed 's/ 7 / 11 /' "$SOURCES/shop.c" >fixed.c
# shellcheck disable=SC2086 # words
$CC -O2 -g $record -fPIC -shared -o fix.so fixed.c || exit 1
hotfix pack --patch fix.so --func fee --accept-flags "made by hand" --name newer --version 1 --target starts --key release.key \
    --sequence 6 --supersedes "$id" -o newer.hotfix >/dev/null 2>"$ERR" || diagnose <"$ERR"
newer=$(hotfix show newer.hotfix | sed -n 's/^id *//p')
chmod -R a+rX . && chmod 600 ./*.key
clean() {
    local left
    kill -KILL "${pids[@]}" 2>/dev/null
    for left in "$id" "$newer" "${library-}" "${waits-}" "${hook-}"; do
        "$OPERATOR" disable "$left" --store "$SCRATCH/store" >/dev/null 2>&1
    done
    cd / && rm -rf "$SCRATCH"
}
trap clean EXIT

export HOTFIX_AGENT_STORE=$SCRATCH/store HOTFIX_AGENT_TRUST=$SCRATCH/trust
enable=("$OPERATOR" enable --trust trust --store store)
disable=("$OPERATOR" disable --store store)
# started COMMAND...: $said is what the program says of itself in `told`, $status how it ended.
started() {
    rm -f told
    { run env LD_PRELOAD="$agent" "$@"; } 2>/dev/null # which the shell tells of crashes
    said=$(cat told 2>/dev/null)
}
./starts well told
plain=$(cat told) # with the descriptors that this story got
fixed=${plain/8 8/10 10}', library'

# What is refused is not kept.
expect 4 "hotfixctl enable: bundle strange.hotfix: signed only by keys that are not in the trust store (key id $(openssl pkey \
    -pubin -in stranger.pub -outform DER | tail -c 32 | sha256sum | cut -c 1-32))" "a stranger's bundle is not enabled" \
    "${enable[@]}" strange.hotfix
ok "and leaves nothing" test ! -e store
mkdir -p store && chmod 777 store
run "${enable[@]}" fee.hotfix
is "a store that others may write to is refused" "$status $(grep -c 'may be written by other users (mode 0777)' "$ERR")" "4 1"
rm -rf store
expect 6 "hotfixctl disable: bundle $id is not enabled" "what is not enabled cannot be disabled" "${disable[@]}" "$id"
started ./starts well told
is "where nothing is enabled the agent leaves no trace" "$status $said $(cat "$OUT" "$ERR")" "0 $plain "

# Enabled.
run "${enable[@]}" fee.hotfix
is "a bundle is enabled" "$status $(cat "$OUT")" "0 enabled fee 1, id $id, for starts with build-id $build"
is "under its build-id, in order, for everybody to read" "$(cd store && find . -type f -printf '%P %m\n')" \
    "$build/00000000000000000005-$(printf %020d "$(date -d "$(hotfix show fee.hotfix | sed -n 's/^created *//p')" +%s)")-$id.hotfix 644"
find store -type f -exec chmod 600 {} +
(umask 077 && "${enable[@]}" fee.hotfix >/dev/null && "${enable[@]}" fee.hotfix --store closed >/dev/null)
is "whatever the umask is, and the mode before" "$(find store closed -printf '%m\n' | sort | uniq -c | xargs)" "2 644 4 755"
rm -r closed
run ./starts well told
is "a program without the agent does not have it" "$(cat told)" "$plain"
started ./starts well told
is "a program with it has, before its own constructors" "$status $said $(cat "$OUT" "$ERR")" "0 $fixed "
started ./upgraded well told
is "but not one of another build, to which nothing is said" "$status $said" "0 $plain"
started env HOTFIX_AGENT=off ./starts well told
is "nor one that is to do without" "$status $said" "0 $plain"
started ./starts exec told
is "exec keeps it" "$status $said" "0 $fixed"
started ./starts daemon-well told
is "so does a daemon" "$status $said" "0 $fixed"
started bash -c 'exec ./starts well told <&- >&- 2>&-'
bare=$(sed -E 's/.* ([0-9]+) desc.*/\1/' <<<"$plain")
is "no descriptor is needed, and none is taken" "$status $said" "0 ${fixed/$bare desc/$((bare - 3)) desc}"
started prlimit --fsize=0 ./starts well
is "nor a file to be written" "$status" 0
started bash -c "./starts well told"
is "a shell before it has no part in that" "$status $said" "0 $fixed"
run hotfixctl status --all --trust trust --store store --json
is "status names what is enabled" "$(json enabled.0.id) $(json enabled.0.bundle) $(json enabled.0.build_id) $(json enabled.0.required) $(json enabled.0.refused)" \
    "$id fee 1 $build false null"

# Notes that the dynamic linker does not look at, and that are not mapped: those that are not aligned as properties are.
cp upgraded astray
perl -e 'open(my $f, "+<", "astray") or die; binmode $f; sysread($f, my $header, 64);
    my ($at, $count) = (unpack("x32Q", $header), unpack("x56S", $header));
    for my $i (0 .. $count - 1) {
        sysseek($f, $at + 56 * $i, 0); sysread($f, my $text, 56);
        my @segment = unpack("LLQQQQQQ", $text);
        next if $segment[0] != 4 || $segment[7] != 4;
        $segment[3] += 1 << 32;
        sysseek($f, $at + 56 * $i, 0); syswrite($f, pack("LLQQQQQQ", @segment));
    }'
started ./astray well told
is "nor does one crash whose notes are not mapped" "$status $said" "0 $plain"

# Later entry uses the library that is there.
cat >wait.c <<'SOURCE'
int fee(int value);
#include <stdio.h>
#include <unistd.h>
int main(void)
{
    char byte;
    puts("ready");
    fflush(stdout);
    while (read(0, &byte, 1) > 0)
        ;
    return ((int (*volatile)(int))fee)(3);
}
SOURCE
# shellcheck disable=SC2086 # words
$CC $release -o waits "$SOURCES/shop.c" wait.c && sed 's/ 7 / 9 /' "$SOURCES/shop.c" >fixed.c &&
    $CC -O2 -g $record -fPIC -shared -o fix.so fixed.c || exit 1
pack --target waits --key release.key -o waits.hotfix
waits=$(hotfix show waits.hotfix | sed -n 's/^id *//p')
"${enable[@]}" waits.hotfix >/dev/null || exit 1
LD_PRELOAD=$agent start waits ./waits
asleep
run hotfixctl status waits.hotfix --pid "$pid" --trust trust --verify
is "a process that started so is fixed, byte by byte" "$status $(sed "s/$pid/PID/" "$OUT")" \
    "0 process PID (waits): fixed, and verified: 1 functions"
due() {
    HOTFIXCTL=$OPERATOR "$ROOT/packaging/apt/restart-due" | sed -n "s/$pid/PID/p"
}
is "after an upgrade nothing is said of what runs the installed file" "$(due)" ""
mv waits before && cp before waits && rm before
is "and of what does not that its restart is due" "$(due)" "hotfixctl: process PID (waits: fee 1): fixed live, restart still due"
run hotfixctl revert "$waits" --pid "$pid"
is "and can be put back from outside" "$status $(grep -c libhotfix-inside "/proc/$pid/maps" | sed 's/[1-9].*/loaded/') $(grep -c memfd:hotfix-agent "/proc/$pid/maps")" "0 loaded 0"
exec 9>&-
wait "$pid"
is "as it then runs" "$?" 8
"${disable[@]}" waits.hotfix >/dev/null

# A program that has libhotfix itself.
"${enable[@]}" linked.hotfix >/dev/null
started ./linked well told
is "a program with libhotfix of its own keeps its own way" "$status ${said%, library}" "0 $plain"
"${disable[@]}" linked.hotfix >/dev/null

# Unsafe, withdrawn, damaged: the program starts without it.
chmod 775 "store/$build"
started ./starts well told
is "a store that others may write to is not believed" "$status ${said%, library}" "0 $plain"
chmod 755 "store/$build"
for file in store/*/*.hotfix; do :; done
cp "$file" kept && head -c 3000 kept >"$file"
started ./starts well told
is "nor is half a bundle" "$status ${said%, library}" "0 $plain"
cp strange.hotfix "$file"
started ./starts well told
is "nor a stranger's" "$status ${said%, library}" "0 $plain"
run hotfixctl status --all --trust trust --store store
is "which status says" "$status $(grep -c "^enabled, but refused: id $id, for build-id $build: signed only by keys" "$OUT")" "1 1"
rm "$file" && ln -s "$SCRATCH/kept" "$file"
started ./starts well told
is "nor a link" "$status ${said%, library}" "0 $plain"
rm "$file" && cp kept "$file"
mv trust untrusted
started ./starts well told
is "without a trust store nothing is believed" "$status ${said%, library}" "0 $plain"
is "and a program of nobody's is not held up" "$(LD_PRELOAD=$agent /bin/echo fine)" fine

# Demanded.
mv untrusted trust
run "${enable[@]}" fee.hotfix --required
is "a bundle may be demanded" "$status $(cat "$OUT")" \
    "0 enabled fee 1, id $id, for starts with build-id $build; programs do not start without it"
started ./starts well told
is "then it is applied as before" "$status $said" "0 $fixed"
mv trust untrusted
started ./starts well told
is "or the program does not start, and says why" "$status $said $(cat "$ERR")" \
    "78  hotfix-agent: ./starts is not started: bundle $id, which is demanded, was not applied: trust store $SCRATCH/trust: cannot be \
found: No such file or directory"
started ./upgraded well told
is "of which other programs notice nothing" "$status $said" "0 $plain"
started env HOTFIX_AGENT=off ./starts well told
is "and which its caller can do without" "$status $said" "0 $plain"
mv untrusted trust
mkdir bare && cp "$agent" bare/
rm -f told
run env LD_PRELOAD="$SCRATCH/bare/libhotfix-agent.so" ./starts well told
is "without the library it does not start either" "$status $(cat "$ERR")" \
    "78 hotfix-agent: ./starts is not started: a bundle is demanded, and libhotfix-inside.so beside the agent cannot be loaded"
started prlimit --nofile=4 ./starts well told <&- 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-
is "nor with the descriptors alone that it needs to start" "$status ${said%, library}" "78 "
for number in {101..164}; do touch "store/$build/00000000000000000$number-00000000000000000000-$id.hotfix"; done
started ./starts well told
is "nor where more is enabled than can be read" "$status $(sed 's/.*is not started: //' "$ERR")" \
    "78 store of enabled bundles $SCRATCH/store/$build: has more than 64 bundles: remove files of some"
rm "store/$build"/*164-00000000000000000000-*
run "${enable[@]}" newer.hotfix
is "and which enabling refuses to make" "$status $(sed 's/.*build: //; s/.*: has/has/' "$ERR")" \
    "5 has 64 bundles, and can have no more: disable some of them"
rm "store/$build"/*-00000000000000000000-*
if [ "$(id -u)" = 0 ]; then
    mv "store/$build"/*.required mark && mv "store/$build" aside && mkdir "store/$build" && cp aside/*.hotfix "store/$build/"
    for file in aside/*.hotfix; do file=store/$build/$(basename "$file" .hotfix).required && cp mark "$file" && chown 65534 "$file"; done
    LD_PRELOAD=$SCRATCH/bare/libhotfix-agent.so ./starts well told
    is "a mark of somebody else's demands nothing" "$? $(cat told)" "0 $plain"
    rm -r "store/$build" && mv aside "store/$build" && mv mark "$file"
fi
for _ in 1 2 3; do started ./starts abort told; done
is "what is demanded is never in quarantine" "$status $said" "134 $fixed"
"${enable[@]}" fee.hotfix >/dev/null
is "a demand is withdrawn by enabling it without" "$(find store -name '*.required')" ""

# Quarantine.
started ./starts abort told
is "a crash is one crash" "$status $said" "134 $fixed"
started ./starts well told
started ./starts abort told
is "and after a good end the first one again" "$status $said" "134 $fixed"
started ./starts abort told
is "the second crash in a row" "$status $said" "134 $fixed"
started ./starts abort told
is "is the last: the program starts without the bundle" "$status ${said%, library}" "0 $plain"
run hotfixctl status --all --trust trust --store store
is "status says where it is in quarantine" "$status $(grep -c "^  in quarantine, .* for programs of user $(id -u) whose build-id begins with ${build:0:16}:" "$OUT") $(tail -n 1 "$OUT")" \
    "1 1 1 enabled bundles are not applied to programs that start"
"${enable[@]}" fee.hotfix >/dev/null
started ./starts well told
is "enabling it again ends that" "$status $said" "0 $fixed"
for _ in 1 2; do started ./starts daemon-abort told; done
started ./starts abort told
is "a daemon's crashes count" "$status ${said%, library}" "0 $plain"
"${enable[@]}" fee.hotfix >/dev/null
shm=/dev/shm/hotfix-start.$id.${build:0:16}.$(id -u)
for _ in 1 2 3; do
    started ./starts abort told
    # Eleven seconds ago: see the record in shared/starts.c.
    perl -e 'open(my $f, "+<", $ARGV[0]) or die; sysseek($f, 32, 0); sysread($f, my $b, 8); sysseek($f, 32, 0);
        syswrite($f, pack("Q", unpack("Q", $b) - 11e9))' "$shm"
done
is "who lived for a while before did not crash by the bundle" "$status $said" "134 $fixed"
"${enable[@]}" fee.hotfix >/dev/null
for _ in 1 2; do started bash -c './starts left-abort told | cat'; done
started ./starts abort told
is "also when its first parent left" "$status ${said%, library}" "0 $plain"
"${enable[@]}" fee.hotfix >/dev/null
for what in exec become helper; do
    for _ in 1 2 3; do started ./starts "$what" told; done
    is "$what is no crash" "$status $said" "0 $fixed"
done
"${enable[@]}" fee.hotfix >/dev/null
is "and no file is left" "$(find /dev/shm -name 'hotfix-*' -newer fee.hotfix -exec grep -l "$id" {} + 2>/dev/null)" ""
started prlimit --fsize=0 ./upgraded become
is "nothing is written where nothing may be" "$status" 0

# More bundles than a process keeps records of.
mkdir many
for number in {1..17}; do echo "int f$number(int value); int f$number(int value) { return value * 7 / 3 + $number; }"; done >many/old.c
sed 's/ 7 / 9 /' many/old.c >many/new.c
echo 'int (*volatile called)(int) = f17; int main(void) { return called(3); }' >>many/old.c
# shellcheck disable=SC2086 # words
$CC $release -o many/old many/old.c && $CC -O2 -g $record -fPIC -shared -o many/fix.so many/new.c || exit 1
for number in {1..17}; do
    hotfix pack --patch many/fix.so --func "f$number" --accept-flags "made by hand" --name "f$number" --version 1 --target many/old \
        --key release.key --sequence "$number" -o "many/$number.hotfix" >/dev/null 2>"$ERR" && "${enable[@]}" "many/$number.hotfix" >/dev/null
done
for _ in 1 2 3; do run env LD_PRELOAD="$agent" many/old; done
is "the seventeenth bundle of a program that ends well is not in quarantine" "$status" 26
for number in {1..17}; do "${disable[@]}" "many/$number.hotfix" >/dev/null; done

# One that crashes while it is applied, or is killed then after a long time.
cat >hook.c <<'SOURCE'
#include <stdlib.h>
int hotfix_on_apply(void);
int hotfix_on_apply(void) { abort(); }
SOURCE
# shellcheck disable=SC2086 # words
$CC -O2 -g $record -fPIC -shared -o hook.so fixed.c hook.c || exit 1
hotfix pack --patch hook.so --func fee --accept-flags "made by hand" --name hook --version 1 --target starts --key release.key \
    -o hook.hotfix >/dev/null 2>"$ERR" || diagnose <"$ERR"
hook=$(hotfix show hook.hotfix | sed -n 's/^id *//p')
"${disable[@]}" "$id" >/dev/null
"${enable[@]}" hook.hotfix >/dev/null
started ./starts well told
is "a bundle that crashes when it is applied" "$status $said" "134 "
perl -e 'open(my $f, "+<", $ARGV[0]) or die; sysseek($f, 32, 0); sysread($f, my $b, 8); sysseek($f, 32, 0);
    syswrite($f, pack("Q", unpack("Q", $b) - 11e9))' "/dev/shm/hotfix-start.$hook.${build:0:16}.$(id -u)"
started ./starts well told
started ./starts well told
is "keeps nobody from starting for ever, however long that took" "$status ${said%, library}" "0 $plain"
"${disable[@]}" "$hook" >/dev/null
"${enable[@]}" fee.hotfix >/dev/null

# A library.
cat >uses.c <<'SOURCE'
int fee(int value);
#include <stdio.h>
#include <stdlib.h>
static int early;
__attribute__((constructor)) static void begin(void) { early = fee(3); }
int main(int argc, char **argv)
{
    FILE *out = fopen("told", "w");
    fprintf(out, "%d %d\n", early, fee(3));
    fclose(out);
    if (argc > 1 && fee(3) != 8)
        abort();
    return argv[0] == NULL;
}
SOURCE
# shellcheck disable=SC2086 # words
{
    $CC $release -fPIC -shared -o libshop.so "$SOURCES/shop.c" && sed 's/ 7 / 9 /' "$SOURCES/shop.c" >fixed.c &&
        $CC $release -o uses uses.c -L. -lshop -Wl,-rpath,"$PWD" && $CC -O2 -g $record -fPIC -shared -o fix.so fixed.c || exit 1
}
pack --target libshop.so --key release.key -o library.hotfix
library=$(hotfix show library.hotfix | sed -n 's/^id *//p')
"${enable[@]}" library.hotfix >/dev/null
for _ in 1 2 3; do started ./uses crash; done
is "a library is fixed, and a program that only uses it is not counted" "$status $said" "134 10 10"
# shellcheck disable=SC2016 # the shell's that systemd is played by
for _ in 1 2 3; do started bash -c 'export SYSTEMD_EXEC_PID=$$; exec ./uses crash'; done
is "but for a unit's main process" "$status $said" "0 8 8"
"${disable[@]}" "$library" >/dev/null

# A newer one.
run "${enable[@]}" newer.hotfix
is "a bundle takes the place of those that it supersedes" "$status $(sed -n 2p "$OUT") $(find store -name '*.hotfix' | wc -l)" \
    "0   in place of bundle $id 1"
started ./starts well told
is "and is applied" "$status ${said:0:9}" "0 fee 12 12"
"${disable[@]}" "$newer" >/dev/null
is "disabled, nothing is left" "$(find store -mindepth 1) $(ls /dev/shm/hotfix-start."$newer".* 2>/dev/null)" " "
started ./starts well told
is "and nothing is applied" "$status $said" "0 $plain"
if [ "$(id -u)" != 0 ]; then
    finish
fi

# Other users.
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
"${enable[@]}" fee.hotfix >/dev/null
mkdir -m 777 open
started "${nobody[@]}" ./starts well open/told
is "any user's process has it" "$status $(cat open/told)" "0 $fixed"
rm -f open/told "$shm"
# Somebody wants it off in root's processes.
# shellcheck disable=SC2016 # perl's
"${nobody[@]}" perl -e 'open(my $f, ">", $ARGV[0]) or die; print $f pack("a8LlQQQLLlL", "hfstart", 9, 1, 1, 1, 1, 0, 0, 0, 0)' "$shm"
started ./starts well told
is "nobody turns it off for others" "$status $said" "0 $fixed"
is "nor does status believe that" "$(hotfixctl status --all --trust trust --store store 2>/dev/null | grep -c quarantine)" 0
rm -f "$shm"
"${nobody[@]}" mkdir "$shm"
started ./starts well told
is "nor by what cannot be written" "$status $said" "0 $fixed"
rmdir "$shm"

# Nor does anybody make an exec look like a crash.
"${enable[@]}" fee.hotfix >/dev/null
for _ in 1 2 3; do
    # shellcheck disable=SC2016 # the shell's
    started bash -c '"$@" touch "/dev/shm/hotfix-exec.$$.0" && echo "/dev/shm/hotfix-exec.$$.0" >>planted && exec ./starts become told' \
        plant "${nobody[@]}"
done
is "nor makes an exec a crash" "$status $said" "0 $fixed"
xargs rm -f <planted

# A program with more rights than its caller, for which the agent comes from /etc/ld.so.preload.
unshare -m true 2>/dev/null || finish
cat >wrapper.c <<'SOURCE'
#include <unistd.h>
int main(int argc, char **argv) { return setgid(0) != 0 || setuid(0) != 0 || argc < 2 || execv(argv[1], argv + 1); }
SOURCE
# shellcheck disable=SC2086 # words
$CC $release -o wrapper wrapper.c || exit 1
cat >inside <<'SCRIPT'
cp -a /etc etc && echo "$1" >etc/ld.so.preload && mkdir -p etc/hotfix && cp -r trust etc/hotfix/trust || exit 99
mount --bind etc /etc && mount -t tmpfs -o mode=755 none /var/lib || exit 99
"$OPERATOR" enable fee.hotfix >/dev/null || exit 98
cp starts secret && cp wrapper wraps && chmod 4755 secret wraps
setpriv --reuid 65534 --regid 65534 --clear-groups bash -c '
    for _ in 1 2 3; do
        HOTFIX_AGENT=off HOTFIX_AGENT_STORE=/nowhere HOTFIX_AGENT_TRUST=/nowhere ./secret abort open/"$$" 2>/dev/null
        cat open/"$$"
        rm -f open/"$$"
    done'
ls /dev/shm/hotfix-start."$2".* 2>/dev/null
HOTFIX_AGENT=off HOTFIX_AGENT_STORE=/nowhere HOTFIX_AGENT_TRUST=/nowhere \
    setpriv --reuid 65534 --regid 65534 --clear-groups ./wraps ./starts well open/wrapped
cat open/wrapped
"$OPERATOR" disable "$2" >/dev/null
SCRIPT
export OPERATOR
run unshare -m bash inside "$agent" "$id"
[ "$status" = 99 ] ||
    is "its caller has no say in what is applied, nor do its crashes count, nor in what it starts" \
        "$status $(sed 's/, .*//' "$OUT" | xargs)" "0 fee 10 10 fee 10 10 fee 10 10 fee 10 10"
finish
