import type { Command } from "commander";

export function addCallingCommands(_program: Command): void {}
