// What only the versions with a handshake have: ping, log levels, subscriptions by address, questions from the server.

import assert from 'node:assert/strict';

import { pause } from './report.mjs';

export async function legacyChecks(check, target) {
    await check('knows the server after the handshake', async ({ client }) => {
        assert.ok(client.getServerVersion().name.length > 0);
        assert.deepEqual(['prompts', 'resources', 'tools'].filter(name => !(name in client.getServerCapabilities())), []);
    });
    await check('pings', async ({ client }) => {
        assert.deepEqual(await client.ping(), {});
    });
    await check('receives log lines at the level that it set', async ({ client, record }) => {
        assert.deepEqual(await client.setLoggingLevel('debug'), {});
        const before = record.notifications.length;
        const { isError } = await client.callTool({ name: 'test_tool_with_logging', arguments: {} });
        assert.ok(!isError);
        await pause(200);
        assert.deepEqual(
            record.notifications.slice(before).map(({ params }) => [params.level, params.data]),
            [
                ['info', 'Tool execution started'],
                ['info', 'Tool processing data'],
                ['info', 'Tool execution completed']
            ]
        );
    });
    await check('subscribes to a resource and unsubscribes', async ({ client }) => {
        assert.deepEqual(await client.subscribeResource({ uri: 'test://watched-resource' }), {});
        assert.deepEqual(await client.unsubscribeResource({ uri: 'test://watched-resource' }), {});
    });
    await questionChecks(check);
    if (target.url) await sessionChecks(check, target.url);
}

async function questionChecks(check) {
    await check('is asked for input while a tool runs', async ({ client, record }) => {
        const asked = record.asked.length;
        const { content } = await client.callTool({
            name: 'test_elicitation',
            arguments: { message: 'Please provide your information' }
        });
        assert.match(content[0].text, /^User response: /);
        assert.match(content[0].text, /accept/);
        assert.match(content[0].text, /testuser/);
        const [question] = record.asked.slice(asked);
        assert.equal(question.method, 'elicitation/create');
        assert.equal(question.params.message, 'Please provide your information');
        assert.deepEqual(question.params.requestedSchema.required, ['username', 'email']);
    });
    await check('is asked for a sample while a tool runs', async ({ client, record }) => {
        const asked = record.asked.length;
        const { content } = await client.callTool({ name: 'test_sampling', arguments: { prompt: 'What is the capital?' } });
        assert.equal(content[0].text, 'LLM response: Paris');
        const [question] = record.asked.slice(asked);
        assert.equal(question.method, 'sampling/createMessage');
        assert.equal(question.params.maxTokens, 100);
        assert.equal([question.params.messages[0].content].flat()[0].text, 'What is the capital?');
    });
    await check('sees the defaults of a form', async ({ client, record }) => {
        const asked = record.asked.length;
        await client.callTool({ name: 'test_elicitation_sep1034_defaults', arguments: {} });
        const { properties } = record.asked[asked].params.requestedSchema;
        const defaults = Object.entries(properties).map(([name, property]) => [name, property.default]).sort();
        assert.deepEqual(defaults, [['age', 30], ['name', 'John Doe'], ['score', 95.5], ['status', 'active'], ['verified', true]]);
    });
}

async function sessionChecks(check, url) {
    await check('ends its session, which is then unknown', async ({ client, transport }) => {
        const session = transport.sessionId;
        assert.ok(session, 'the server gave no session');
        await transport.terminateSession();
        assert.equal(transport.sessionId, undefined, 'the server did not end the session');
        const response = await fetch(url, {
            method: 'POST',
            headers: {
                'content-type': 'application/json',
                accept: 'application/json, text/event-stream',
                'mcp-session-id': session,
                'mcp-protocol-version': client.getNegotiatedProtocolVersion()
            },
            body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} })
        });
        assert.equal(response.status, 404);
    });
}
