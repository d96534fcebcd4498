// One signed-in account of the page: rooms and messages.
import * as sdk from "matrix-js-sdk";
import { decodeRecoveryKey } from "matrix-js-sdk/lib/crypto-api/index.js";
import { until } from "./wait.js";
import { Verifications } from "./verifications.js";
import { decryptAttachment, encryptAttachment } from "./attachment.js";

async function signIn(baseUrl, { user, password, register, token }) {
    const client = sdk.createClient({ baseUrl });
    const device = { initial_device_display_name: "js-sdk page" };
    if (!register) {
        return client.loginRequest({
            type: "m.login.password", identifier: { type: "m.id.user", user }, password, ...device,
        });
    }
    const wanted = { username: user, password, ...device };
    let session;
    try {
        return await client.registerRequest(wanted);
    } catch (error) {
        if (error.httpStatus !== 401) throw error;
        session = error.data.session;
    }
    const stages = [];
    if (token) stages.push({ type: "m.login.registration_token", token, session });
    stages.push({ type: "m.login.dummy", session });
    let last;
    for (const auth of stages) {
        try {
            return await client.registerRequest({ ...wanted, auth });
        } catch (error) {
            last = error;
            if (error.httpStatus !== 401) throw error;
        }
    }
    throw last;
}

/** An account with a running sync and crypto. */
export class Account {
    /** Signs in (or registers) and waits for the first sync. */
    static async open(name, args) {
        const { access_token, user_id, device_id } = await signIn(args.baseUrl, args);
        const account = new Account();
        account.password = args.password;
        account.client = sdk.createClient({
            baseUrl: args.baseUrl,
            accessToken: access_token,
            userId: user_id,
            deviceId: device_id,
            verificationMethods: ["m.sas.v1"],
            cryptoCallbacks: {
                getSecretStorageKey: async ({ keys }) => {
                    if (!account.recoveryKey) return null;
                    return [Object.keys(keys)[0], account.recoveryKey];
                },
                cacheSecretStorageKey: (_id, _info, key) => { account.recoveryKey = key; },
            },
        });
        await account.client.initRustCrypto({ cryptoDatabasePrefix: `${name}-${device_id}` });
        account.verifications = new Verifications(account.client);
        const ready = until([[account.client, "sync"]], () => account.client.getSyncState() === "PREPARED" || account.client.getSyncState() === "SYNCING",
            { timeout: args.timeout ?? 30000, what: "the first sync" });
        await account.client.startClient({ initialSyncLimit: 30, pollTimeout: 20000, lazyLoadMembers: args.lazyLoadMembers ?? true });
        await ready;
        return account;
    }

    identity() {
        return { user_id: this.client.getUserId(), device_id: this.client.getDeviceId() };
    }

    /** Makes cross-signing keys, secret storage and a key backup; gives the recovery key. */
    async bootstrap() {
        const crypto = this.client.getCrypto();
        const authUploadDeviceSigningKeys = async (makeRequest) => {
            try {
                return await makeRequest(null);
            } catch (error) {
                if (error.httpStatus !== 401) throw error;
                return makeRequest({
                    type: "m.login.password", session: error.data.session, password: this.password,
                    identifier: { type: "m.id.user", user: this.client.getUserId() },
                });
            }
        };
        await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys });
        let encoded;
        await crypto.bootstrapSecretStorage({
            setupNewKeyBackup: true,
            createSecretStorageKey: async () => {
                const key = await crypto.createRecoveryKeyFromPassphrase();
                encoded = key.encodedPrivateKey;
                this.recoveryKey = key.privateKey;
                return key;
            },
        });
        return { recovery_key: encoded };
    }

    /** Waits until the key backup on the server holds every room key this device has. */
    async waitBackedUp({ timeout } = {}) {
        const held = () => this.client.getCrypto().exportRoomKeys();
        let seen;
        await until([[this.client, "crypto.keyBackupSessionsRemaining"]], async () => {
            // Asked by hand: js-sdk remembers its first answer.
            const url = `${this.client.getHomeserverUrl()}/_matrix/client/v3/room_keys/version`;
            const response = await fetch(url, { headers: { Authorization: `Bearer ${this.client.getAccessToken()}` } });
            const backup = await response.json();
            seen = `${backup.count} of ${(await held()).length} keys in version ${backup.version}`;
            return backup.count > 0 && backup.count >= (await held()).length;
        }, { timeout, what: () => `the key backup: ${seen}` });
    }

    /** Signs this device and fetches the backed-up room keys with the recovery key. */
    async recover({ recovery_key }) {
        const crypto = this.client.getCrypto();
        this.recoveryKey = decodeRecoveryKey(recovery_key);
        await crypto.userHasCrossSigningKeys(this.client.getUserId(), true);
        await crypto.bootstrapCrossSigning({});
        await crypto.loadSessionBackupPrivateKeyFromSecretStorage();
        const { imported, total } = await crypto.restoreKeyBackup();
        return { imported, total };
    }

    async createRoom({ name, invite = [], encrypted = true, direct = false }) {
        const initial_state = encrypted
            ? [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }] : [];
        const { room_id } = await this.client.createRoom({
            name, invite, is_direct: direct, preset: direct ? "trusted_private_chat" : "private_chat", initial_state,
        });
        await this.room({ room: room_id });
        return { room_id };
    }

    async room({ room, timeout }) {
        return until([[this.client, "Room"], [this.client, "sync"]], () => this.client.getRoom(room), { timeout, what: `room ${room}` })
            .then((found) => ({ room_id: found.roomId, name: found.name, encrypted: found.hasEncryptionStateEvent() }));
    }

    async invite({ room, user }) {
        await this.client.invite(room, user);
    }

    /** Waits for an invitation (to `room`, or any) and accepts it. */
    async acceptInvite({ room, timeout }) {
        const invited = await until([[this.client, "Room.myMembership"], [this.client, "Room"]],
            () => this.client.getRooms().find((r) => r.getMyMembership() === "invite" && (!room || r.roomId === room)),
            { timeout, what: `an invitation to ${room ?? "any room"}` });
        await this.client.joinRoom(invited.roomId);
        await this.joined({ room: invited.roomId, timeout });
        return { room_id: invited.roomId };
    }

    async join({ room, timeout }) {
        const { roomId } = await this.client.joinRoom(room);
        await this.joined({ room: roomId, timeout });
        return { room_id: roomId };
    }

    async joined({ room, timeout }) {
        await until([[this.client, "Room.myMembership"], [this.client, "Room"]],
            () => this.client.getRoom(room)?.getMyMembership() === "join", { timeout, what: `membership of ${room}` });
    }

    async waitMember({ room, user, membership = "join", timeout }) {
        await until([[this.client, "RoomState.members"], [this.client, "sync"]],
            () => this.client.getRoom(room)?.getMember(user)?.membership === membership,
            { timeout, what: `${user} to ${membership} ${room}` });
    }

    async send({ room, body, reply_to }) {
        const content = { msgtype: "m.text", body };
        if (reply_to) content["m.relates_to"] = { "m.in_reply_to": { event_id: reply_to } };
        const { event_id } = await this.client.sendMessage(room, content);
        return { event_id };
    }

    /** Sends bytes (base64) as an encrypted image. */
    async sendImage({ room, name, mimetype, base64, w, h }) {
        const { blob, file } = await encryptAttachment(base64);
        const { content_uri } = await this.client.uploadContent(blob, { includeFilename: false, type: "application/octet-stream" });
        const { event_id } = await this.client.sendMessage(room, {
            msgtype: "m.image", body: name, file: { ...file, url: content_uri }, info: { mimetype, w, h },
        });
        return { event_id };
    }

    /** Fetches and decrypts the attachment of an event; gives its bytes in base64. */
    async attachment({ room, event_id }) {
        const event = this.client.getRoom(room).findEventById(event_id);
        const { file } = event.getContent();
        const url = this.client.mxcUrlToHttp(file.url, undefined, undefined, undefined, false, true, true);
        const response = await fetch(url, { headers: { Authorization: `Bearer ${this.client.getAccessToken()}` } });
        if (!response.ok) throw new Error(`media answered ${response.status}`);
        return { base64: await decryptAttachment(await response.arrayBuffer(), file) };
    }

    async redact({ room, event_id }) {
        await this.client.redactEvent(room, event_id);
    }

    async react({ room, event_id, key }) {
        await this.client.sendEvent(room, "m.reaction", { "m.relates_to": { rel_type: "m.annotation", event_id, key } });
    }

    events(room) {
        return this.client.getRoom(room)?.getLiveTimeline().getEvents() ?? [];
    }

    async describe(event) {
        const shield = await this.client.getCrypto().getEncryptionInfoForEvent(event);
        return {
            event_id: event.getId(), sender: event.getSender(), type: event.getType(), content: event.getContent(),
            encrypted: event.isEncrypted(), undecryptable: event.isDecryptionFailure(),
            shield: shield?.shieldColour ?? null, status: event.status ?? null,
        };
    }

    /** Waits until a message with this body (or event id) is readable. */
    async waitMessage({ room, body, event_id, timeout }) {
        const found = await until(
            [[this.client, "Room.timeline"], [this.client, "Event.decrypted"]],
            () => this.events(room).find((e) => !e.isDecryptionFailure() && !e.isBeingDecrypted() && e.getType() === "m.room.message"
                && !e.status && (body === undefined || e.getContent().body === body) && (!event_id || e.getId() === event_id)),
            { timeout, what: `message ${JSON.stringify(body ?? event_id)} in ${room}` },
        );
        return this.describe(found);
    }

    async timeline({ room, limit = 50 }) {
        const target = this.client.getRoom(room);
        await this.client.scrollback(target, limit);
        for (const event of this.events(room)) await this.client.decryptEventIfNeeded(event);
        return Promise.all(this.events(room).slice(-limit).map((event) => this.describe(event)));
    }

    /** Whether a person is verified, or one of a person's devices. */
    async trust({ user, device }) {
        const crypto = this.client.getCrypto();
        const person = await crypto.getUserVerificationStatus(user);
        const status = device && await crypto.getDeviceVerificationStatus(user, device);
        return {
            user_verified: person.isCrossSigningVerified(),
            device_verified: status?.isVerified() ?? null,
            device_signed_by_owner: status?.signedByOwner ?? null,
        };
    }

    /** Waits until a person and one of the person's devices are verified. */
    async waitVerified({ user, device, timeout }) {
        await until([[this.client, "crypto.userTrustStatusChanged"], [this.client, "crypto.devicesUpdated"]], async () => {
            const trust = await this.trust({ user, device });
            return trust.user_verified && (!device || trust.device_verified);
        }, { timeout, what: `${user} to be verified` });
    }

    /** Waits until a device carries its owner's signature. */
    async waitSigned({ user, device, timeout }) {
        await until([[this.client, "crypto.devicesUpdated"]], async () => (await this.trust({ user, device })).device_signed_by_owner,
            { timeout, what: `${device} to be signed by ${user}` });
    }

    /** A verification step: `request`, `accept`, `start`, `emoji`, `confirm`, `mismatch`, `cancel`, `finished`. */
    async verification(args) {
        return this.verifications[args.step](args);
    }

    async logout() {
        await this.client.logout(true);
    }

    async close() {
        this.client.stopClient();
    }
}
