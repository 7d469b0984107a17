// A real OAuth 2.1 authorization server (oidc-provider) on a free port of loopback, which gives JSON Web Tokens to the
// client "robot" for whatever resource it names. Says where it is in one line of JSON, and serves until it is ended.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import process from 'node:process';

const installed = createRequire(new URL('../../../.tools/', import.meta.url));
const { Provider } = installed('oidc-provider');

const SCOPE = 'mcp files:write';

const server = createServer();
server.listen(0, '127.0.0.1', () => {
    const issuer = `http://127.0.0.1:${server.address().port}`;
    server.on('request', new Provider(issuer, configuration()).callback());
    console.log(JSON.stringify({ issuer, jwks: `${issuer}/jwks`, token: `${issuer}/token` }));
});

// Whoever started it has gone.
process.stdin.on('end', () => process.exit(0)).resume();

function configuration() {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = { ...privateKey.export({ format: 'jwk' }), kid: 'first', alg: 'RS256', use: 'sig' };
    return {
        jwks: { keys: [key] },
        cookies: { keys: ['of no use here'] },
        clients: [
            {
                client_id: 'robot',
                client_secret: 'a-secret-of-the-robot',
                grant_types: ['client_credentials'],
                redirect_uris: [],
                response_types: []
            }
        ],
        scopes: SCOPE.split(' '),
        features: {
            devInteractions: { enabled: false },
            clientCredentials: { enabled: true },
            resourceIndicators: {
                enabled: true,
                getResourceServerInfo: (context, resource) => ({
                    scope: SCOPE,
                    audience: resource,
                    accessTokenFormat: 'jwt',
                    accessTokenTTL: 600,
                    jwt: { sign: { alg: 'RS256' } }
                })
            }
        }
    };
}
