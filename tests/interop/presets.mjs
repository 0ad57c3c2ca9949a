// Whether the presets of `cardwright prompt preset` make SillyTavern's own functions write the golden files' exact bytes.
//
// node tests/interop/presets.mjs SILLYTAVERN_PACKAGE CARDWRIGHT

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { functionText, load as loadFunctions } from './functions.mjs';

const [root, cardwright] = process.argv.slice(2).map(file => path.resolve(file));
const golden = fileURLToPath(new URL('../fixtures/prompt/golden', import.meta.url));
const Handlebars = createRequire(path.join(root, 'package.json'))('handlebars');
// SillyTavern's helper leaves the macro for later.
Handlebars.registerHelper('trim', () => '{{trim}}');

const read = file => fs.readFileSync(path.join(root, 'public/scripts', file), 'utf8');
const instructMode = read('instruct-mode.js');
const names = ['formatInstructModeStoryString', 'formatInstructModeChat', 'formatInstructModePrompt'];
const functions = [...names.map(name => functionText(instructMode, name)), functionText(read('power-user.js'), 'renderStoryString')];

/** The functions, with what they take from their modules. */
function load(conversation) {
    const known = {
        names_behavior_types: { NONE: 'none', FORCE: 'force', ALWAYS: 'always' },
        force_output_sequence: { FIRST: 1, LAST: 2 },
        extension_prompt_types: { IN_PROMPT: 0, IN_CHAT: 1, BEFORE_PROMPT: 2 },
        selected_group: null,
        power_user: {},
        substituteParams: text => text.replace(/\n*{{trim}}\n*/gi, '').replace(/{{(char|user)}}/g, (_, key) => conversation[key]),
        validateStoryString: () => {},
        toastr: {},
        Handlebars,
    };
    return loadFunctions(functions, ['substituteParams', 'renderStoryString', ...names], known);
}

/** The conversation of the golden files, read from the first of them. */
function museum() {
    const text = fs.readFileSync(path.join(golden, 'limarp-v1.open.txt'), 'utf8');
    const find = pattern => pattern.exec(text)[1];
    return {
        char: 'Lucian',
        user: 'Ann',
        description: find(/Lucian's Persona: (.*)/),
        persona: find(/Ann's Persona: (.*)/),
        scenario: find(/Scenario: (.*)/),
        messages: [
            { isUser: false, text: find(/<<AIBOT>>\nLucian: ([^]*?)\n\n<<HUMAN>>/) },
            { isUser: true, text: find(/<<HUMAN>>\nAnn: (.*)/) },
        ],
    };
}

/** The prompt as SillyTavern puts it together: story string, messages, reply line. */
function prompt(presets, conversation) {
    const tavern = load(conversation);
    const { context, sysprompt } = presets;
    const instruct = { ...presets.instruct, enabled: true };
    const { user, char, messages } = conversation;
    const settings = { customInstructSettings: instruct, customContextSettings: context };
    const story = tavern.renderStoryString({ ...conversation, system: tavern.substituteParams(sysprompt.content) }, settings);
    let text = tavern.formatInstructModeStoryString(story, { customContext: context, customInstruct: instruct });
    const said = (message, place) =>
        tavern.formatInstructModeChat(message.isUser ? user : char, message.text, message.isUser, false, '', user, char, place, instruct);
    if (instruct.user_alignment_message && !messages[0].isUser) {
        text += said({ isUser: true, text: instruct.user_alignment_message }, null);
    }
    const lastOfUser = messages.map(message => message.isUser).lastIndexOf(true);
    messages.forEach((message, at) => {
        text += said(message, at === 0 ? 1 : at === lastOfUser ? 2 : null);
    });
    if (instruct.wrap) text = text.replace(/\n$/, '');
    return text + tavern.formatInstructModePrompt(char, false, '', user, char, false, false, instruct);
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'presets-'));
const conversation = museum();
const tested = [];
const different = [];
for (const file of fs.readdirSync(golden).filter(file => file.endsWith('.open.txt')).sort()) {
    const format = file.replace('.open.txt', '');
    try {
        execFileSync(cardwright, ['prompt', 'preset', format, '--length', 'long', '-o', folder], { stdio: 'ignore' });
    } catch {
        console.log(`presets: ${format} cannot be expressed in SillyTavern`);
        continue;
    }
    const presets = JSON.parse(fs.readFileSync(path.join(folder, `cardwright ${format}.json`), 'utf8'));
    const written = prompt(presets, conversation);
    tested.push(format);
    if (written !== fs.readFileSync(path.join(golden, file), 'utf8')) {
        different.push(format);
        console.log(`presets: ${format} differs: ${JSON.stringify(written)}`);
    }
}
fs.rmSync(folder, { recursive: true });
console.log(`presets: SillyTavern writes the exact bytes of ${tested.length - different.length} of ${tested.length} formats (${tested.join(', ')})`);
process.exitCode = different.length || !tested.length ? 1 : 0;
