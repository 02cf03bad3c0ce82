# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion of hotfix and hotfixctl for bash. Verbs and options are those that the command's own --help has.

_hotfix_complete() {
    local command=$1 word=$2 before=$3 verb='' verbs options
    verbs=$("$command" --help 2>/dev/null | sed -n '/^Verbs:/,/^$/s/^  \([a-z-]*\) .*/\1/p')
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in [a-z]*)
            verb=$word
            break
            ;;
        esac
    done
    word=$2
    case $before in --exe | --trust | --store | --root | --agent | --metrics | --key | --target | --patch)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    esac
    if [ -z "$verb" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$verbs --help --version" -- "$word")
    elif [[ $word == -* ]]; then
        options=$("$command" "$verb" --help 2>/dev/null | sed -n 's/^ *\(-[a-z], \)\{0,1\}\(--[a-z-]*\).*/\2/p')
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}
complete -o filenames -F _hotfix_complete hotfix hotfixctl
