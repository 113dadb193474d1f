import type { Principal } from "@runagent/server";

/** Who may call, by key. A real server looks a token up, or checks its signature. */
export const PEOPLE: Readonly<Record<string, Principal>> = {
  "key-of-the-clerk": { id: "clerk", name: "Carla Clerk" },
  "key-of-the-manager": { id: "manager", name: "Max Manager" },
};
