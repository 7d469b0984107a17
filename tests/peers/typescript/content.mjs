// What is the same in every version: tools, resources, prompts, completion, progress, cancellation.

import assert from 'node:assert/strict';

import { pause, within } from './report.mjs';

/** Tools that the fixture offers to every client, whatever the version. */
const TOOLS = [
    'test_simple_text',
    'test_image_content',
    'test_audio_content',
    'test_embedded_resource',
    'test_multiple_content_types',
    'test_error_handling',
    'test_tool_with_progress',
    'json_schema_2020_12_tool',
    'test_custom_header',
    'greet',
    'slow_compute'
];

const PROMPTS = [
    'test_simple_prompt',
    'test_prompt_with_arguments',
    'test_prompt_with_embedded_resource',
    'test_prompt_with_image'
];

export async function contentChecks(check, target) {
    await toolChecks(check);
    await refusalChecks(check);
    await runningCallChecks(check, target);
    await resourceChecks(check);
    await promptChecks(check);
}

async function toolChecks(check) {
    await check('lists the tools, the simplest first', async ({ client }) => {
        const { tools } = await client.listTools();
        assert.equal(tools[0].name, 'test_simple_text');
        const names = tools.map(tool => tool.name);
        assert.deepEqual(TOOLS.filter(name => !names.includes(name)), []);
        assert.equal(new Set(names).size, names.length, 'a tool is listed twice');
    });
    await check('keeps the keywords of a 2020-12 schema', async ({ client }) => {
        const { tools } = await client.listTools();
        const { inputSchema } = tools.find(tool => tool.name === 'json_schema_2020_12_tool');
        assert.equal(inputSchema.$schema, 'https://json-schema.org/draft/2020-12/schema');
        assert.equal(inputSchema.$defs.address.$anchor, 'address');
        assert.equal(inputSchema.additionalProperties, false);
        assert.ok(Array.isArray(inputSchema.allOf[0].anyOf));
        assert.deepEqual([typeof inputSchema.if, typeof inputSchema.then, typeof inputSchema.else], ['object', 'object', 'object']);
    });
    await check('calls a tool without arguments', async ({ client }) => {
        const { content } = await client.callTool({ name: 'test_simple_text' });
        assert.deepEqual(content, [{ type: 'text', text: 'This is a simple text response for testing.' }]);
    });
    await check('calls a tool with arguments', async ({ client }) => {
        const { content } = await client.callTool({ name: 'greet', arguments: { name: 'Ada' } });
        assert.deepEqual(content, [{ type: 'text', text: 'Hello, Ada!' }]);
    });
    await check('carries letters of every alphabet', async ({ client }) => {
        const { content } = await client.callTool({ name: 'greet', arguments: { name: 'Ångström 東京 🚀 "\\\n' } });
        assert.equal(content[0].text, 'Hello, Ångström 東京 🚀 "\\\n!');
    });
    await check('mirrors an argument in a header where the version has that', async ({ client }) => {
        const { content } = await client.callTool({ name: 'test_custom_header', arguments: { value: 'Grüße' } });
        assert.equal(content[0].text, 'Grüße');
    });
    await check('receives an image, a sound and a resource', async ({ client }) => {
        const [image] = (await client.callTool({ name: 'test_image_content', arguments: {} })).content;
        assert.deepEqual([image.type, image.mimeType], ['image', 'image/png']);
        assert.deepEqual([...Buffer.from(image.data, 'base64').subarray(1, 4)], [...Buffer.from('PNG')]);
        const [audio] = (await client.callTool({ name: 'test_audio_content', arguments: {} })).content;
        assert.deepEqual([audio.type, audio.mimeType], ['audio', 'audio/wav']);
        const [resource] = (await client.callTool({ name: 'test_embedded_resource', arguments: {} })).content;
        assert.deepEqual(resource, {
            type: 'resource',
            resource: { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource content.' }
        });
    });
    await check('receives several kinds of content in one answer', async ({ client }) => {
        const { content } = await client.callTool({ name: 'test_multiple_content_types', arguments: {} });
        assert.deepEqual(content.map(item => item.type), ['text', 'image', 'resource']);
        assert.equal(content[0].text, 'Multiple content types test:');
        assert.equal(content[2].resource.text, '{"test":"data","value":123}');
    });
}

async function refusalChecks(check) {
    await check("hands over a tool's own failure as a result", async ({ client }) => {
        const { isError, content } = await client.callTool({ name: 'test_error_handling', arguments: {} });
        assert.equal(isError, true);
        assert.equal(content[0].text, 'This tool intentionally returns an error for testing');
    });
    await check('refuses a tool that does not exist', async ({ client }) => {
        await assert.rejects(client.callTool({ name: 'no_such_tool', arguments: {} }), { code: -32602 });
    });
    await check('refuses arguments that are missing, or of the wrong type', async ({ client }) => {
        const name = 'test_custom_header';
        const { isError } = await client.callTool({ name, arguments: { value: 'text' } });
        assert.ok(!isError, 'valid arguments were refused');
        await refused(client.callTool({ name, arguments: {} }));
        await refused(client.callTool({ name, arguments: { value: { not: 'text' } } }));
    });
    await check('refuses a method that does not exist', async ({ client }) => {
        await assert.rejects(
            client.request({ method: 'unknown/method', params: {} }, anything),
            error => error.code === -32601 || (error.status === 404 && error.data.text.includes('-32601'))
        );
    });
}

async function runningCallChecks(check, target) {
    await check('receives progress before the result, in order', async ({ client }) => {
        const steps = [];
        const result = await client.callTool(
            { name: 'test_tool_with_progress', arguments: {} },
            { onprogress: step => steps.push([step.progress, step.total]) }
        );
        assert.deepEqual(steps, [[0, 100], [50, 100], [100, 100]]);
        assert.ok(!result.isError);
    });
    await check('answers many calls at once, each with its own result', async ({ client }) => {
        const names = Array.from({ length: 20 }, (_, index) => `caller ${index}`);
        const results = await Promise.all(names.map(name => client.callTool({ name: 'greet', arguments: { name } })));
        assert.deepEqual(results.map(({ content }) => content[0].text), names.map(name => `Hello, ${name}!`));
    });
    await check('waits for a slow call', async ({ client }) => {
        const { content, isError } = await client.callTool({ name: 'slow_compute', arguments: { seconds: 0.3, label: 'slow' } });
        assert.ok(!isError);
        assert.equal(content[0].type, 'text');
    });
    await check('cancels a running call, and its answer never comes', async ({ client, record }) => {
        await cancelled(client, record, target);
        const { content } = await client.callTool({ name: 'greet', arguments: { name: 'again' } });
        assert.equal(content[0].text, 'Hello, again!');
    });
}

async function resourceChecks(check) {
    await check('lists resources and templates', async ({ client }) => {
        const { resources } = await client.listResources();
        const listed = resources.map(resource => [resource.uri, resource.mimeType]);
        for (const wanted of [['test://static-text', 'text/plain'], ['test://static-binary', 'image/png']]) {
            assert.ok(listed.some(entry => entry.join() === wanted.join()), `${wanted} is not listed`);
        }
        const { resourceTemplates } = await client.listResourceTemplates();
        assert.ok(resourceTemplates.some(template => template.uriTemplate === 'test://template/{id}/data'));
    });
    await check('reads text, bytes and a template', async ({ client }) => {
        const [text] = (await client.readResource({ uri: 'test://static-text' })).contents;
        assert.deepEqual(text, {
            uri: 'test://static-text',
            mimeType: 'text/plain',
            text: 'This is the content of the static text resource.'
        });
        const [bytes] = (await client.readResource({ uri: 'test://static-binary' })).contents;
        assert.deepEqual([bytes.uri, bytes.mimeType], ['test://static-binary', 'image/png']);
        assert.ok(Buffer.from(bytes.blob, 'base64').length > 0);
        const [templated] = (await client.readResource({ uri: 'test://template/123/data' })).contents;
        assert.deepEqual(JSON.parse(templated.text), { id: '123', templateTest: true, data: 'Data for ID: 123' });
    });
    await check('refuses a resource that does not exist, with the code of the version', async ({ client, record }) => {
        await assert.rejects(client.readResource({ uri: 'test://no-such-resource' }), error => {
            assert.deepEqual(error.data, { uri: 'test://no-such-resource' });
            return true;
        });
        // The client translates the older code, so it is read where it came in.
        const { error } = record.received.at(-1);
        assert.equal(error.code, client.getProtocolEra() === 'modern' ? -32602 : -32002);
    });
}

async function promptChecks(check) {
    await check('lists and gets prompts', async ({ client }) => {
        const names = (await client.listPrompts()).prompts.map(prompt => prompt.name);
        assert.deepEqual(PROMPTS.filter(name => !names.includes(name)), []);
        const simple = await client.getPrompt({ name: 'test_simple_prompt' });
        assert.equal(simple.messages[0].role, 'user');
        assert.equal(simple.messages[0].content.type, 'text');
        const filled = await client.getPrompt({
            name: 'test_prompt_with_arguments',
            arguments: { arg1: 'one', arg2: 'two' }
        });
        assert.equal(filled.messages[0].content.text, "Prompt with arguments: arg1='one', arg2='two'");
    });
    await check('gets prompts with a resource and an image', async ({ client }) => {
        const embedded = await client.getPrompt({
            name: 'test_prompt_with_embedded_resource',
            arguments: { resourceUri: 'test://static-text' }
        });
        assert.ok(embedded.messages.some(message => message.content.type === 'resource'));
        const pictured = await client.getPrompt({ name: 'test_prompt_with_image' });
        assert.ok(pictured.messages.some(message => message.content.type === 'image' && message.content.mimeType === 'image/png'));
    });
    await check('refuses a prompt that does not exist', async ({ client }) => {
        await assert.rejects(client.getPrompt({ name: 'no_such_prompt' }), { code: -32602 });
    });
    await check('completes an argument', async ({ client }) => {
        const { completion } = await complete(client);
        assert.ok(Array.isArray(completion.values));
        assert.ok(completion.values.every(value => typeof value === 'string'));
    });
}

/** Accepts any result: the check is about whether there is one. */
const anything = { '~standard': { version: 1, vendor: 'peers', validate: value => ({ value }) } };

/** Completion that does not depend on whether the server says it can complete. */
function complete(client) {
    return client.request(
        {
            method: 'completion/complete',
            params: {
                ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' },
                argument: { name: 'arg1', value: 'test' }
            }
        },
        anything
    );
}

/** Invalid input is a result that says so, or a protocol error with the specification's code; never a success. */
async function refused(call) {
    try {
        const { isError, content } = await call;
        assert.equal(isError, true, 'invalid arguments were accepted');
        assert.ok(content[0].text.length > 0);
    } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        assert.equal(error.code, -32602);
    }
}

async function cancelled(client, record, target) {
    const before = record.received.length;
    const postsBefore = record.posts.length;
    const abort = new AbortController();
    const call = client.callTool({ name: 'slow_compute', arguments: { seconds: 1, label: 'cancelled' } }, { signal: abort.signal });
    const outcome = assert.rejects(call);
    outcome.catch(() => {});
    await pause(250);
    abort.abort('no longer wanted');
    await within(700, outcome);
    await pause(1_200);
    const answers = record.received.slice(before).filter(message => 'id' in message && ('result' in message || 'error' in message));
    assert.deepEqual(answers, [], 'a cancelled call was answered');
    if (target.url && client.getProtocolEra() === 'legacy') {
        const notices = record.posts.slice(postsBefore).filter(post => post.message.method === 'notifications/cancelled');
        assert.deepEqual(notices.map(post => post.status), [202]);
    }
}
