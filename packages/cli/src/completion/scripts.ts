/**
 * The scripts for shells. They evaluate nothing of what was typed or answered, and leave files and folders to the shell, which knows how to
 * quote them.
 *
 * What they ask is `runagent complete -- WORDS`, the last word being the one that is typed. The answer has a line for each word that it may
 * become, a tab and a description behind it; and at its end what the shell shall offer beside: `:0` files, `:16` folders, `:4` nothing.
 */
export const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `# bash completion for runagent
__runagent_complete() {
    local typed=\${COMP_LINE:0:COMP_POINT} current before line value
    local -a words
    IFS=$' \\t\\n' read -r -d '' -a words <<< "$typed"
    [[ $typed == *[[:space:]] ]] && words+=("")
    current=\${words[\${#words[@]}-1]}
    # A word in quotes holds more than that: it is left as it is.
    [[ $current == *"$2" ]] || return
    # What stands after = is a word of its own to bash, unless it was told otherwise.
    before=\${current%"$2"}
    COMPREPLY=()
    while IFS= read -r line; do
        value=\${line%%$'\\t'*}
        case $line in
            :0) ;;
            :16) compopt -o dirnames +o default 2>/dev/null ;;
            :*) compopt +o default 2>/dev/null ;;
            "$current"*) [[ $value =~ ^[A-Za-z0-9._=-][A-Za-z0-9._~=-]*$ ]] && COMPREPLY+=("\${value#"$before"}") ;;
        esac
    done < <(runagent complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -o default -F __runagent_complete runagent
`,
  zsh: `#compdef runagent
# zsh completion for runagent
_runagent() {
    local line others
    local -a described
    while IFS= read -r line; do
        case $line in
            :*) others=$line ;;
            *) described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
        esac
    done < <(runagent complete -- "\${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)
    [[ $others != :4 && $PREFIX == --*=* ]] && compset -P 1 '*='
    case $others in
        :0) _files ;;
        :16) _files -/ ;;
        *) _describe value described ;;
    esac
}
if [[ \${funcstack[1]} == _runagent ]]; then
    _runagent "$@"
else
    compdef _runagent runagent
fi
`,
  fish: `# fish completion for runagent
function __runagent_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l current (commandline -ct)
    set -g __runagent_answer (command runagent complete -- $words "$current" 2>/dev/null)
    # Where files or folders are wanted, fish offers its own.
    test "$__runagent_answer[-1]" = :4
    or return 1
    set -e __runagent_answer[-1]
    return 0
end
complete -c runagent -e
complete -c runagent -n __runagent_complete -f -k -a '$__runagent_answer'
`,
  powershell: `# PowerShell completion for runagent
Register-ArgumentCompleter -Native -CommandName runagent -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text }) + @("$wordToComplete")
    # What is a program here may be a batch file, to which other characters mean something.
    $words = @($words | ForEach-Object { $_ -replace '[^A-Za-z0-9._~:=/-]', '_' })
    # PowerShell before 7.3 leaves out empty words.
    $words = @($words | ForEach-Object { if ($_ -eq '') { '""' } else { $_ } })
    & runagent complete '--' $words 2>$null | ForEach-Object {
        $value, $description = $_ -split [char]9, 2
        if (-not $description) { $description = $value }
        if ($value -match '^[A-Za-z0-9._=-][A-Za-z0-9._~=-]*$') {
            [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $description)
        }
    }
}
`,
};
