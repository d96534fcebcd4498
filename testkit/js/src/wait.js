// Waiting for a condition, re-checked at every event of the emitters given and at the latest each half second.

/**
 * Resolves with the first truthy value of `check`, or throws after `timeout` ms with what `describe` says.
 */
export async function until(emitters, check, { timeout = 30000, what = "the condition" } = {}) {
    const deadline = Date.now() + timeout;
    for (;;) {
        const value = await check();
        if (value) return value;
        if (Date.now() > deadline) throw new Error(`timed out after ${timeout} ms waiting for ${typeof what === "function" ? what() : what}`);
        await nextChange(emitters, 500);
    }
}

function nextChange(emitters, ms) {
    return new Promise((resolve) => {
        const done = () => {
            clearTimeout(timer);
            for (const [emitter, name] of emitters) emitter.off(name, done);
            resolve();
        };
        const timer = setTimeout(done, ms);
        for (const [emitter, name] of emitters) emitter.on(name, done);
    });
}
