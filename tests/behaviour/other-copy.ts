// Another copy of the package that errors come from, as two versions in one program would be: starters are bundled with this beside them.
export { RunAgentError as OtherError } from "@runagent/core";
