// Whether `prompt import` and `prompt render` write what SillyTavern's own functions write, for every preset it ships.
//
// node tests/interop/stock.mjs SILLYTAVERN_PACKAGE CARDWRIGHT
//
// Each instruct preset is taken with the context of its name, each context with the instruct of its name. The same card
// and chat go through both sides: system prompt, lorebook entries before and after, examples, a depth prompt, an
// author's note, an instruction after the chat. The order of the parts is put together here as SillyTavern's generation
// does; every part is written by its own function, and macros by its own engine.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

import { functionText, load } from './functions.mjs';
import { start } from './sillytavern.mjs';

const [root, cardwright] = process.argv.slice(2).map(file => path.resolve(file));
const stock = kind => {
    const folder = path.join(root, 'default/content/presets', kind);
    const files = fs.readdirSync(folder).filter(file => file.endsWith('.json')).sort();
    return new Map(files.map(file => [file.slice(0, -5), path.join(folder, file)]));
};
const [contexts, instructs, sysprompts] = ['context', 'instruct', 'sysprompt'].map(stock);
const json = file => JSON.parse(fs.readFileSync(file, 'utf8'));
const Handlebars = createRequire(path.join(root, 'package.json'))('handlebars');
const engine = await start(root);

const cast = { user: 'Finn', char: 'Mara', persona: 'Finn is a sailor with a leaking boat.' };
const substituteParams = text => engine.expand(text ?? '', cast).text;
Handlebars.registerHelper('trim', () => '{{trim}}');
Handlebars.registerHelper('helperMissing', (...all) => substituteParams(`{{${all.at(-1).name}}}`));

const card = {
    spec: 'chara_card_v2',
    spec_version: '2.0',
    data: {
        name: cast.char,
        description: '{{char}} keeps a lighthouse.\nShe collects storms in jars & never raises her voice.',
        personality: 'patient, dry',
        scenario: '{{user}} knocks at the lighthouse door on a wet night.',
        first_mes: '{{char}} opened the door. "Come in, {{user}}."',
        mes_example: '<START>\n{{user}}: "Is it far?"\n{{char}}: "Everything is far," {{char}} said.\n{{char}} yawned.\n<START>\n{{char}}: "Boxes leak."',
        creator_notes: '', system_prompt: '', post_history_instructions: 'Stay dry, {{char}}.', alternate_greetings: [], tags: [], creator: '', character_version: '',
        extensions: { depth_prompt: { prompt: '{{char}} never lies.', depth: 2, role: 'system' } },
        character_book: { extensions: {}, entries: [
            { keys: [], constant: true, content: 'The lamp burns whale oil.', enabled: true, insertion_order: 1, position: 'before_char', extensions: {} },
            { keys: ['towel'], content: 'Towels dry on the gallery.', enabled: true, insertion_order: 2, position: 'after_char', extensions: {} },
        ] },
    },
};
const note = 'Keep the weather in view.';
const chat = [
    { name: cast.char, is_user: false, mes: card.data.first_mes },
    { name: cast.user, is_user: true, mes: '"Thank you," Finn said, and dripped on the mat.\n\nHe sneezed.' },
    { name: cast.char, is_user: false, mes: '"Sit," Mara said. "There is a towel."' },
    { name: cast.user, is_user: true, mes: 'Finn took the towel.' },
];

const scripts = path.join(root, 'public');
const read = file => fs.readFileSync(path.join(scripts, file), 'utf8');
const sources = {
    'scripts/instruct-mode.js': ['migrateInstructModeSettings', 'formatInstructModeStoryString', 'formatInstructModeChat', 'formatInstructModePrompt', 'formatInstructModeExamples', 'getInstructStoppingSequences'],
    'scripts/power-user.js': ['renderStoryString'],
    'scripts/openai.js': ['parseExampleIntoIndividual'],
    'script.js': ['parseMesExamples'],
};
const names = Object.values(sources).flat();
const texts = Object.entries(sources).flatMap(([file, list]) => list.map(name => functionText(read(file), name)));

/** SillyTavern's functions with these presets chosen. */
function tavern(instruct, context, sysprompt) {
    const power_user = { instruct: { ...instruct, enabled: true }, context, sysprompt: { ...sysprompt, enabled: true } };
    const functions = load(texts, names, {
        power_user,
        names_behavior_types: { NONE: 'none', FORCE: 'force', ALWAYS: 'always' },
        force_output_sequence: { FIRST: 1, LAST: 2 },
        extension_prompt_types: { NONE: -1, IN_PROMPT: 0, IN_CHAT: 1, BEFORE_PROMPT: 2 },
        selected_group: null,
        main_api: 'textgenerationwebui',
        name1: cast.user,
        name2: cast.char,
        onlyUnique: (value, index, array) => array.indexOf(value) === index,
        getGroupNames: () => [],
        validateStoryString: () => {},
        toastr: {},
        substituteParams,
        Handlebars,
    });
    functions.migrateInstructModeSettings(power_user.instruct);
    return { ...functions, power_user };
}

/** The prompt, part by part in SillyTavern's order. */
function theirs(presets) {
    const [instruct, context, sysprompt] = presets;
    const st = tavern(instruct, context, sysprompt);
    const set = st.power_user.instruct;
    const field = text => substituteParams(text.trim());
    const { data } = card;
    const examples = st.formatInstructModeExamples(st.parseMesExamples(field(data.mes_example), true), cast.user, cast.char);
    const story = st.formatInstructModeStoryString(st.renderStoryString({
        description: field(data.description),
        personality: field(data.personality),
        persona: cast.persona,
        scenario: field(data.scenario),
        system: substituteParams(sysprompt.content),
        ...cast,
        wiBefore: 'The lamp burns whale oil.', loreBefore: 'The lamp burns whale oil.',
        wiAfter: 'Towels dry on the gallery.', loreAfter: 'Towels dry on the gallery.',
        anchorBefore: '', anchorAfter: '',
        mesExamples: examples.join(''), mesExamplesRaw: '',
    }));
    // Counted from the end: what is inserted, then the instruction after the chat.
    const items = chat.map((message, at) => ({ ...message, mes: at ? message.mes : substituteParams(message.mes) })).reverse();
    const narrator = mes => ({ name: '', is_user: false, mes, extra: { type: 'narrator' } });
    items.splice(2, 0, narrator(substituteParams(data.extensions.depth_prompt.prompt)));
    items.splice(5, 0, narrator(note));
    items.reverse();
    items.push({ mes: substituteParams(data.post_history_instructions), is_user: true });
    const lastOfUser = items.findLastIndex(item => item.is_user);
    const written = items.map((item, at) => {
        const place = at === lastOfUser ? 2 : at === 0 ? 1 : null;
        const name = item.is_user ? item.name : item.name || cast.char;
        return st.formatInstructModeChat(name, item.mes, item.is_user, item.extra?.type === 'narrator', '', cast.user, cast.char, place);
    });
    if (set.user_alignment_message && !items[0].is_user) {
        written.unshift(st.formatInstructModeChat(cast.user, substituteParams(set.user_alignment_message), true, false, '', cast.user, cast.char, 1));
    }
    if (set.wrap) written.push(written.pop().replace(/\n?$/, ''));
    const reply = st.formatInstructModePrompt(cast.char, false, '', cast.user, cast.char, false, false);
    const begin = context.chat_start ? substituteParams(`${context.chat_start}\n`) : '';
    const stops = context.names_as_stop_strings ? [`\n${cast.user}:`] : [];
    stops.push(...st.getInstructStoppingSequences());
    if (context.single_line) stops.unshift('\n');
    return { prompt: [story, examples.join(''), begin, ...written, reply].join('').replace(/\r/g, ''), stops };
}

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'stock-'));
fs.writeFileSync(path.join(work, 'mara.json'), JSON.stringify(card));
const header = { chat_metadata: { note_prompt: note, note_depth: 4, note_position: 1, note_interval: 1, note_role: 0 }, user_name: 'unused', character_name: 'unused' };
fs.writeFileSync(path.join(work, 'chat.jsonl'), [header, ...chat].map(line => JSON.stringify(line)).join('\n'));

/** The same by our command. */
function ours(files) {
    const format = path.join(work, 'stock.hbs');
    execFileSync(cardwright, ['prompt', 'import', ...files, '-o', format], { stdio: 'pipe' });
    const said = execFileSync(cardwright, ['prompt', 'render', path.join(work, 'mara.json'), '--chat', path.join(work, 'chat.jsonl'),
        '--user-persona', cast.persona, '--format', format, '--json'], { stdio: 'pipe', encoding: 'utf8' });
    const [row] = JSON.parse(said);
    return { prompt: row.prompt, stops: row.stop };
}

const pairs = new Map();
for (const name of instructs.keys()) pairs.set(`${name}`, [name, contexts.has(name) ? name : 'Default']);
for (const name of contexts.keys()) if (!instructs.has(name)) pairs.set(`Alpaca in ${name}`, ['Alpaca', name]);
const sysprompt = sysprompts.get('Neutral - Chat');
let same = 0;
let sameStops = 0;
for (const [title, [instruct, context]] of pairs) {
    const files = [instructs.get(instruct), contexts.get(context), sysprompt];
    try {
        const [a, b] = [theirs(files.map(json)), ours(files)];
        if (a.prompt === b.prompt) same += 1;
        else engine.say.log(`stock: ${title} differs:\n  theirs ${JSON.stringify(a.prompt)}\n  ours   ${JSON.stringify(b.prompt)}`);
        if (JSON.stringify(a.stops) === JSON.stringify(b.stops)) sameStops += 1;
        else engine.say.log(`stock: ${title} stops differ:\n  theirs ${JSON.stringify(a.stops)}\n  ours   ${JSON.stringify(b.stops)}`);
    } catch (error) {
        engine.say.log(`stock: ${title}: ${error.stderr ?? error.stack}`);
    }
}
fs.rmSync(work, { recursive: true });
const rate = count => `${count} of ${pairs.size} (${(100 * count / pairs.size).toFixed(1)} %)`;
engine.say.log(`stock presets: the prompt is the same byte for byte for ${rate(same)}, the stop strings for ${rate(sameStops)}`);
process.exitCode = same === pairs.size && sameStops === pairs.size ? 0 : 1;
