#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command line itself: help, version, usage errors, and what happens when standard output cannot be written.
. "$(dirname "$0")/lib.sh"

see="(see 'hotfix --help')"
expect 2 "hotfix: VERB is missing $see" "no verb is a usage error" hotfix
expect 2 "hotfix: unknown verb 'frobnicate' $see" "an unknown verb is a usage error" hotfix frobnicate
expect 2 "hotfix: unknown verb 'verfiy', did you mean 'verify'? $see" "a mistyped verb is answered with the nearest" \
    hotfix verfiy
expect 2 "hotfix: unknown verb 'shwo', did you mean 'show'? $see" "help for a mistyped verb is too" hotfix help shwo
expect 2 "hotfix: unknown verb '\\x1b[2J' $see" "control characters are not passed on to the terminal" \
    hotfix $'\e[2J'
expect 2 "hotfix: unexpected argument 'x' $see" "--version takes no argument" hotfix --version x
expect 2 "hotfix: unexpected argument 'x' $see" "--help takes no argument" hotfix --help x
expect 2 "hotfix: unexpected argument 'show' $see" "help takes one verb" hotfix help verify show

expect 0 "" "--version succeeds" hotfix --version
ok "and prints one line" grep -qxE 'hotfix [0-9]+\.[0-9]+\.[0-9]+' "$OUT"
expect 0 "" "--help succeeds" hotfix --help
cp "$OUT" help
expect 0 "" "help without a verb does the same" hotfix help
ok "with the same text" cmp -s help "$OUT"
verbs=$(sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p' help)
ok "the help lists the verbs" test -n "$verbs"

full="cannot write to standard output: No space left on device"
to_full() {
    hotfix "$@" >/dev/full
}
expect 5 "hotfix: $full" "help that cannot be written fails" to_full --help
expect 5 "hotfix: $full" "a version that cannot be written fails" to_full --version
expect 5 "hotfix keygen: $full" "so does the help of a verb" to_full help keygen
to_closed() {
    hotfix "$@" >&-
}
expect 5 "hotfix: cannot write to standard output: Bad file descriptor" "a closed standard output is noticed" \
    to_closed --help

# The help of each verb and its man page name the same options; every verb says how to go on after a usage error.
for verb in $verbs; do
    [ "$verb" = cc ] && continue # stands in for a compiler: takes the compiler's options
    expect 0 "" "$verb --help succeeds" hotfix "$verb" --help
    cp "$OUT" help.verb
    run hotfix help "$verb"
    ok "help $verb prints the same" cmp -s help.verb "$OUT"
    is "no line of $verb --help is wider than 80 columns" "$(awk 'length > 80' help.verb)" ""
    expect 2 "hotfix $verb: unknown option '--no-such' (see 'hotfix $verb --help')" "$verb refuses unknown options" \
        hotfix "$verb" --no-such
    expect 2 "hotfix $verb: unknown option '-Z' (see 'hotfix $verb --help')" "$verb refuses unknown letters" \
        hotfix "$verb" -Z
    run hotfix "$verb" --no-such --json
    is "$verb reports a usage error as JSON too" "$status $(json .schema) $(json .ok) $(json .status) $(json .error.code)" \
        "2 hotfix.$verb/1 false 2 usage"
    page=$ROOT/docs/man/hotfix-$verb.1
    is "hotfix-$verb(1) describes the options of $verb" \
        "$(grep -oE '^\.It .*Fl -[a-z-]+' "$page" | grep -oE '[-][a-z-]+$' | sed 's/^-/--/' | sort)" \
        "$(grep -oE '^  (-.,|   ) --[a-z-]+' help.verb | grep -oE '[-]-[a-z-]+' | sort)"
done

# One table of exit statuses: what the command prints is what hotfix(1) says.
page=$ROOT/docs/man/hotfix.1
sed -n '/^\.Bl -tag -width "70"/,/^\.El/p' "$page" >table
is "hotfix(1) has the exit statuses of the command" \
    "$(sed -n 's/^\.It \([0-9]*\)$/\1/p' table)" "$(sed -n '/^Exit status:/,$s/^ *\([0-9][0-9]*\)  .*/\1/p' help)"
is "in the same words" "$(grep -v '^\.' table)" "$(sed -n '/^Exit status:/,$s/^ *[0-9][0-9]*  //p' help)"
is "and the same verbs" "$(sed -n 's/^\.It Cm //p' "$page")" "$verbs"

finish
