// SillyTavern, as it comes from npm, in front of our server:
//
//     node tests/e2e/sillytavern.mjs CARDWRIGHT SILLYTAVERN_PACKAGE WORK_FOLDER
//
// Presets and a card are imported through its own dialogs. Then, connected as each of three back-ends, it sends, swipes,
// continues, impersonates and aborts. Each prompt that arrives must pass `prompt check` and be, byte for byte, what we
// render for the same chat.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { check, difference, finish, launch, serve, stopAll, until } from './tools.mjs';
import { TYPES, connect, importCard, openTavern, startTavern } from './tavern.mjs';

const [binary, tavern, work] = process.argv.slice(2).map(file => path.resolve(file));
const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
const card = 'anselm.png';
const USER = 'Mina';
const PERSONA = 'Mina is a night nurse who has rented the attic above the umbrella shop. She is curious and hard to frighten.';
const PRESET = 'cardwright limarp-v1';

const server = await serve(binary, work, ['--watch', '--cards', path.join(root, 'cards')]);
const base = await startTavern(tavern, work);
const browser = await launch();
const page = await (await browser.newContext({ viewport: { width: 1400, height: 900 } })).newPage();
const errors = [];
page.on('pageerror', error => errors.push(error.message));
// What it asks others in the network about at its start is not there, and is not our subject.
await page.route('**/api/horde/**', route => route.fulfill({ json: [] }));

/** The chat as SillyTavern has it. */
const chat = () => page.evaluate(() => {
    const { chat, name1, name2 } = window.SillyTavern.getContext();
    return { user: name1, char: name2, messages: chat.filter(message => !message.is_system).map(message => ({ role: message.is_user ? 'user' : 'char', text: message.mes })) };
});

/** The number of the newest prompt that arrived. */
const newest = async () => (await server.get('/api/watch')).prompts.at(-1)?.number ?? 0;

const idle = () => until('the reply is complete', async () => (await server.metric('requests_running')) === 0 && page.evaluate(() => !document.body.dataset.generating), 90);

/** Counts how often what is being written was seen to grow. */
const observe = selector => page.evaluate(query => {
    window.growth = new Set();
    window.observer?.disconnect();
    window.observer = new MutationObserver(() => {
        const element = [...document.querySelectorAll(query)].at(-1);
        const text = element?.value ?? element?.textContent ?? '';
        if (text.length > 0) window.growth.add(text.length);
    });
    window.observer.observe(document.body, { childList: true, subtree: true, characterData: true });
    window.watcher = setInterval(() => {
        const element = [...document.querySelectorAll(query)].at(-1);
        if (element?.value) window.growth.add(element.value.length);
    }, 20);
}, selector);
const growth = () => page.evaluate(() => {
    clearInterval(window.watcher);
    window.observer.disconnect();
    return window.growth.size;
});

/**
 * What was wrong with a prompt, if anything, and whether it is ours. A prompt that goes on with a message ends inside it, and
 * the check says so in a note: `notes` are the codes that are meant to be there.
 */
async function compare(what, before, expected, notes = []) {
    const unmeant = found => found.filter(finding => !(finding.severity === 'info' && notes.includes(finding.code)));
    const { prompts } = await server.get(`/api/watch?after=${before}`);
    if (!check(`${what}: one prompt arrived`, prompts.length === 1, `${prompts.length} prompts`)) return;
    const [{ prompt, findings }] = prompts;
    check(`${what}: the prompt is in format`, unmeant(findings).length === 0, JSON.stringify(findings, null, 1));
    const file = path.join(work, 'prompt.txt');
    fs.writeFileSync(file, prompt);
    let said = '';
    try {
        said = execFileSync(binary, ['prompt', 'check', '--format', 'limarp-v1', '--json', file], { encoding: 'utf8' });
    } catch (error) {
        said = `${error.stdout}${error.stderr}`;
    }
    const told = said.startsWith('[') ? JSON.parse(said) : [];
    check(`${what}: \`prompt check\` finds nothing`, told.length === 1 && unmeant(told[0].findings).length === 0, said);
    check(`${what}: the prompt is ours, byte for byte`, prompt === expected, difference(expected, prompt));
}

async function ours(messages, open, begun = '') {
    const rendered = await server.post('/api/prompt/render', {
        file: card, format: 'limarp-v1', user: USER, user_persona: PERSONA, messages, open,
    });
    return begun ? `${rendered.prompt} ${begun}` : rendered.prompt;
}

async function option(id) {
    await page.click('#options_button');
    await page.click(`#${id}`);
}

try {
    // A first start: who one is.
    await openTavern(page, base, USER);

    // The presets, through the import of advanced formatting and that of sampler settings.
    const presets = path.join(work, 'presets');
    execFileSync(binary, ['prompt', 'preset', 'limarp-v1', '-o', presets], { stdio: 'ignore' });
    await page.setInputFiles('#af_master_import_file', path.join(presets, `${PRESET}.json`));
    await page.locator('dialog[open] .popup-button-ok').click();
    await page.setInputFiles('input[data-preset-manager-file="textgenerationwebui"]', path.join(presets, 'textgen', `${PRESET}.json`));
    await until('the presets are imported', () => page.evaluate(wanted => ['#context_presets', '#instruct_presets', '#sysprompt_select', '#settings_preset_textgenerationwebui']
        .every(select => window.$(select).find('option:selected').text() === wanted), PRESET), 120);
    await page.evaluate(() => {
        const set = (selector, checked) => window.$(selector).prop('checked', checked).trigger('input').trigger('change');
        // The format has no place for examples.
        window.$('#example_messages_behavior').val('strip').trigger('change');
        set('#instruct_enabled', true);
        set('#sysprompt_enabled', true);
        set('#collapse-newlines-checkbox', false);
        set('#trim_sentences_checkbox', false);
        set('#streaming_textgenerationwebui', true);
        window.$('#amount_gen').val(48).trigger('input');
        window.$('#max_context').val(4096).trigger('input');
    });

    await until('the persona is set', () => page.evaluate(text => {
        window.$('#persona_description').val(text).trigger('input');
        return window.SillyTavern.getContext().powerUserSettings.persona_description === text;
    }, PERSONA));

    // The card, through the import of characters.
    await importCard(page, path.join(root, 'cards', card), 'Anselm');

    for (const type of Object.keys(TYPES)) {
        const status = await connect(page, type, server.base);
        const model = (await server.get('/v1/models')).data[0].id;
        check(`${type}: SillyTavern shows the model`, status === model, status);

        await page.evaluate(async () => {
            const context = window.SillyTavern.getContext();
            const at = context.characters.findIndex(one => one.name === 'Anselm');
            await context.selectCharacterById(at);
            await window.SillyTavern.getContext().executeSlashCommandsWithOptions('/newchat');
        });
        await until(`${type}: the chat is open`, async () => (await chat()).messages.length === 1, 20);
        await page.evaluate(() => window.$('#amount_gen').val(48).trigger('input'));

        // A message and its reply.
        let before = await newest();
        await observe('.mes[is_user="false"] .mes_text');
        await page.fill('#send_textarea', '"Good evening," Mina said, and shook the rain off her coat. "Are you the landlord?"');
        await page.click('#send_but');
        await until(`${type}: a reply`, async () => (await chat()).messages.length === 3, 60);
        await idle();
        check(`${type}: the reply was seen to be written`, (await growth()) >= 3, await page.evaluate(() => window.growth.size));
        let { messages } = await chat();
        check(`${type}: the reply says something`, messages[2].text.trim() !== '');
        await compare(`${type}: sent`, before, await ours(messages.slice(0, 2), 'char'));

        // Another version of it.
        before = await newest();
        const first = messages[2].text;
        await page.locator('#chat .last_mes .swipe_right').click();
        await until(`${type}: a swipe`, async () => (await newest()) > before, 30);
        await idle();
        await until(`${type}: the swipe is shown`, async () => (await chat()).messages[2].text !== first, 20).catch(() => {});
        ({ messages } = await chat());
        check(`${type}: the swipe is another reply`, messages[2].text !== first, first);
        await compare(`${type}: swiped`, before, await ours(messages.slice(0, 2), 'char'));

        // On with it.
        before = await newest();
        const begun = messages[2].text;
        await option('option_continue');
        await until(`${type}: going on`, async () => (await newest()) > before, 30);
        await idle();
        ({ messages } = await chat());
        check(`${type}: the reply goes on where it stopped`, messages.length === 3 && messages[2].text.startsWith(begun.trimEnd()), `${begun}\n->\n${messages[2].text}`);
        await compare(`${type}: continued`, before, await ours(messages.slice(0, 2), 'char', begun), ['open-turn-text']);

        // The user's turn, written by the model.
        before = await newest();
        await page.fill('#send_textarea', '');
        await option('option_impersonate');
        await until(`${type}: impersonating`, async () => (await newest()) > before, 30);
        await idle();
        await until(`${type}: the impersonation is shown`, async () => (await page.inputValue('#send_textarea')).trim() !== '', 20);
        await compare(`${type}: impersonated`, before, await ours(messages, 'user'));

        // A reply that is stopped while it is written.
        before = await newest();
        const completed = await server.metric('completed_total');
        await page.evaluate(() => window.$('#amount_gen').val(1500).trigger('input'));
        await page.fill('#send_textarea', 'Mina sat down by the fire and asked for the whole story.');
        await page.click('#send_but');
        await until(`${type}: something to stop`, async () => (await chat()).messages[4]?.text.length > 20, 60);
        await page.click('#mes_stop');
        await until(`${type}: the reply is stopped`, async () => (await server.metric('requests_running')) === 0, 5).catch(() => {});
        check(`${type}: stopping in SillyTavern stops the server`, (await server.metric('requests_running')) === 0);
        check(`${type}: the stopped reply was not written to its end`, (await server.metric('completed_total')) === completed);
        const slots = await server.get('/slots');
        check(`${type}: every slot is free`, slots.every(slot => !slot.is_processing), JSON.stringify(slots));
        ({ messages } = await chat());
        await compare(`${type}: stopped`, before, await ours(messages.slice(0, 4), 'char'));
        await idle();
    }
    check('SillyTavern met no error', errors.length === 0, errors.join('\n'));
} catch (error) {
    check('the run came to its end', false, error.stack);
    await page.screenshot({ path: path.join(work, 'sillytavern.png') }).catch(() => {});
    console.log(`    a picture of it: ${path.join(work, 'sillytavern.png')}`);
} finally {
    await browser.close();
    await stopAll();
}
finish('SillyTavern');
