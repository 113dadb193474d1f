import type { Browser } from "playwright-core";

export declare const CHROMIUM_ARGS: string[];
export declare function hasChromium(): boolean;
export declare function launchChromium(): Promise<Browser>;
export declare function chromiumPath(): Promise<string>;
