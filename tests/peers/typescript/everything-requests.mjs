// What both sides are asked: every tool whose answer can be foretold, and every way of asking wrongly.

export const CALLS = [
    ['echo', { message: 'Grüße, 東京 🚀' }],
    ['echo', { message: '' }],
    ['get-sum', { a: 2, b: 3.5 }],
    ['get-sum', { a: -9007199254740991, b: 1e-7 }],
    ['get-tiny-image', {}],
    ['get-annotated-message', { messageType: 'error' }],
    ['get-annotated-message', { messageType: 'success', includeImage: true }],
    ['get-annotated-message', { messageType: 'debug', includeImage: false }],
    ['get-structured-content', { location: 'New York' }],
    ['get-structured-content', { location: 'Chicago' }],
    ['get-structured-content', { location: 'Los Angeles' }],
    ['get-resource-links', {}],
    ['get-resource-links', { count: 10 }],
    ['get-resource-reference', {}],
    ['get-resource-reference', { resourceType: 'Text', resourceId: 4 }],
    ['get-resource-reference', { resourceType: 'Blob', resourceId: 7 }],
    ['toggle-simulated-logging', {}],
    ['toggle-simulated-logging', {}],
    ['toggle-subscriber-updates', {}],
    ['toggle-subscriber-updates', {}],
    ['trigger-long-running-operation', { duration: 0.1, steps: 2 }]
];

export const RESOURCES = [
    'demo://resource/dynamic/text/1',
    'demo://resource/dynamic/text/42',
    'demo://resource/dynamic/blob/7',
    'demo://resource/static/document/architecture.md',
    'demo://resource/static/document/features.md'
];

export const PROMPTS = [
    ['simple-prompt', undefined],
    ['args-prompt', { city: 'Zürich' }],
    ['args-prompt', { city: 'Portland', state: 'Oregon' }],
    ['completable-prompt', { department: 'Sales', name: 'Eve' }],
    ['resource-prompt', { resourceType: 'Text', resourceId: '3' }],
    ['resource-prompt', { resourceType: 'Blob', resourceId: '2' }]
];

export const COMPLETIONS = [
    { ref: { type: 'ref/prompt', name: 'completable-prompt' }, argument: { name: 'department', value: '' } },
    { ref: { type: 'ref/prompt', name: 'completable-prompt' }, argument: { name: 'department', value: 'S' } },
    {
        ref: { type: 'ref/prompt', name: 'completable-prompt' },
        argument: { name: 'name', value: '' },
        context: { arguments: { department: 'Marketing' } }
    },
    { ref: { type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' }, argument: { name: 'resourceId', value: '12' } }
];

export const INVALID_CALLS = [
    ['no-such-tool', {}],
    ['echo', {}],
    ['echo', { message: 7 }],
    ['get-sum', { a: 'two', b: 3 }],
    ['get-annotated-message', { messageType: 'whisper' }],
    ['get-structured-content', { location: 'Atlantis' }],
    ['get-resource-links', { count: 11 }],
    ['get-resource-reference', { resourceType: 'Text', resourceId: -1 }],
    ['gzip-file-as-resource', { data: 'no address' }]
];

export const INVALID_PROMPTS = [
    ['no-such-prompt', {}],
    ['args-prompt', {}],
    ['resource-prompt', { resourceType: 'Text', resourceId: 'many' }]
];
