// The official TypeScript client against the conformance fixture server, in every protocol version it speaks.
//
//   client.mjs http URL
//   client.mjs stdio COMMAND [ARGUMENT…]

import assert from 'node:assert/strict';
import process from 'node:process';

import { connect, LEGACY, MODERN } from './connection.mjs';
import { Report } from './report.mjs';
import { contentChecks } from './content.mjs';
import { legacyChecks } from './legacy.mjs';
import { modernChecks } from './modern.mjs';

const [kind, ...rest] = process.argv.slice(2);
const target = kind === 'http' ? { url: rest[0] } : { command: rest[0], args: rest.slice(1) };
if (!['http', 'stdio'].includes(kind) || rest.length === 0) {
    console.error('usage: client.mjs http URL | client.mjs stdio COMMAND [ARGUMENT…]');
    process.exit(2);
}

const report = new Report();
for (const version of [MODERN, ...LEGACY]) {
    const label = `typescript ${kind} ${version}:`;
    let connection;
    await report.check(`${label} connects and speaks this version`, async () => {
        connection = await connect(target, version);
        assert.equal(connection.client.getNegotiatedProtocolVersion(), version);
    });
    if (!connection) continue;
    const check = (name, body) => report.check(`${label} ${name}`, () => body(connection));
    await contentChecks(check, target);
    await (version === MODERN ? modernChecks(check, target) : legacyChecks(check, target));
    await check('closes', async ({ close }) => close());
}
await report.check(`typescript ${kind} auto: chooses ${MODERN}`, async () => {
    const { client, close } = await connect(target, 'auto');
    assert.equal(client.getNegotiatedProtocolVersion(), MODERN);
    await close();
});
report.finish();
