// Which lorebook entries a chat brings in, and where: SillyTavern's own `checkWorldInfo` beside our `prompt render`.
//
//     node tests/e2e/lorebooks.mjs CARDWRIGHT SILLYTAVERN_PACKAGE WORK_FOLDER
//
// Both get the same books, chats, settings and character, and count tokens with the same model: SillyTavern asks our
// server for them. What is meant to differ has its reason beside it in `lorebook-cases.mjs`, and must differ.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { CASES, DRAWN } from './lorebook-cases.mjs';
import { check, finish, launch, serve, stopAll } from './tools.mjs';
import { connect, importCard, openTavern, startTavern } from './tavern.mjs';

const [binary, tavern, work] = process.argv.slice(2).map(file => path.resolve(file));
const USER = 'Mina';
const PERSONA = 'Mina is a night nurse.';
const TAGS = ['harbour', 'night'];
const DATA = {
    name: 'Ilse',
    description: 'Ilse keeps a shop.',
    personality: 'brisk',
    scenario: 'They meet in the attic.',
    first_mes: 'Hello.',
    mes_example: '',
    creator_notes: 'Best in the evening.',
    system_prompt: '',
    post_history_instructions: '',
    alternate_greetings: [],
    tags: TAGS,
    creator: '',
    character_version: '',
    extensions: { depth_prompt: { prompt: 'An umbrella drips.', depth: 4, role: 'system' } },
};
/** What each setting is where a case does not say: a new SillyTavern. */
const SETTINGS = {
    world_info_depth: 2, world_info_min_activations: 0, world_info_min_activations_depth_max: 0, world_info_budget: 25,
    world_info_include_names: true, world_info_recursive: true, world_info_case_sensitive: false, world_info_match_whole_words: true,
    world_info_character_strategy: 1, world_info_budget_cap: 0, world_info_use_group_scoring: false, world_info_max_recursion_steps: 0,
};
/** Tokens of a context that nobody fills. */
const PLENTY = 1_000_000;
/** Kept free for the reply, and the draws that are compared. */
const REPLY = 300;
const DRAWS = 150;

const cardOf = book => ({ spec: 'chara_card_v2', spec_version: '2.0', data: { ...DATA, ...(book && { character_book: book }) } });
const cardFile = path.join(work, 'Ilse.json');
const bookFile = path.join(work, 'World.json');
const chatFile = path.join(work, 'chat.jsonl');
fs.writeFileSync(cardFile, JSON.stringify(cardOf()));

const server = await serve(binary, work);
const base = await startTavern(tavern, work);
const browser = await launch();
const page = await (await browser.newContext()).newPage();
await page.route('**/api/horde/**', route => route.fulfill({ json: [] }));

/** What a case is to either of the two. */
const speaker = at => (at % 2 === 0 ? DATA.name : USER);
const messagesOf = texts => texts.map((mes, at) => ({ name: speaker(at), is_user: at % 2 === 1, is_system: false, mes }));

/** SillyTavern's answer, in a form that both can have. */
async function theirs(task) {
    return page.evaluate(async ({ world, own, settings, messages, room, trigger, sources, tags, begins, random }) => {
        const info = await import('/scripts/world-info.js');
        const context = window.SillyTavern.getContext();
        const template = info.newWorldInfoEntryTemplate;
        const fill = entries => Object.fromEntries(entries.map((entry, uid) => [uid, { ...structuredClone(template), uid, ...entry }]));
        info.worldInfoCache.set('World', { entries: fill(world) });
        const character = context.characters[context.characterId];
        character.data.extensions.world = own ? 'Own' : '';
        if (own) info.worldInfoCache.set('Own', info.convertCharacterBook(structuredClone(own)));
        context.tagMap[character.avatar] = tags;
        if (begins) delete context.chatMetadata.timedWorldInfo;
        info.updateWorldInfoSettings(settings, ['World']);
        const chance = Math.random;
        if (random !== undefined) Math.random = () => random;
        const scanned = messages.map(message => (settings.world_info_include_names ? `${message.name}: ${message.mes}` : message.mes)).reverse();
        const found = await info.checkWorldInfo(scanned, room, false, { ...sources, trigger });
        Math.random = chance;
        const lines = text => (text === '' ? [] : [text]);
        const at = (list, position) => list.filter(one => one.position === position).map(one => one.content);
        return {
            active: [...found.allActivatedEntries].map(entry => entry.comment).sort(),
            before: lines(found.worldInfoBefore),
            after: lines(found.worldInfoAfter),
            note_top: found.ANBeforeEntries,
            note_bottom: found.ANAfterEntries,
            examples_top: at(found.EMEntries, info.wi_anchor_position.before),
            examples_bottom: at(found.EMEntries, info.wi_anchor_position.after),
            depth: Object.fromEntries(found.WIDepthEntries.map(one => [`${one.depth} ${['system', 'user', 'assistant'][one.role]}`, one.entries]).sort()),
            // From the highest order to the lowest, which is how they stand where the outlet is.
            outlet: Object.fromEntries(Object.entries(found.outletEntries).map(([name, entries]) => [name, [...entries].reverse()]).sort()),
        };
    }, task);
}

/** Our answer in the same form. */
function ours(task, seed = 0) {
    const settings = Object.entries(task.settings).map(([name, value]) => `${name}=${value}`).join(',');
    const room = task.room === PLENTY ? [] : ['--context', String(task.room + REPLY), '--reply-tokens', String(REPLY)];
    const said = execFileSync(binary, [
        'prompt', 'render', cardFile, '--json', '--user', USER, '--user-persona', PERSONA, '--chat', chatFile, '--chat-out', chatFile,
        '--lorebook', bookFile, '--lore', settings, '--trigger', task.trigger, '--seed', String(seed), ...room,
    ], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    const [{ lore }] = JSON.parse(said);
    const placed = lore.filter(entry => entry.joins && entry.text !== null);
    const texts = at => placed.filter(entry => entry.place.at === at).map(entry => entry.text);
    const by = (at, key) => {
        const map = {};
        for (const entry of placed.filter(one => one.place.at === at)) (map[key(entry.place)] ??= []).push(entry.text);
        return Object.fromEntries(Object.entries(map).sort());
    };
    const joined = at => (texts(at).length === 0 ? [] : [texts(at).join('\n')]);
    return {
        active: lore.filter(entry => entry.joins).map(entry => entry.title).sort(),
        before: joined('before'),
        after: joined('after'),
        note_top: texts('note_top'),
        note_bottom: texts('note_bottom'),
        examples_top: texts('examples_top'),
        examples_bottom: texts('examples_bottom'),
        depth: by('depth', place => `${place.depth} ${place.role}`),
        outlet: by('outlet', place => place.name),
    };
}

/** Writes the chat of a step for us; what entries remember stays in it. */
function writeChat(messages, begins) {
    const header = begins ? { user_name: USER, character_name: DATA.name, chat_metadata: {} } : JSON.parse(fs.readFileSync(chatFile, 'utf8').split('\n')[0]);
    fs.writeFileSync(chatFile, [header, ...messages].map(line => `${JSON.stringify(line)}\n`).join(''));
}

/** What both make of a case, one pair for each step of its chat. */
async function both({ entries, isOwn, beside, book, chat, steps, set, room = PLENTY, trigger = 'normal' }) {
    const world = isOwn ? beside ?? [] : entries;
    const own = isOwn ? { name: 'Own', extensions: {}, ...book, entries: entries.map((entry, id) => ({ id, ...entry })) } : null;
    fs.writeFileSync(cardFile, JSON.stringify(cardOf(own)));
    const template = await page.evaluate(async () => (await import('/scripts/world-info.js')).newWorldInfoEntryTemplate);
    fs.writeFileSync(bookFile, JSON.stringify({ entries: Object.fromEntries(world.map((entry, uid) => [uid, { ...template, uid, ...entry }])) }));
    const texts = steps ? steps.map((_, at) => steps.slice(0, at + 1)) : [chat];
    const pairs = [];
    for (const [at, said] of texts.entries()) {
        const task = {
            world, own, room, trigger, tags: TAGS, messages: messagesOf(said), begins: at === 0, settings: { ...SETTINGS, ...set },
            sources: {
                personaDescription: PERSONA, characterDescription: DATA.description, characterPersonality: DATA.personality,
                characterDepthPrompt: DATA.extensions.depth_prompt.prompt, scenario: DATA.scenario, creatorNotes: DATA.creator_notes,
            },
        };
        writeChat(task.messages, task.begins);
        pairs.push([ours(task), await theirs(task), task]);
    }
    return pairs;
}

let agree = 0;
const apart = [];
try {
    await openTavern(page, base, USER);
    await importCard(page, cardFile, DATA.name);
    await connect(page, 'llamacpp', server.base);
    await page.evaluate(async name => {
        const context = window.SillyTavern.getContext();
        await context.selectCharacterById(context.characters.findIndex(one => one.name === name));
    }, DATA.name);

    // The two count alike, or budgets could not be compared.
    const texts = ['word0 word1 word2', 'oil '.repeat(20), 'Text of a.\n'];
    const counted = await page.evaluate(async all => {
        const { getTokenCountAsync } = await import('/scripts/tokenizers.js');
        return Promise.all(all.map(text => getTokenCountAsync(text)));
    }, texts);
    const expected = await Promise.all(texts.map(async content => (await server.post('/tokenize', { content })).tokens.length));
    check('both count the same tokens', JSON.stringify(counted) === JSON.stringify(expected), `${counted} and ${expected}`);

    for (const one of CASES) {
        const pairs = await both(one);
        const wrong = pairs.filter(([mine, other]) => JSON.stringify(mine) !== JSON.stringify(other));
        if (one.differs) {
            apart.push(`${one.name}: ${one.differs}`);
            check(`${one.name}: differs, as it is meant to`, wrong.length > 0, 'they agree now');
            continue;
        }
        const detail = wrong.map(([mine, other, task]) => `after ${task.messages.length} messages\nours:   ${JSON.stringify(mine)}\ntheirs: ${JSON.stringify(other)}`).join('\n');
        agree += check(one.name, wrong.length === 0, detail) ? 1 : 0;
    }

    // Chance: as often in both, within four standard deviations of the difference.
    const mine = {};
    const other = {};
    const count = (tally, active) => active.forEach(title => { tally[title] = (tally[title] ?? 0) + 1; });
    const [[, , task]] = await both({ entries: DRAWN, chat: ['lamp'], set: {} });
    for (let draw = 0; draw < DRAWS; draw += 1) {
        count(mine, ours(task, draw).active);
        count(other, (await theirs(task)).active);
    }
    for (const [title, share] of [['chance', 0.3], ['light', 0.25], ['heavy', 0.75]]) {
        const most = 4 * Math.sqrt(2 * share * (1 - share) / DRAWS);
        const [a, b] = [mine, other].map(tally => (tally[title] ?? 0) / DRAWS);
        check(`drawn as often: ${title}`, Math.abs(a - b) <= most && Math.abs(a - share) <= most, `${a} and ${b} of ${share}`);
    }
} catch (error) {
    check('the run came to its end', false, error.stack);
} finally {
    await browser.close();
    await stopAll();
}
const compared = CASES.filter(one => !one.differs).length;
console.log(`lorebooks: SillyTavern activates the same entries in the same places in ${agree} of ${compared} cases (${(100 * agree / compared).toFixed(1)} %)`);
console.log(`lorebooks: ${apart.length} cases differ on purpose:`);
for (const reason of apart) console.log(`    ${reason}`);
finish('lorebooks');
