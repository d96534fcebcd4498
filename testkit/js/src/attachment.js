// Encrypted attachments with the browser's own crypto.
// https://spec.matrix.org/latest/client-server-api/#sending-encrypted-attachments

const toBytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const toBase64 = (bytes) => { let text = ""; for (const byte of bytes) text += String.fromCharCode(byte); return btoa(text); };
const unpadded = (bytes) => toBase64(bytes).replace(/=+$/, "");
const url = (text) => text.replace(/\+/g, "-").replace(/\//g, "_");

/** Encrypts bytes given in base64; gives the blob to upload and the `file` object without its address. */
export async function encryptAttachment(base64) {
    const iv = new Uint8Array(16);
    crypto.getRandomValues(iv.subarray(0, 8));
    const key = await crypto.subtle.generateKey({ name: "AES-CTR", length: 256 }, true, ["encrypt", "decrypt"]);
    const sealed = await crypto.subtle.encrypt({ name: "AES-CTR", counter: iv, length: 64 }, key, toBytes(base64));
    const hash = await crypto.subtle.digest("SHA-256", sealed);
    const raw = new Uint8Array(await crypto.subtle.exportKey("raw", key));
    return {
        blob: new Blob([sealed], { type: "application/octet-stream" }),
        file: {
            v: "v2", iv: unpadded(iv), hashes: { sha256: unpadded(new Uint8Array(hash)) },
            key: { alg: "A256CTR", ext: true, key_ops: ["encrypt", "decrypt"], kty: "oct", k: url(unpadded(raw)) },
        },
    };
}

/** Checks and decrypts an attachment; gives its bytes in base64. */
export async function decryptAttachment(sealed, file) {
    const hash = unpadded(new Uint8Array(await crypto.subtle.digest("SHA-256", sealed)));
    if (hash !== file.hashes.sha256.replace(/=+$/, "")) throw new Error("the attachment's hash differs");
    const key = await crypto.subtle.importKey("jwk", file.key, { name: "AES-CTR" }, false, ["decrypt"]);
    const open = await crypto.subtle.decrypt({ name: "AES-CTR", counter: toBytes(file.iv), length: 64 }, key, sealed);
    return toBase64(new Uint8Array(open));
}
