// One line a check, and an exit code that tells whether all of them held.

import process from 'node:process';

/** Longest time one check may take, in milliseconds. */
const PATIENCE = 20_000;

export class Report {
    #passed = 0;
    #failed = 0;

    /** Runs `body`; it passes when `body` returns and fails when it throws or outlasts `patience`. */
    async check(name, body, patience = PATIENCE) {
        try {
            await within(patience, body());
            this.#passed += 1;
            console.log(`ok    ${name}`);
        } catch (error) {
            this.#failed += 1;
            console.log(`FAIL  ${name}\n${indented(described(error))}`);
        }
    }

    /** Prints the sum and sets the exit code; no check at all is a failure too. */
    finish() {
        console.log(`${this.#passed} checks passed, ${this.#failed} failed`);
        process.exitCode = this.#failed > 0 || this.#passed === 0 ? 1 : 0;
    }
}

/** Resolves as `promise` does, or rejects after `milliseconds`. */
export async function within(milliseconds, promise) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`nothing happened for ${milliseconds} ms`)), milliseconds);
    });
    try {
        return await Promise.race([promise, late]);
    } finally {
        clearTimeout(timer);
    }
}

export function pause(milliseconds) {
    return new Promise(resolve => setTimeout(resolve, milliseconds));
}

/** What went wrong and where in the drivers it was noticed; the frames of the client say nothing about a server. */
function described(error) {
    const lines = (error?.stack ?? String(error)).split('\n');
    return lines.filter(line => !/^ +at /.test(line) || line.includes('/tests/peers/')).join('\n');
}

function indented(text) {
    return text.replace(/^/gm, '      ');
}
