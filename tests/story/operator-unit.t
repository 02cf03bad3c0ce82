#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The drop-in with which a systemd service starts with the agent, and what settings of services mean for it.
. "$(dirname "$0")/lib.sh"
. "$STORY/operator.sh"

agent=/usr/lib/hotfix/libhotfix-agent.so
units=root/usr/lib/systemd/system
mkdir -p "root/${agent%/*}" "$units/plain.service.d" root/etc/systemd/system && cp "$BUILD/libhotfix-agent.so" "root$agent"
unit() {
    printf '[Unit]\nDescription=a shop\nNoNewPrivileges=maybe\n[Service]\n%s\nExecStart=/bin/true\n' "$2" >"$units/$1.service"
}
enable=("$OPERATOR" enable-unit --root root --agent "$agent")
dropin() {
    tail -n +3 "root/etc/systemd/system/$1.service.d/hotfix.conf" 2>/dev/null
}

# What is refused writes nothing.
refuses() {
    local wanted=$1 message=$2 claim=$3
    shift 3
    expect "$wanted" "hotfixctl enable-unit: $message" "$claim" "$@"
}
refuses 6 "there is no unit shop.service below root" "a unit must exist" "${enable[@]}" shop
refuses 2 "shop.socket is no service: name the service that runs the program" "and be a service" "${enable[@]}" shop.socket
refuses 2 "'../shop': a service's name is needed" "which has a name" "${enable[@]}" ../shop
unit plain ''
refuses 2 "--agent lib.so: an absolute path without blanks, quotes and colons is needed" "the agent has an absolute path" \
    "$OPERATOR" enable-unit --root root --agent lib.so plain
refuses 5 "--agent /lib.so: cannot be read below root" "at which it is" "$OPERATOR" enable-unit --root root --agent /lib.so plain
expect 6 "hotfixctl disable-unit: plain.service does not start with the agent" "nothing to be taken away" \
    "$OPERATOR" disable-unit --root root plain
is "nothing was written" "$(find root/etc -type f)" ""

# A service as most are.
run "${enable[@]}" plain
is "a service gets the agent" "$status $(cat "$OUT")" \
    "0 plain.service starts with the agent from its next start on: systemctl daemon-reload && systemctl restart plain.service"
is "by its environment and nothing else" "$(dropin plain)" "Environment=LD_PRELOAD=$agent"
run "${enable[@]}" plain.service
is "twice is as once" "$status $(dropin plain)" "0 Environment=LD_PRELOAD=$agent"
run "$OPERATOR" disable-unit --root root plain
is "and loses it again" "$status $(find root/etc -type f) $(ls root/etc/systemd/system)" "0  "
mkdir root/etc/systemd/system/plain.service.d && echo '[Service]' >root/etc/systemd/system/plain.service.d/hotfix.conf
expect 5 "hotfixctl disable-unit: root/etc/systemd/system/plain.service.d/hotfix.conf was not written by hotfixctl: remove it yourself" \
    "what somebody else wrote stays" "$OPERATOR" disable-unit --root root plain

# Settings, of the unit and of drop-ins.
unit strict 'NoNewPrivileges=yes
MemoryDenyWriteExecute=true
PrivateUsers=no
SystemCallFilter=read write \
# not this
   openat
Environment=A=1 "LD_PRELOAD=/usr/lib/jemalloc.so" B=2'
mkdir "$units/strict.service.d" && printf '[Service]\nNoExecPaths=/\nTemporaryFileSystem=/var\n' >"$units/strict.service.d/10.conf"
run "${enable[@]}" strict
is "what a unit preloads itself is kept" "$status $(dropin strict | head -n 1)" "0 Environment=LD_PRELOAD=/usr/lib/jemalloc.so:$agent"
is "and what it hides, forbids or filters is given" "$(dropin strict | sed -n '2,3p'; dropin strict | grep -c '^SystemCallFilter=access clone .*memfd_create')" \
    "ExecPaths=/usr/lib/hotfix
BindReadOnlyPaths=/usr/lib/hotfix -/var/lib/hotfix/enabled -/etc/hotfix/trust
1"
is "what settings mean is said" "$(sed -n 's/^  \([A-Za-z]*\)=:.*/\1/p' "$OUT" | xargs)" \
    "MemoryDenyWriteExecute NoNewPrivileges SystemCallFilter TemporaryFileSystem NoExecPaths"
run "${enable[@]}" strict --json
is "as JSON" "$status $(json ok) $(json units.0.unit) $(json units.0.settings.1.setting)" "0 true strict.service NoNewPrivileges"
calls=$(dropin strict | sed -n 's/^SystemCallFilter=//p')
for filter in '@system-service' '~@mount' ''; do
    unit filter "SystemCallFilter=read
SystemCallFilter=
SystemCallFilter=$filter"
    "${enable[@]}" filter >/dev/null
    is "nothing is added to the list '$filter'" "$(dropin filter)" "Environment=LD_PRELOAD=$agent"
done
unit 'worker@' 'RootDirectory=/srv'
run "${enable[@]}" worker@7
is "an instance is of its template" "$status $(dropin worker@7 | tail -n 1)" \
    "0 BindReadOnlyPaths=/usr/lib/hotfix -/var/lib/hotfix/enabled -/etc/hotfix/trust"
if command -v systemd-analyze >/dev/null; then
    is "systemd understands all of that" \
        "$(systemd-analyze verify --man=no --root="$PWD/root" strict.service filter.service 2>&1 | grep hotfix.conf)" ""
fi

# And so it is: with real processes.
# shellcheck disable=SC2086 # words
{
    $CC $release -o starts "$SOURCES/shop.c" "$SOURCES/starts.c" && $CC -O2 -g $record -fPIC -shared -o fix.so fixed.c || exit 1
}
pack --target starts --key release.key -o fee.hotfix
id=$(hotfix show fee.hotfix | sed -n 's/^id *//p')
chmod -R a+rX . && chmod 600 ./*.key
trap '"$OPERATOR" disable "$id" --store "$SCRATCH/store" >/dev/null; cd / && rm -rf "$SCRATCH"' EXIT
"$OPERATOR" enable fee.hotfix --trust trust --store store >/dev/null || exit 1
export HOTFIX_AGENT_STORE=$SCRATCH/store HOTFIX_AGENT_TRUST=$SCRATCH/trust
# fee COMMAND...: what it is in a program that is started so.
fee() {
    rm -f told
    "$@" "$BUILD/libhotfix-agent.so" >/dev/null 2>"$ERR"
    sed 's/, .*//' told 2>/dev/null
}
# shellcheck disable=SC2016 # perl's
preload='$ENV{LD_PRELOAD} = pop; exec "./starts", "well", "told"'
is "NoNewPrivileges= does not matter" "$(fee setpriv --no-new-privs perl -e "$preload")" "fee 10 10"
# 157 is prctl, 65 PR_SET_MDWE, which older kernels do not have.
is "MemoryDenyWriteExecute= does not either" "$(fee perl -e "syscall(157, 65, 1, 0, 0, 0); $preload")" "fee 10 10"
if [ "$(id -u)" = 0 ] && unshare -U -r true 2>/dev/null; then
    is "nor PrivateUsers= where the owner of the store is mapped" "$(fee unshare -U -r perl -e "$preload")" "fee 10 10"
    is "where nobody is, the store is nobody's" "$(fee unshare -U perl -e "$preload")" "fee 8 8"
fi
# systemd's @default, as far as such a program can come across it.
default='arch_prctl brk clock_getres clock_gettime clock_nanosleep execve exit exit_group futex getegid geteuid getgid getgroups getpgid
getpgrp getpid getppid getrandom getresgid getresuid getrlimit get_robust_list gettid gettimeofday getuid membarrier mmap mprotect
munmap nanosleep pause prlimit64 restart_syscall rseq rt_sigreturn sched_getaffinity sched_yield set_robust_list set_thread_area
set_tid_address sigreturn time'
# filter CALL...: the program ./filter permits these alone, kills for any other, and starts the program.
filter() {
    local call
    {
        printf '#define _GNU_SOURCE\n#include <linux/filter.h>\n#include <linux/seccomp.h>\n#include <stddef.h>\n#include <stdlib.h>
#include <sys/prctl.h>\n#include <sys/syscall.h>\n#include <unistd.h>\nstatic const int allowed[] = {\n'
        for call in "$@"; do printf '#ifdef SYS_%s\nSYS_%s,\n#endif\n' "$call" "$call"; done
        cat <<'SOURCE'
};
int main(int argc, char **argv)
{
    static struct sock_filter code[512];
    unsigned short count = 0;
    code[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)allowed[i], 0, 1);
        code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = {.len = count, .filter = code};
    setenv("LD_PRELOAD", argv[argc - 1], 1);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return 1;
    execl("./starts", "./starts", "well", "told", (char *)0);
    return 2;
}
SOURCE
    } >filter.c
    "$CC" -O1 -o filter filter.c
}
# shellcheck disable=SC2086 # words
filter $default $calls
is "the calls that a drop-in permits are enough" "$(fee ./filter)" "fee 10 10"
# shellcheck disable=SC2086 # words
filter $default ${calls/memfd_create/}
"$OPERATOR" enable fee.hotfix --trust trust --store store >/dev/null
is "and are needed, but do not keep the service from starting for ever" "$(fee ./filter) $(fee ./filter) $(fee ./filter)" "  fee 8 8"
# A helper needs what any program needs to start.
echo 'int main(void) { return 7; }' >helper.c && $CC -O2 -o helper helper.c || exit 1
# shellcheck disable=SC2086 # words
filter $default access close fstat mmap mprotect newfstatat open openat pread64 read stat
sed -i 's|"./starts", "./starts", "well", "told"|"./helper", "./helper"|' filter.c && "$CC" -O1 -o filter filter.c || exit 1
./filter "$BUILD/libhotfix-agent.so"
is "a helper needs no call but those that start it" "$?" 7
finish
