import { Argument, type Command } from "commander";

/** `runagent completion`, and `runagent complete`, which the scripts call. */
export function addCompletion(program: Command): void {
  program
    .command("completion")
    .summary("print the completion script of a shell")
    .description("Prints a script that lets a shell complete commands, options and the ids of local agents when you type Tab.")
    .addArgument(new Argument("<shell>", "the shell that reads it").choices(["bash", "zsh", "fish", "powershell"]))
    .addHelpText(
      "after",
      `
It asks the installed command, so it stays right when that is renewed.

  bash        source <(runagent completion bash)     in ~/.bashrc
  zsh         source <(runagent completion zsh)      in ~/.zshrc, after compinit
  fish        runagent completion fish | source      in ~/.config/fish/completions/runagent.fish
  PowerShell  runagent completion powershell | Out-String | Invoke-Expression    in $PROFILE`,
    )
    .action(async (shell: string) => {
      const { printScript } = await import("../completion/completion.ts");
      printScript(shell);
    });
  program
    .command("complete", { hidden: true })
    .argument("[words...]")
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: string[]) => {
      const { printCompletions } = await import("../completion/completion.ts");
      printCompletions(program, words);
    });
}
