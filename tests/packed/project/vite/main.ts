import * as runagent from "runagent";
import * as patterns from "runagent/patterns";
import { runInPage } from "../page.mjs";

runInPage(runagent, patterns, "vite");
