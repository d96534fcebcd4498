// Comparing emoji (SAS) from the page's side, one step a command.
// https://spec.matrix.org/latest/client-server-api/#short-authentication-string-sas-verification
import { until } from "./wait.js";

const PHASES = { 1: "unsent", 2: "requested", 3: "ready", 4: "started", 5: "cancelled", 6: "done" };

/** The verification requests an account has seen, by flow id. */
export class Verifications {
    constructor(client) {
        this.client = client;
        this.requests = [];
        this.sas = new Map();
        client.on("crypto.verificationRequestReceived", (request) => this.add(request));
    }

    // Once both sides agreed and one started, the other's part runs by itself up to the comparison, as in any client.
    add(request) {
        this.requests.push(request);
        request.on("change", () => {
            if (request.verifier) this.listen(request.transactionId, request.verifier);
        });
    }

    find(flow) {
        const request = this.requests.find((r) => r.transactionId === flow);
        if (!request) throw new Error(`no verification ${flow}`);
        return request;
    }

    state(request) {
        return { flow: request.transactionId, user: request.otherUserId, phase: PHASES[request.phase], cancelled: request.cancellationCode };
    }

    /** Asks a person in a room, one device, or (with neither) our own other devices. */
    async request({ user, room, device }) {
        const crypto = this.client.getCrypto();
        let request;
        if (room) request = await crypto.requestVerificationDM(user, room);
        else if (device) request = await crypto.requestDeviceVerification(user, device);
        else request = await crypto.requestOwnUserVerification();
        this.add(request);
        await this.reach(request, (r) => r.transactionId, {});
        return this.state(request);
    }

    /** Waits until somebody (`user`, or anybody) asks. */
    async asked({ user, timeout }) {
        const request = await until([[this.client, "crypto.verificationRequestReceived"]],
            () => this.requests.find((r) => !r.initiatedByMe && r.pending && (!user || r.otherUserId === user)),
            { timeout, what: "a verification request" });
        return this.state(request);
    }

    async accept({ flow }) {
        await this.find(flow).accept();
    }

    /** Waits for the other side's yes and starts SAS. */
    async start({ flow, timeout }) {
        const request = this.find(flow);
        await this.reach(request, (r) => r.phase === 3 || r.phase === 4, { timeout });
        const verifier = request.verifier ?? await request.startVerification("m.sas.v1");
        this.listen(flow, verifier);
    }

    listen(flow, verifier) {
        if (this.sas.has(flow)) return;
        const entry = { callbacks: verifier.getShowSasCallbacks(), result: null };
        verifier.on("show_sas", (callbacks) => { entry.callbacks = callbacks; });
        entry.done = verifier.verify().then(() => { entry.result = "done"; }, (error) => { entry.result = String(error?.message ?? error); });
        this.sas.set(flow, entry);
    }

    /** The seven emoji, once both sides have them. */
    async emoji({ flow, timeout }) {
        const request = this.find(flow);
        await this.reach(request, (r) => r.verifier, { timeout });
        this.listen(flow, request.verifier);
        const entry = this.sas.get(flow);
        await until([[request, "change"], [request.verifier, "show_sas"]], () => entry.callbacks || entry.result, { timeout, what: "the emoji" });
        if (!entry.callbacks) throw new Error(`verification ended: ${entry.result}`);
        return { emoji: entry.callbacks.sas.emoji.map(([symbol, name]) => ({ symbol, name })) };
    }

    async confirm({ flow }) {
        await this.sas.get(flow).callbacks.confirm();
    }

    async mismatch({ flow }) {
        this.sas.get(flow).callbacks.mismatch();
    }

    async cancel({ flow }) {
        await this.find(flow).cancel();
    }

    /** Waits for the end; `phase` says which. */
    async finished({ flow, timeout }) {
        const request = this.find(flow);
        await this.reach(request, (r) => r.phase === 5 || r.phase === 6, { timeout });
        return this.state(request);
    }

    async reach(request, check, { timeout }) {
        return until([[request, "change"]], () => check(request), { timeout, what: `verification (now ${PHASES[request.phase]})` });
    }
}
