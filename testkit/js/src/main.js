// The page asks the harness for one command after the other and posts what came of it.
// A command names an account; each account of the page is a client with a store of its own.
import { Account } from "./account.js";

const accounts = new Map();

async function post(path, value) {
    await fetch(path, { method: "POST", body: JSON.stringify(value) });
}

async function run({ account, op, args }) {
    if (op === "ping") return { agent: navigator.userAgent };
    if (op === "open") {
        const opened = await Account.open(account, args);
        accounts.set(account, opened);
        return opened.identity();
    }
    const target = accounts.get(account);
    if (!target) throw new Error(`no account ${account} was opened`);
    if (typeof target[op] !== "function") throw new Error(`no operation ${op}`);
    return target[op](args ?? {});
}

// js-sdk throws objects of many shapes; the harness wants one line.
function describe(error) {
    const parts = [error?.name, error?.errcode, error?.httpStatus, error?.message, error?.stack?.split("\n")[1]?.trim()];
    return parts.filter(Boolean).join(" · ") || String(error);
}

async function answer(command) {
    try {
        const value = await run(command);
        await post("result", { id: command.id, ok: value ?? null });
    } catch (error) {
        await post("result", { id: command.id, error: describe(error) });
    }
}

window.addEventListener("unhandledrejection", (event) => {
    void post("log", { level: "rejection", text: describe(event.reason) });
});
for (const level of ["error", "warn", "info"]) {
    const original = console[level].bind(console);
    console[level] = (...parts) => {
        original(...parts);
        void post("log", { level, text: parts.map(String).join(" ").slice(0, 2000) }).catch(() => {});
    };
}

for (;;) {
    const response = await fetch("next");
    if (response.status === 204) continue;
    if (!response.ok) break;
    void answer(await response.json());
}
