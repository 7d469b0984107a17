// The reference "everything" server asked directly over stdio, and asked at URL through whatever stands in front of the
// same server: both must give the same answers.
//
//   everything.mjs URL
//
// Exceptions, and why:
// - `execution` of a tool existed in 2025-11-25 only, for tasks that no other version has, and the model between drops it;
// - `get-env` tells each server's own environment, so only its form is compared;
// - a clock's time inside a text is replaced;
// - invalid calls must be refused by both, in words of their own;
// - the server's requests to clients (sampling, elicitation, roots) are refused: the child is asked without these
//   capabilities, on both sides, and does not offer the tools that need them.

import assert from 'node:assert/strict';
import process from 'node:process';

import { connect, everythingServer, LEGACY, MODERN } from './connection.mjs';
import { CALLS, COMPLETIONS, INVALID_CALLS, INVALID_PROMPTS, PROMPTS, RESOURCES } from './everything-requests.mjs';
import { Report } from './report.mjs';

const PLAIN = { client: { capabilities: {} } };
const CLOCK = /\b\d{1,2}:\d{2}:\d{2}( [AP]M)?/g;

const [url] = process.argv.slice(2);
if (!url) {
    console.error('usage: everything.mjs URL');
    process.exit(2);
}

const report = new Report();
// One server on each side for all versions: what a tool leaves behind in it is the same on both.
const direct = await connect(everythingServer(), LEGACY[0], PLAIN);
for (const version of [MODERN, ...LEGACY]) {
    let through;
    await report.check(`everything ${version}: connects`, async () => {
        through = await connect({ url }, version, PLAIN);
        assert.equal(through.client.getNegotiatedProtocolVersion(), version);
    });
    if (through) await compare(version, direct, through);
    await through?.close();
}
await direct.close();
report.finish();

async function compare(version, directly, indirectly) {
    const [direct, through] = [directly.client, indirectly.client];
    const check = (name, body) => report.check(`everything ${version}: ${name}`, body);
    const same = (name, ask) =>
        check(name, async () => assert.deepEqual(comparable(await ask(through)), comparable(await ask(direct))));
    const refusedByBoth = (name, ask) =>
        check(name, async () => assert.deepEqual([await isRefused(ask(through)), await isRefused(ask(direct))], [true, true]));

    await same('offers the same tools', async client => (await client.listTools()).tools.map(lasting));
    await same('offers the same resources', async client => (await client.listResources()).resources);
    await same('offers the same templates', async client => (await client.listResourceTemplates()).resourceTemplates);
    await same('offers the same prompts', async client => (await client.listPrompts()).prompts);
    for (const [name, args] of CALLS) await same(`calls ${name} ${text(args)}`, client => outcome(client, name, args));
    for (const uri of RESOURCES) await same(`reads ${uri}`, async client => (await client.readResource({ uri })).contents);
    for (const [name, args] of PROMPTS) await same(`gets ${name} ${text(args)}`, client => prompt(client, name, args));
    for (const params of COMPLETIONS) await same(`completes ${text(params)}`, async client => (await client.complete(params)).completion);
    await check('reports the same progress', async () => {
        const [expected, actual] = [await progress(directly), await progress(indirectly)];
        assert.deepEqual(expected.map(step => step.progress), [1, 2, 3, 4]);
        assert.deepEqual(actual, expected);
    });
    await check('tells its environment', async () => {
        const { content } = await through.callTool({ name: 'get-env', arguments: {} });
        assert.equal(typeof JSON.parse(content[0].text).PATH, 'string');
    });
    await same('reads a resource that a tool made', client => zipped(client, `${version}.gz`));
    await same('lists a resource that a tool made', async client => (await client.listResources({}, { cacheMode: 'refresh' })).resources);
    for (const [name, args] of INVALID_CALLS) {
        await refusedByBoth(`is refused ${name} ${text(args)}`, client => client.callTool({ name, arguments: args }));
    }
    for (const [name, args] of INVALID_PROMPTS) {
        await refusedByBoth(`is refused the prompt ${name} ${text(args)}`, client => client.getPrompt({ name, arguments: args }));
    }
    await refusedByBoth('is refused an unknown resource', client => client.readResource({ uri: 'demo://no-such-resource' }));
}

function lasting({ execution, ...tool }) {
    return tool;
}

async function outcome(client, name, args) {
    const { content, structuredContent, isError } = await client.callTool({ name, arguments: args });
    assert.ok(!isError, `${name} failed: ${text(content)}`);
    return { content, structuredContent };
}

async function prompt(client, name, args) {
    const { description, messages } = await client.getPrompt({ name, arguments: args });
    return { description, messages };
}

/** Read as it came in: the client drops a last step that arrives together with the result. */
async function progress({ client, record }) {
    const before = record.received.length;
    await client.callTool(
        { name: 'trigger-long-running-operation', arguments: { duration: 0.4, steps: 4 } },
        { onprogress: () => {} }
    );
    return record.received
        .slice(before)
        .filter(({ method }) => method === 'notifications/progress')
        .map(({ params: { progress, total, message } }) => ({ progress, total, message }));
}

async function zipped(client, name) {
    const data = `data:text/plain,${'simply '.repeat(20)}`;
    const tool = 'gzip-file-as-resource';
    const whole = await outcome(client, tool, { name: `whole-${name}`, data, outputType: 'resource' });
    const { content } = await outcome(client, tool, { name: `link-${name}`, data, outputType: 'resourceLink' });
    const [link] = content;
    assert.equal(link.type, 'resource_link');
    return { whole, link, contents: (await client.readResource({ uri: link.uri })).contents };
}

async function isRefused(call) {
    try {
        const { isError } = await call;
        return isError === true;
    } catch (error) {
        // Only an answer is a refusal: a broken connection or a timeout is not.
        assert.equal(typeof error.code, 'number', String(error));
        return true;
    }
}

/** Replaces the times of day, in plain texts and in blobs, and drops what is undefined. */
function comparable(value) {
    return JSON.parse(JSON.stringify(value), (key, entry) => {
        if (typeof entry !== 'string') return entry;
        const plain = key === 'blob' ? Buffer.from(entry, 'base64').toString('latin1') : entry;
        return plain.replaceAll(CLOCK, '<time>');
    });
}

function text(value) {
    const written = JSON.stringify(value ?? {});
    return written.length > 90 ? `${written.slice(0, 90)}…` : written;
}
