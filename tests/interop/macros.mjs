// Prints what SillyTavern's own macro engine makes of the inputs in tests/fixtures/macros/cases.json.
//
//     SILLYTAVERN_DIR=node_modules/sillytavern node tests/interop/macros.mjs > tests/fixtures/macros/sillytavern-1.19.json
//
// For inputs that depend on chance, it prints every result that came up.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { start } from './sillytavern.mjs';

const root = path.resolve(process.argv[2] ?? process.env.SILLYTAVERN_DIR ?? 'node_modules/sillytavern');
if (!existsSync(path.join(root, 'public/scripts/macros/macro-system.js'))) {
    console.error(`skipped: no SillyTavern with a macro engine at ${root}; name one with SILLYTAVERN_DIR`);
    process.exit(0);
}

/** Often enough to see every result of the inputs, which have a dozen at most. */
const tries = 400;

const cases = JSON.parse(readFileSync(new URL('../fixtures/macros/cases.json', import.meta.url), 'utf8'));
const { expand, say } = await start(root);
const groups = cases.map(group => {
    // A negative sign in the zone's name means ahead of UTC.
    const hours = (group.context.clock?.offset ?? 0) / 60;
    process.env.TZ = hours ? `Etc/GMT${hours > 0 ? '-' : '+'}${Math.abs(hours)}` : 'UTC';
    const answers = group.inputs.map(input => {
        const text = input.input ?? input;
        if (group.chance) {
            const results = new Set();
            for (let count = 0; count < tries; count++) results.add(expand(text, group.context).text);
            return [...results].sort();
        }
        const { text: result, locals, globals } = expand(text, group.context);
        const changed = (before, after) => JSON.stringify(before ?? {}) !== JSON.stringify(after);
        const answer = { text: result };
        if (changed(group.context.locals, locals)) answer.locals = locals;
        if (changed(group.context.globals, globals)) answer.globals = globals;
        return Object.keys(answer).length > 1 ? answer : result;
    });
    return ` {\n  "name": ${JSON.stringify(group.name)},\n  "answers": [\n${answers.map(answer => `   ${JSON.stringify(answer)}`).join(',\n')}\n  ]\n }`;
});
say.log(`[\n${groups.join(',\n')}\n]`);
