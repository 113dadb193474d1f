import { PAGE_AREAS, runBrowser } from "../browser/run.ts";
import { type Servers, startServers } from "../servers/servers.ts";
import { namesOfCases } from "../suite/run.ts";
import { BROWSERS } from "./browsers.ts";
import { type Bundles, bundleStarters } from "./bundle.ts";
import { type Pages, servePages } from "./pages.ts";
import { type Outcome, PROGRAMS, runProgram, versionOf } from "./programs.ts";

/** What every run shares. */
export interface Rig {
  readonly servers: Servers;
  readonly pages: Pages;
  readonly bundles: Bundles;
  readonly seed: number;
  /** A part of the names of the cases to run. */
  readonly only: string;
  /** How often the network of a page goes and comes back. */
  readonly toggles: number;
}

/** Something that the suite runs in. */
export interface Runtime {
  readonly title: string;
  /** Why it cannot be run here. */
  readonly missing: string | undefined;
  readonly areas: readonly { readonly title: string; readonly names: readonly string[] }[];
  run(rig: Rig): Promise<Outcome>;
}

const everywhere = namesOfCases();
const inPages = PAGE_AREAS.map(({ title, cases }) => ({ title, names: cases.map(({ name }) => name) }));

/** Every runtime, in the order of the matrix. */
export const RUNTIMES: readonly Runtime[] = [
  ...PROGRAMS.map((program) => {
    const version = versionOf(program);
    const missing = version === undefined ? "its npm package is not there for this platform" : undefined;
    const run = async ({ bundles, servers, seed, only }: Rig): Promise<Outcome> => {
      const start = { addresses: servers.addresses, seed, only };
      return { ...(await runProgram(program, bundles.program(program.starter), start)), version };
    };
    return { title: program.title, missing, areas: everywhere, run };
  }),
  ...BROWSERS.map((kind) => ({
    title: kind.title,
    missing: kind.missing,
    areas: [...everywhere, ...inPages],
    run: (rig: Rig) => runBrowser(kind, rig),
  })),
];

/** Bundles the starters and starts the servers. */
export async function createRig(options: Pick<Rig, "seed" | "only" | "toggles">): Promise<Rig> {
  const bundles = await bundleStarters();
  const pages = await servePages(bundles.pages);
  return { ...options, bundles, pages, servers: await startServers([pages.origin, pages.secure]) };
}

/** Ends what createRig has started. */
export async function closeRig({ servers, pages, bundles }: Rig): Promise<void> {
  pages.close();
  await servers.close();
  await bundles.remove();
}
