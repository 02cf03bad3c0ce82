#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The role hotfix for Ansible, on two hosts that are namespaces of this one: it changes what is not as it should be, once.
. "$(dirname "$0")/lib.sh"
if ! command -v ansible-playbook >/dev/null; then
    echo "1..0 # SKIP ansible-playbook is not installed"
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! unshare -mpf --mount-proc true 2>/dev/null; then
    echo "1..0 # SKIP namespaces need root"
    exit 0
fi
. "$STORY/operator.sh"

# shellcheck disable=SC2086 # words
{
    $CC $release -o shop "$SOURCES/shop.c" "$SOURCES/cage.c" && $CC -O2 -g $record -fPIC -shared -o fix.so fixed.c || exit 1
}
pack --target shop --key release.key -o fee.hotfix
pack --target shop --key stranger.key -o strange.hotfix
chmod -R a+rX . && chmod 600 ./*.key
id=$(hotfix show fee.hotfix | sed -n 's/^id *//p')
python=$(command -v /usr/bin/python3 || command -v python3)

# host NAME PROCESSES: a PID namespace with so many of the program, and an interpreter for Ansible's modules that works in there.
host() {
    local shops=''
    for _ in $(seq "$2"); do shops+='./shop <pipe >/dev/null & '; done
    [ -p pipe ] || mkfifo pipe
    unshare -mpf --mount-proc bash -c "$shops touch $1.ready; exec sleep 600 9<&-" 8<>pipe &
    pids+=($!)
    until [ -e "$1.ready" ] && [ -n "$(pgrep -P $!)" ]; do sleep 0.01; done
    local init
    init=$(pgrep -P $!)
    pids+=("$init")
    printf '#!/bin/sh\nexec nsenter -t %s -m -p -- %s "$@"\n' "$init" "$python" >"python-$1"
    chmod 755 "python-$1"
    printf '%s ansible_connection=local ansible_python_interpreter=%s hotfix_directory=%s hotfix_store=%s\n' "$1" "$PWD/python-$1" \
        "$PWD/$1/bundles" "$PWD/$1/enabled" >>inventory
}
exec 8<>/dev/null
host one 2
host two 1
cat >play.yml <<PLAY
- hosts: all
  gather_facts: false
  roles:
    - role: hotfix
      vars:
        hotfix_trust: $PWD/trust
        hotfix_command: $OPERATOR
PLAY
export ANSIBLE_ROLES_PATH=$ROOT/packaging/ansible/roles ANSIBLE_HOME=$PWD/.ansible ANSIBLE_LOCAL_TEMP=$PWD/.ansible/tmp \
    ANSIBLE_REMOTE_TEMP=$PWD/.ansible/tmp ANSIBLE_NOCOLOR=1 ANSIBLE_RETRY_FILES_ENABLED=0 ANSIBLE_PYTHON_INTERPRETER=auto_silent LC_ALL=C.UTF-8
# play VARIABLE=VALUE...: what was changed on each host becomes $changed.
play() {
    local options=()
    for variable in "$@"; do options+=(-e "$variable"); done
    run ansible-playbook -i inventory play.yml "${options[@]}"
    changed=$(sed -n 's/^\(one\|two\) .*ok=.* changed=\([0-9]*\) .*failed=\([0-9]*\).*/\1 \2 \3/p' "$OUT" | xargs)
}
# fixed: how many processes of each host are.
fixed() {
    for host in one two; do
        $(sed -n 's/^exec \(nsenter .* --\) .*/\1/p' "python-$host") "$OPERATOR" status "$PWD/fee.hotfix" --all --trust "$PWD/trust" 2>/dev/null | grep -c ': fixed'
    done | xargs
}
play hotfix_bundle=strange.hotfix
is "a stranger's bundle fails the play" "$status $changed $(fixed)" "2 one 2 1 two 2 1 0 0" || diagnose <"$OUT"
play hotfix_bundle=fee.hotfix hotfix_canary=1 hotfix_wait=1 '{"hotfix_enabled": true}'
is "a bundle is copied, applied and enabled" "$status $changed $(fixed)" "0 one 3 0 two 3 0 2 1" || diagnose <"$OUT"
play hotfix_bundle=fee.hotfix '{"hotfix_enabled": true}'
is "once" "$status $changed" "0 one 0 0 two 0 0" || diagnose <"$OUT"
ok "as status says" grep -q "enabled: fee 1, id $id" <("$OPERATOR" status --all --trust trust --store one/enabled 2>/dev/null)
play hotfix_bundle=fee.hotfix hotfix_state=reverted '{"hotfix_enabled": false}'
is "and is taken back" "$status $changed $(fixed) $(find one/enabled two/enabled -name '*.hotfix')" "0 one 2 0 two 2 0 0 0 " || diagnose <"$OUT"
play hotfix_bundle=fee.hotfix hotfix_state=reverted '{"hotfix_enabled": false}'
is "once, too" "$status $changed" "0 one 0 0 two 0 0" || diagnose <"$OUT"
finish
