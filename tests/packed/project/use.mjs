// Runs in a project that installed the tarballs: ES modules.
import * as server from "@runagent/server";
import * as client from "runagent";
import { exercise } from "./exercise.cjs";

await exercise(server, client, "module");
