// Bundles the page into the folder named by the first argument.
import { build } from "esbuild";
import { copyFile, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const out = process.argv[2];
const require = createRequire(import.meta.url);
const crypto = dirname(require.resolve("@matrix-org/matrix-sdk-crypto-wasm"));
const wasm = "pkg/matrix_sdk_crypto_wasm_bg.wasm";

await mkdir(join(out, "pkg"), { recursive: true });
await build({
    entryPoints: ["src/main.js"],
    outfile: join(out, "page.js"),
    bundle: true,
    format: "esm",
    target: "chrome120",
    define: { global: "globalThis", "process.env.NODE_ENV": '"production"' },
    logLevel: "warning",
});
await copyFile(join(crypto, wasm), join(out, wasm));
await copyFile("index.html", join(out, "index.html"));
