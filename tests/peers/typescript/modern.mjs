// What only 2026-07-28 has: answers in several rounds, subscriptions, and no handshake.

import assert from 'node:assert/strict';

import { connect, MODERN } from './connection.mjs';
import { pause } from './report.mjs';

export async function modernChecks(check, target) {
    await check('discovers the versions and the capabilities', async ({ client }) => {
        const discovered = await client.discover();
        assert.ok(discovered.supportedVersions.includes(MODERN));
        assert.deepEqual(['prompts', 'resources', 'tools'].filter(name => !(name in discovered.capabilities)), []);
    });
    await check('has no ping any more', async ({ client }) => {
        await assert.rejects(client.ping());
    });
    await roundTripChecks(check);
    await capabilityChecks(check, target);
    await subscriptionChecks(check);
}

async function roundTripChecks(check) {
    await check('answers an elicitation and gets the result', async ({ client, record }) => {
        const asked = record.asked.length;
        const { content } = await client.callTool({ name: 'test_input_required_result_elicitation', arguments: {} });
        assert.equal(content[0].text, 'Hello, Alice!');
        assert.deepEqual(methodsSince(record, asked), ['elicitation/create']);
        assert.equal(record.asked[asked].params.message, 'What is your name?');
    });
    await check('answers a request for sampling', async ({ client, record }) => {
        const asked = record.asked.length;
        const { isError } = await client.callTool({ name: 'test_input_required_result_sampling', arguments: {} });
        assert.ok(!isError);
        assert.deepEqual(methodsSince(record, asked), ['sampling/createMessage']);
        assert.equal(record.asked[asked].params.maxTokens, 100);
    });
    await check('answers a request for roots', async ({ client, record }) => {
        const asked = record.asked.length;
        const { isError } = await client.callTool({ name: 'test_input_required_result_list_roots', arguments: {} });
        assert.ok(!isError);
        assert.deepEqual(methodsSince(record, asked), ['roots/list']);
    });
    await check('brings a sealed state back unchanged', async ({ client }) => {
        const { content } = await client.callTool({ name: 'test_input_required_result_request_state', arguments: {} });
        assert.match(content[0].text, /state-ok/);
    });
    await check('answers three questions of one round', async ({ client, record }) => {
        const asked = record.asked.length;
        const { isError } = await client.callTool({ name: 'test_input_required_result_multiple_inputs', arguments: {} });
        assert.ok(!isError);
        assert.deepEqual(methodsSince(record, asked).sort(), ['elicitation/create', 'roots/list', 'sampling/createMessage']);
    });
    await check('goes through several rounds', async ({ client, record }) => {
        const asked = record.asked.length;
        const { isError } = await client.callTool({ name: 'test_input_required_result_multi_round', arguments: {} });
        assert.ok(!isError);
        assert.deepEqual(methodsSince(record, asked), ['elicitation/create', 'elicitation/create']);
    });
    await check('is refused with a state that was tampered with', async ({ client }) => {
        const name = 'test_input_required_result_tampered_state';
        const first = await client.callTool({ name, arguments: {} }, { allowInputRequired: true });
        assert.equal(first.resultType, 'input_required');
        assert.equal(typeof first.requestState, 'string');
        const inputResponses = { confirm: { action: 'accept', content: { ok: true } } };
        await assert.rejects(
            client.callTool({ name, arguments: {}, inputResponses, requestState: `${first.requestState}-TAMPERED` }),
            { code: -32602 }
        );
    });
    await check('answers the question of a prompt', async ({ client, record }) => {
        const asked = record.asked.length;
        const { messages } = await client.getPrompt({ name: 'test_input_required_result_prompt' });
        assert.ok(messages.length > 0);
        assert.deepEqual(methodsSince(record, asked), ['elicitation/create']);
    });
}

async function capabilityChecks(check, target) {
    await check('is told which capability is missing', async () => {
        const bare = await connect(target, MODERN, { client: { capabilities: {} } });
        try {
            await assert.rejects(
                bare.client.callTool({ name: 'test_missing_capability', arguments: {} }),
                error => error.code === -32021 && typeof error.data?.requiredCapabilities?.sampling === 'object'
            );
        } finally {
            await bare.close();
        }
    });
    await check('is sent no log line that it did not ask for', async ({ client, record }) => {
        const before = record.notifications.length;
        const quiet = await client.callTool({ name: 'test_logging_tool', arguments: {} });
        assert.ok(!quiet.isError);
        await pause(200);
        assert.equal(record.notifications.length, before);
    });
}

async function subscriptionChecks(check) {
    await check('hears of a changed list of tools only when it listens', async ({ client }) => {
        const heard = [];
        client.setNotificationHandler('notifications/tools/list_changed', () => heard.push('tools'));
        client.setNotificationHandler('notifications/prompts/list_changed', () => heard.push('prompts'));
        const subscription = await client.listen({ toolsListChanged: true });
        assert.equal(subscription.honoredFilter.toolsListChanged, true);
        await client.callTool({ name: 'test_trigger_prompt_change', arguments: {} });
        await client.callTool({ name: 'test_trigger_tool_change', arguments: {} });
        await until(() => heard.length > 0);
        await pause(200);
        assert.deepEqual(heard, ['tools']);
        await subscription.close();
        await pause(200);
        await client.callTool({ name: 'test_trigger_tool_change', arguments: {} });
        await pause(200);
        assert.deepEqual(heard, ['tools']);
    });
}

async function until(holds) {
    for (let waited = 0; waited < 5_000; waited += 50) {
        if (holds()) return;
        await pause(50);
    }
    throw new Error('nothing was heard for 5 s');
}

function methodsSince(record, start) {
    return record.asked.slice(start).map(entry => entry.method);
}
