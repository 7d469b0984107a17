// A connection of the official TypeScript client, and a record of what went over it.

import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const installed = createRequire(new URL('../../../.tools/', import.meta.url));
const { Client, StreamableHTTPClientTransport } = installed('@modelcontextprotocol/client');
const { StdioClientTransport } = installed('@modelcontextprotocol/client/stdio');

/** The one version without a handshake. */
export const MODERN = '2026-07-28';

/** The versions that begin with `initialize`. */
export const LEGACY = ['2025-11-25', '2025-06-18', '2025-03-26'];

/** What the client answers when a server asks it something. */
export const ANSWERS = {
    elicitation: { username: 'testuser', email: 'test@example.com', name: 'Alice', ok: true, color: 'blue', context: 'tea' },
    sampling: { role: 'assistant', model: 'test-model', content: { type: 'text', text: 'Paris' } },
    roots: { roots: [{ uri: 'file:///srv/data', name: 'data' }] }
};

/** `target` is `{ url }` or `{ command, args }`. */
export async function connect(target, version, options = {}) {
    const record = { asked: [], notifications: [], received: [], posts: [] };
    const client = new Client({ name: 'typescript-peer', version: '1.0.0' }, {
        capabilities: { elicitation: {}, sampling: {}, roots: { listChanged: true } },
        ...negotiation(version),
        ...options.client
    });
    if (!options.client) answer(client, record);
    const transport = target.url
        ? new StreamableHTTPClientTransport(new URL(target.url), { fetch: recordingFetch(record) })
        : new StdioClientTransport({ command: target.command, args: target.args, stderr: 'ignore' });
    await client.connect(transport, { timeout: 15_000 });
    tap(transport, record);
    return { client, transport, record, close: () => client.close() };
}

function negotiation(version) {
    if (version === 'auto') return { versionNegotiation: { mode: 'auto' } };
    if (version === MODERN) return { versionNegotiation: { mode: { pin: MODERN } } };
    return { supportedProtocolVersions: [version] };
}

function answer(client, record) {
    const reply = (method, result) =>
        client.setRequestHandler(method, request => {
            record.asked.push({ method, params: request.params });
            return result(request);
        });
    reply('elicitation/create', () => ({ action: 'accept', content: ANSWERS.elicitation }));
    reply('sampling/createMessage', () => ANSWERS.sampling);
    reply('roots/list', () => ANSWERS.roots);
    client.setNotificationHandler('notifications/message', message => {
        record.notifications.push(message);
    });
}

function recordingFetch(record) {
    return async (url, init) => {
        const response = await fetch(url, init);
        if (init?.method === 'POST') {
            record.posts.push({ message: JSON.parse(init.body), status: response.status });
        }
        return response;
    };
}

function tap(transport, record) {
    const deliver = transport.onmessage;
    transport.onmessage = (message, extra) => {
        record.received.push(message);
        deliver(message, extra);
    };
}

/** How to start the reference "everything" server over stdio. */
export function everythingServer() {
    const entry = new URL('../../../.tools/node_modules/@modelcontextprotocol/server-everything/dist/index.js', import.meta.url);
    return { command: process.execPath, args: [fileURLToPath(entry), 'stdio'] };
}
