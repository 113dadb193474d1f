import type { Command } from "commander";

export function addLookingCommands(_program: Command): void {}
