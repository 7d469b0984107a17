// Runs each selection of the conformance suite and holds the counts of its checks against what they must be.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';

const [node, suite, url] = process.argv.slice(2);

// `skipped` names the only checks that may be skipped, and why they are by the suite itself:
// the 2026 suite has no way yet to see notifications of a task's status. BONUS is informative for a server that answers
// inline and a success for one that lets its client come back for the answer: both are right, so it is not counted.
const BONUS = 'server-sse-disconnect-resume';
const SELECTIONS = [
    { name: 'requirements 2025-11-25', args: ['--requirements', '2025-11-25'], successes: 83, skipped: [] },
    { name: 'requirements 2026-07-28', args: ['--requirements', '2026-07-28'], successes: 197, skipped: ['tasks-status-notifications'] },
    { name: 'all of 2025-06-18', args: ['--suite', 'all', '--spec-version', '2025-06-18'] },
    { name: 'all of 2025-03-26', args: ['--suite', 'all', '--spec-version', '2025-03-26'] }
];

const STATUSES = ['SUCCESS', 'FAILURE', 'WARNING', 'SKIPPED', 'INFO'];
const STAMP = /-\d{4}-\d{2}-\d{2}T[\d-]+Z$/;

const outcomes = SELECTIONS.map(run);
const width = Math.max(...SELECTIONS.map(({ name }) => name.length));
console.log([''.padEnd(width), 'scenarios', ...STATUSES].join('  '));
for (const { name, scenarios, counts, verdict } of outcomes) {
    const cells = STATUSES.map(status => String(counts[status] ?? 0).padStart(status.length));
    console.log([name.padEnd(width), String(scenarios).padStart(9), ...cells, verdict].join('  '));
}
process.exitCode = outcomes.every(({ verdict }) => verdict === 'ok') ? 0 : 1;

function run(selection) {
    const out = mkdtempSync(path.join(tmpdir(), 'conformance-'));
    try {
        const command = [suite, 'server', '--url', url, ...selection.args, '-o', out];
        const { status, stdout, stderr, error } = spawnSync(node, command, { encoding: 'utf8', timeout: 120_000 });
        const checks = readChecks(out);
        const counts = countBy(checks, check => check.status);
        const scenarios = new Set(checks.map(check => check.scenario)).size;
        checks.filter(check => isWrong(check, selection)).forEach(describe);
        const verdict = judge(selection, counts, checks, error ? String(error) : status);
        if (verdict !== 'ok' && checks.length === 0) console.log(`${stdout}\n${stderr}`);
        return { name: selection.name, scenarios, counts, verdict };
    } finally {
        rmSync(out, { recursive: true, force: true });
    }
}

function readChecks(out) {
    return readdirSync(out)
        .filter(entry => entry.startsWith('server-'))
        .flatMap(entry => {
            const scenario = entry.replace('server-', '').replace(STAMP, '');
            return checksOf(path.join(out, entry, 'checks.json')).map(check => ({ ...check, scenario }));
        });
}

/** A scenario that broke off leaves its folder without checks, which must not count as nothing. */
function checksOf(file) {
    if (!existsSync(file)) {
        return [{ id: 'no-checks', name: 'NoChecks', status: 'FAILURE', description: 'The scenario broke off before it wrote its checks.' }];
    }
    return JSON.parse(readFileSync(file, 'utf8'));
}

function isWrong({ status, scenario }, { successes, skipped }) {
    if (status === 'FAILURE') return true;
    if (successes === undefined) return false;
    return status === 'WARNING' || (status === 'SKIPPED' && !skipped.includes(scenario));
}

function judge(selection, counts, checks, status) {
    if (status !== 0) return `the suite ended with ${status}`;
    const wrong = checks.filter(check => isWrong(check, selection)).length;
    if (wrong > 0) return `${wrong} checks are not as they must be`;
    const { successes } = selection;
    if (successes === undefined) return counts.SUCCESS > 0 ? 'ok' : 'no check succeeded';
    const scored = checks.filter(({ status, id }) => status === 'SUCCESS' && id !== BONUS).length;
    return scored === successes ? 'ok' : `${scored} of ${successes} successes`;
}

function describe({ status, scenario, id, name, description, errorMessage, details }) {
    console.log(`${status} ${scenario} ${id} (${name})\n    ${description}`);
    if (errorMessage) console.log(`    ${errorMessage}`);
    if (details) console.log(JSON.stringify(details, null, 2).slice(0, 4_000).replace(/^/gm, '    '));
}

function countBy(items, key) {
    const counts = {};
    for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
    return counts;
}
