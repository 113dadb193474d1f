import { approvals } from "./approvals.ts";
import { calls } from "./calls.ts";
import type { Area } from "./case.ts";
import { credentials } from "./credentials.ts";
import { ending } from "./ending.ts";
import { faults } from "./faults.ts";
import { input } from "./input.ts";
import { positions } from "./position.ts";
import { versions } from "./versions.ts";

/** Everything that must be so in every runtime. */
export const AREAS: readonly Area[] = [calls, ending, approvals, faults, versions, credentials, input, positions];
