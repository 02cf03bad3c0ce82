# SPDX-License-Identifier: Apache-2.0
# Completion of hotfix and hotfixctl for fish. Verbs and options are those that the command's own --help has.

function __hotfix_verbs
    $argv[1] --help 2>/dev/null | sed -n '/^Verbs:/,/^$/s/^  \([a-z-]*\) .*/\1/p'
end
function __hotfix_options
    set -l words (commandline -opc)
    $words[1] $words[2] --help 2>/dev/null | sed -n 's/^ *\(-[a-z], \)\{0,1\}\(--[a-z-]*\).*/\2/p'
end
for command in hotfix hotfixctl
    complete -c $command -n __fish_use_subcommand -f -a "(__hotfix_verbs $command)"
    complete -c $command -n 'not __fish_use_subcommand; and string match -q -- "-*" (commandline -ct)' -f -a '(__hotfix_options)'
end
